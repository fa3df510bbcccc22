// A web server on a port of its own. It serves a few texts by path, with status 200, leads elsewhere for
// others, and anything else is 404; or it answers as it is told.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth::test {

class WebServer {
 public:
    struct Reply {
        int status{200};  // 0: none, for as long as the server lives
        std::string body{};
        std::string headers{};  // "Name: value\r\n" each
    };
    // On the server's thread; the request's first line and headers.
    using Handler = std::function<Reply(const std::string& request)>;

    WebServer();
    explicit WebServer(Handler handler);
    ~WebServer();
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;

    std::string put(const std::string& path, const std::string& text);     // its URL
    std::string redirect(const std::string& path, const std::string& to);  // the same
    std::string address() const;                                           // 127.0.0.1:<port>
    std::vector<std::string> requests() const;                             // whole heads, in order

 private:
    std::string add(const std::string& path, Reply reply);
    void serve();
    void answer(int connection);
    Reply reply_to(const std::string& request);

    Handler handler_;
    int listener_{-1};
    int port_{};
    std::atomic<bool> ending_{false};
    mutable std::mutex mutex_;
    std::map<std::string, Reply> replies_;
    std::vector<std::string> requests_;
    std::vector<int> unanswered_;  // the thread's own
    std::thread thread_;
};

}  // namespace berth::test
