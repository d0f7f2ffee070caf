// A small server on asio.

#include <asio.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using asio::ip::tcp;

struct Session : std::enable_shared_from_this<Session> {
    tcp::socket socket;
    char asked[4096];
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nconsole.log(1)\n";

    explicit Session(tcp::socket own) : socket(std::move(own)) {}

    void read() {
        auto self = shared_from_this();
        socket.async_read_some(asio::buffer(asked), [self](std::error_code wrong, std::size_t) {
            if (wrong) return;
            asio::async_write(self->socket, asio::buffer(self->answer),
                              [self](std::error_code wrong, std::size_t) {
                                  if (!wrong) self->read();
                              });
        });
    }
};

void next(tcp::acceptor &acceptor) {
    acceptor.async_accept([&acceptor](std::error_code wrong, tcp::socket socket) {
        if (!wrong) std::make_shared<Session>(std::move(socket))->read();
        next(acceptor);
    });
}

int main(int, char **words) {
    auto port = static_cast<unsigned short>(std::stoi(std::string(words[1]).substr(7)));
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), port});
    next(acceptor);
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; n++) threads.emplace_back([&] { context.run(); });
    for (auto &thread : threads) thread.join();
}
