#include "test/support/captured_log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <sstream>

namespace berth::test {

class CapturedLog::Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
    std::string text() {
        const std::lock_guard lock(mutex_);
        return text_;
    }

 protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto level = spdlog::level::to_string_view(message.level);
        text_.append(level.data(), level.size()).append(": ");
        text_.append(message.payload.data(), message.payload.size()).push_back('\n');
    }
    void flush_() override {}

 private:
    std::string text_;
};

CapturedLog::CapturedLog() : sink_(std::make_shared<Sink>()), former_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(kCapturedLog, sink_);
    logger->set_level(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

CapturedLog::~CapturedLog() {
    spdlog::set_default_logger(former_);
}

std::string CapturedLog::text() const {
    return sink_->text();
}

bool CapturedLog::contains(const std::string& text) const {
    return count(text) > 0;
}

std::size_t CapturedLog::count(const std::string& text) const {
    std::size_t lines = 0;
    std::istringstream all(this->text());
    for (std::string line; std::getline(all, line);)
        lines += line.find(text) != std::string::npos ? 1 : 0;
    return lines;
}

}  // namespace berth::test
