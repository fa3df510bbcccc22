#include "protocol/problems.hpp"

#include <utility>

namespace berth {
namespace {

constexpr std::size_t kRoomForMore = 40;  // "; … and 1048576 more"
constexpr std::size_t kMaxOneText = 1024;

}  // namespace

void Problems::add(std::string text) {
    text = shortened(text, kMaxOneText);
    if (more_ > 0 || bytes_ + text.size() + 2 > kMaxProblemBytes - kRoomForMore) {
        ++more_;
        return;
    }
    bytes_ += text.size() + 2;
    kept_.push_back(std::move(text));
}

std::vector<std::string> Problems::list() const {
    auto all = kept_;
    if (more_ > 0) all.push_back("… and " + std::to_string(more_) + " more");
    return all;
}

std::string Problems::text() const {
    std::string joined;
    for (const auto& one : list())
        joined += (joined.empty() ? "" : "; ") + one;
    return joined;
}

Error Problems::error() const {
    return fail(Errc::Invalid, text());
}

std::string shortened(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return std::string(text);
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
        --bytes;
    return std::string(text.substr(0, bytes)) + "…";
}

std::string value_note(std::string_view value) {
    return " (value \"" + shortened(value) + "\")";
}

}  // namespace berth
