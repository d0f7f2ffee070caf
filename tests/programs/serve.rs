//! A small server on tokio.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let address = format!("127.0.0.1:{}", port.trim_start_matches("--port="));
    let runtime = Builder::new_multi_thread().worker_threads(3).enable_all().build();
    runtime.expect("it starts").block_on(async move {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        loop {
            let Ok((mut stream, _)) = listener.accept().await else {
                continue;
            };
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    tokio::task::yield_now().await;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nconsole.log(1)\n";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}
