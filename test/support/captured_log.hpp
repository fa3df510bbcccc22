// What the code under test logs, for as long as the object lives. Debug and up.
#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace berth::test {

inline constexpr auto kCapturedLog = "captured";  // its logger's name

class CapturedLog {
 public:
    CapturedLog();
    ~CapturedLog();  // the former default logger is back
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    std::string text() const;  // lines of "level: message"
    bool contains(const std::string& text) const;
    std::size_t count(const std::string& text) const;  // lines that contain it

 private:
    class Sink;
    std::shared_ptr<Sink> sink_;
    std::shared_ptr<spdlog::logger> former_;
};

}  // namespace berth::test
