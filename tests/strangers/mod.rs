//! A search over several processes, among strangers: who lacks the secret costs a connection and nothing else, and who
//! has it and is lost is noticed. No attack gives another verdict than the right one or `partial`.

mod between;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{POOL, Scratch, code, portsim, words};
use crate::root;
use crate::searching::wait_for_checkpoint;
use between::{Tamper, proxy};

/// A search of two million states.
const LARGER: [&str; 3] = ["--reduce", "none", "scenarios/bench/pool-5-2-2-5.json"];

/// Bytes of each of the first two messages between processes.
const GREETING: usize = 72;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes that search together, and what they need.
struct Search {
    scratch: Scratch,
    addresses: Vec<String>,
}

/// A process of a search, which does not outlive its test.
struct Process(Option<Child>);

impl Search {
    fn new(name: &str, processes: usize) -> Search {
        let scratch = Scratch::new(&format!("strangers-{name}"));
        scratch.file("secret", b"known to every process\n");
        Search {
            scratch,
            addresses: addresses(processes),
        }
    }

    /// Starts a process, for which the others may have other addresses.
    fn start_among(&self, addresses: &[String], process: usize, args: &[&str]) -> Process {
        let name = format!("hosts-{}", addresses.join("-").replace(':', "-"));
        let hosts = self.scratch.file(&name, addresses.join("\n").as_bytes());
        let mut command = Command::new(env!("CARGO_BIN_EXE_portsim"));
        command
            .args(["check", "--workers", "1", "--json"])
            .args(["--hosts", &hosts, "--process", &process.to_string()])
            .args(args)
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Process(Some(command.spawn().expect("the command can be started")))
    }

    fn start(&self, process: usize, args: &[&str]) -> Process {
        let secret = self.scratch.path("secret");
        let args = [args, &["--secret", &secret]].concat();
        self.start_among(&self.addresses, process, &args)
    }

    /// A connection to a process, as soon as it listens.
    fn connect(&self, process: usize) -> TcpStream {
        let since = Instant::now();
        loop {
            match TcpStream::connect(&self.addresses[process]) {
                Ok(socket) => return socket,
                Err(error) => assert!(since.elapsed() < PATIENCE, "{error}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The addresses as a process sees them for which all that goes to the first one goes through somebody else.
    fn through(&self, other: &str) -> Vec<String> {
        let mut addresses = self.addresses.clone();
        other.clone_into(&mut addresses[0]);
        addresses
    }
}

impl Process {
    fn id(&self) -> u32 {
        self.0.as_ref().expect("it runs").id()
    }

    fn kill(&mut self) {
        self.0.as_mut().expect("it runs").kill().expect("it runs");
    }

    /// What it says in the end.
    fn output(mut self) -> Output {
        let since = Instant::now();
        let mut child = self.0.take().expect("it runs");
        while child.try_wait().expect("it can be waited for").is_none() {
            if since.elapsed() > PATIENCE {
                child.kill().expect("it runs");
                panic!(
                    "it hangs: {}",
                    words(&child.wait_with_output().expect("killed"))
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().expect("it has ended")
    }

    /// What it says of a search of which it has seen everything.
    fn passes(self) {
        let output = self.output();
        assert_eq!(code(&output), 0, "{}", words(&output));
        let alone = portsim(&["check", POOL, "--workers", "1", "--json"]);
        assert_eq!(found(&output), found(&alone));
    }

    /// It says that another one was lost, and how.
    fn ends_partial(self, why: &str) {
        let output = self.output();
        assert_eq!(code(&output), 4, "{}", words(&output));
        assert_eq!(found(&output)["verdict"], "partial");
        assert!(words(&output).contains(why), "{}", words(&output));
    }

    /// It does not search, and says why.
    fn gives_up(self, why: &str) {
        let output = self.output();
        assert_eq!(code(&output), 3, "{}", words(&output));
        assert!(words(&output).contains(why), "{}", words(&output));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Addresses that are free.
fn addresses(count: usize) -> Vec<String> {
    let listen = |_| TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let held: Vec<_> = (0..count).map(listen).collect();
    let address = |at: &TcpListener| at.local_addr().expect("it is bound").to_string();
    held.iter().map(address).collect()
}

/// What was found, without what varies.
fn found(output: &Output) -> Value {
    let mut all: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", words(output)));
    let mut check = all["scenarios"][0].take();
    for varies in ["seconds", "bytes_per_state"] {
        check[varies] = Value::Null;
    }
    check
}

fn both_pass(processes: [Process; 2]) {
    for process in processes {
        process.passes();
    }
}

/// Strangers do this to the first process while it waits; then the other one comes, and both search as if nobody had
/// been there.
fn survives<T>(name: &str, attack: impl FnOnce(&Search) -> T) {
    let undisturbed = {
        let search = Search::new(&format!("{name}-before"), 2);
        let since = Instant::now();
        both_pass([0, 1].map(|process| search.start(process, &[POOL])));
        since.elapsed()
    };
    let search = Search::new(name, 2);
    let first = search.start(0, &[POOL]);
    drop(search.connect(0));
    let held = attack(&search);
    let since = Instant::now();
    let second = search.start(1, &[POOL]);
    both_pass([first, second]);
    // A greeting may take five seconds: nobody has waited for one to end.
    let most = 4 * undisturbed + Duration::from_secs(4);
    assert!(since.elapsed() < most, "{name}");
    drop(held);
}

/// Sends this, as far as the other side takes it.
fn send(search: &Search, bytes: &[u8]) -> TcpStream {
    let mut socket = search.connect(0);
    let _ = socket.write_all(bytes);
    socket
}

/// Bytes that mean nothing.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The first message of a process that has the secret, to somebody who does not.
fn recorded(search: &Search) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let here = listener.local_addr().expect("it is bound").to_string();
    let secret = search.scratch.path("secret");
    let args = [POOL, "--secret", &secret];
    // It listens where the true one will.
    let _caller = search.start_among(&search.through(&here), 1, &args);
    let mut message = vec![0; GREETING];
    let (mut socket, _) = listener.accept().expect("it calls");
    socket.read_exact(&mut message).expect("it greets");
    message
}

#[test]
fn a_silent_connection() {
    survives("silent", |search| [(); 3].map(|()| search.connect(0)));
}

/// Who says nothing is given up; who waits for others is not, for any time.
#[test]
fn a_long_wait() {
    let search = Search::new("long", 3);
    let waiting = [0, 1].map(|process| search.start(process, &[POOL]));
    let mut silent = search.connect(0);
    let since = Instant::now();
    silent
        .set_read_timeout(Some(PATIENCE))
        .expect("it is no zero");
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    assert!(since.elapsed() < PATIENCE / 2);
    thread::sleep(Duration::from_secs(12).saturating_sub(since.elapsed()));
    search.start(2, &[POOL]).passes();
    both_pass(waiting);
}

#[test]
fn a_port_scan() {
    survives("scan", |search| {
        for _ in 0..20 {
            search
                .connect(0)
                .shutdown(Shutdown::Both)
                .expect("it is open");
        }
    });
}

#[test]
fn zeros() {
    survives("zeros", |search| send(search, &[0; 1 << 20]));
}

#[test]
fn a_length_beyond_all_bounds() {
    survives("huge", |search| send(search, &[0xff; 1 << 20]));
}

#[test]
fn random_bytes() {
    survives("random", |search| {
        [1, GREETING, 1 << 20].map(|length| send(search, &noise(length)))
    });
}

#[test]
fn half_a_greeting_and_silence() {
    survives("half", |search| {
        send(search, &recorded(search)[..GREETING / 2])
    });
}

#[test]
fn half_a_greeting_and_the_end() {
    survives("cut", |search| {
        drop(send(search, &recorded(search)[..GREETING / 2]));
    });
}

#[test]
fn a_byte_now_and_then() {
    survives("slow", |search| {
        let message = recorded(search);
        let mut socket = search.connect(0);
        thread::spawn(move || {
            for byte in message {
                if socket.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
    });
}

/// The first message of another time is answered, and that is all.
#[test]
fn a_recorded_greeting() {
    survives("recorded", |search| {
        let message = recorded(search);
        let mut socket = send(search, &message);
        let mut answer = [0; GREETING];
        socket.read_exact(&mut answer).expect("it is a true one");
        let _ = socket.write_all(&noise(20));
        [socket, send(search, &[&message[..], &noise(20)].concat())]
    });
}

/// All that a process sent in a search of another time gives nothing to a stranger.
#[test]
fn a_recorded_search() {
    survives("again", |search| {
        let before = Search::new("before", 2);
        let (proxy, sent) = proxy(&before, Tamper::Nothing);
        let secret = before.scratch.path("secret");
        let args = [POOL, "--secret", &secret];
        let second = before.start_among(&before.through(&proxy), 1, &args);
        both_pass([before.start(0, &[POOL]), second]);
        let all: Vec<u8> = sent.try_iter().flatten().collect();
        assert!(all.len() > GREETING);
        send(search, &all)
    });
}

/// Memory, threads and files stay bounded, and whoever has the secret comes through.
#[test]
fn a_flood() {
    survives("flood", |search| {
        (0..200).map(|_| search.connect(0)).collect::<Vec<_>>()
    });
    let search = Search::new("flooded", 2);
    let first = search.start(0, &[POOL]);
    let _held: Vec<_> = (0..200)
        .map(|n| match n % 2 {
            0 => search.connect(0),
            _ => send(&search, &noise(GREETING / 2)),
        })
        .collect();
    if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", first.id())) {
        let of = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|it| it.parse().ok()).expect("a number")
        };
        assert!(of("VmHWM:") < 64 << 10, "{status}");
        assert!(of("Threads:") < 140, "{status}");
    }
    let second = search.start(1, &[POOL]);
    both_pass([first, second]);
}

/// A process with another secret is a stranger, and is told what may be wrong.
#[test]
fn another_secret() {
    let search = Search::new("other", 2);
    let first = search.start(0, &[POOL]);
    drop(search.connect(0));
    let secret = search.scratch.file("other", b"not known to the others\n");
    let other = addresses(1);
    let among = [search.addresses[0].clone(), other[0].clone()];
    let args = [POOL, "--secret", &secret, "--wait", "1"];
    let stranger = search.start_among(&among, 1, &args);
    stranger.gives_up("has another secret");
    let second = search.start(1, &[POOL]);
    both_pass([first, second]);
}

/// Who has the secret and another file of hosts is told so, and has no place that is not there.
#[test]
fn a_number_beyond_the_hosts() {
    let search = Search::new("beyond", 2);
    let first = search.start(0, &[POOL]);
    let secret = search.scratch.path("secret");
    let among = [&search.addresses[..1], &addresses(3)].concat();
    let fourth = search.start_among(&among, 3, &[POOL, "--secret", &secret]);
    fourth.gives_up("different files of hosts");
    first.gives_up("different files of hosts");
}

/// The second one with a number is told so; the first one stays.
#[test]
fn two_with_one_number() {
    let search = Search::new("twice", 3);
    let start = |process| search.start(process, &[POOL]);
    let (first, second) = (start(0), start(1));
    let secret = search.scratch.path("secret");
    let among = [
        &search.addresses[..1],
        &addresses(1),
        &search.addresses[2..],
    ]
    .concat();
    // They listen at different addresses. Whichever comes later, one of both is told.
    let again = search.start_among(&among, 1, &[POOL, "--secret", &secret]);
    let [one, other] = ended_first([second, again]);
    one.gives_up("same number");
    drop(other);
    first.gives_up("was lost before the search began");
}

/// Of two processes the one that ends first, and the other one.
fn ended_first(mut both: [Process; 2]) -> [Process; 2] {
    let since = Instant::now();
    loop {
        assert!(since.elapsed() < PATIENCE, "none ends");
        let ended = |it: &mut Process| {
            let child = it.0.as_mut().expect("it was started");
            child.try_wait().expect("it can be waited for").is_some()
        };
        if let Some(n) = both.iter_mut().position(ended) {
            if n == 1 {
                both.reverse();
            }
            return both;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Who does not come is named.
#[test]
fn nobody_comes() {
    let search = Search::new("nobody", 2);
    let first = search.start(0, &[POOL, "--wait", "0.3"]);
    first.gives_up(&format!(
        "process 1 ({}) has not called",
        search.addresses[1]
    ));
    let second = search.start(1, &[POOL, "--wait", "0.3"]);
    second.gives_up("cannot be reached");
}

/// Without `--secret` the first process makes one, and the others find it beside their hosts.
#[test]
fn a_secret_is_made() {
    let search = Search::new("made", 2);
    let second = search.start_among(&search.addresses, 1, &[POOL]);
    let first = search.start_among(&search.addresses, 0, &[POOL]);
    both_pass([first, second]);
    let alone = Search::new("unmade", 2);
    let second = alone.start_among(&alone.addresses, 1, &[POOL, "--wait", "0.3"]);
    let output = second.output();
    assert_eq!(code(&output), 2, "{}", words(&output));
    assert!(
        words(&output).contains("process 0 makes it"),
        "{}",
        words(&output)
    );
}

/// Two processes that search for long, and have begun to.
fn searching(search: &Search, args: &[&str]) -> [Process; 2] {
    let folder = search.scratch.path("kept");
    let secret = search.scratch.path("secret");
    let keeping = [
        "--checkpoint",
        &folder,
        "--every",
        "0.001",
        "--secret",
        &secret,
    ];
    let args = [&LARGER[..], &keeping, args].concat();
    let processes = [0, 1].map(|process| search.start_among(&search.addresses, process, &args));
    wait_for_checkpoint(Path::new(&folder), 1);
    processes
}

/// While a search goes on, nobody listens.
#[test]
fn a_stranger_during_the_search() {
    let search = Search::new("late", 2);
    let processes = searching(&search, &["--depth", "12"]);
    for address in &search.addresses {
        assert!(TcpStream::connect(address).is_err(), "{address}");
    }
    for process in processes {
        process.ends_partial("the bound on depth was met");
    }
}

#[test]
fn a_killed_process() {
    let search = Search::new("killed", 2);
    let [first, mut second] = searching(&search, &[]);
    second.kill();
    first.ends_partial("another process was lost");
}

/// A process that is stopped is lost, though its connection is not.
#[cfg(unix)]
#[test]
fn a_stopped_process() {
    let search = Search::new("stopped", 2);
    let [first, second] = searching(&search, &[]);
    let since = Instant::now();
    let stopped = Command::new("kill")
        .args(["-STOP", &second.id().to_string()])
        .status();
    assert!(stopped.is_ok_and(|status| status.success()));
    first.ends_partial("it was silent too long");
    assert!(since.elapsed() < PATIENCE / 2);
}
