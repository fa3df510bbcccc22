// A web server on a port of its own that serves a few texts by path, with status 200; anything else is 404.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace berth::test {

class WebServer {
 public:
    WebServer();
    ~WebServer();
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;

    std::string put(const std::string& path, const std::string& text);  // its URL

 private:
    void serve();
    void answer(int connection);

    int listener_{-1};
    int port_{};
    std::atomic<bool> ending_{false};
    std::mutex mutex_;
    std::map<std::string, std::string> texts_;
    std::thread thread_;
};

}  // namespace berth::test
