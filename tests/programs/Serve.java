import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Serve {
    public static void main(String[] words) throws Exception {
        int port = Integer.parseInt(words[0].replace("--port=", ""));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", asked -> {
            byte[] text = "console.log(1)\n".getBytes();
            asked.sendResponseHeaders(200, text.length);
            asked.getResponseBody().write(text);
            asked.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(3));
        server.start();
    }
}
