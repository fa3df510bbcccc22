#include "service/connect_policy.hpp"

#include <algorithm>

namespace berth::service {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstWait = 1s;
constexpr milliseconds kLongestWait = 30s;
constexpr int kDoublings = 5;
constexpr milliseconds kStable = 10s;
constexpr std::size_t kTakeOvers = 3;  // within a minute

}  // namespace

std::string_view to_string(MqttVersion version) {
    return version == MqttVersion::V5 ? "5" : "3.1.1";
}

ConnectPolicy::ConnectPolicy(std::string_view version)
    : may_change_(version == "auto"), version_(version == "3.1.1" ? MqttVersion::V311 : MqttVersion::V5) {}

milliseconds ConnectPolicy::on_failed(Failure failure, double chance) {
    const bool about_version = failure == Failure::VersionRefused || failure == Failure::Closed;
    if (!may_change_ || !about_version) return back_off(chance);
    if (version_ == MqttVersion::V5) {  // 3.1.1 follows at once, so what it answers is about the version
        version_ = MqttVersion::V311;
        return 0ms;
    }
    version_ = MqttVersion::V5;
    return back_off(chance);
}

void ConnectPolicy::on_connected() {
    attempts_ = short_lives_;
}

milliseconds ConnectPolicy::on_lost(milliseconds lived, double chance) {
    short_lives_ = lived < kStable ? short_lives_ + 1 : 0;
    attempts_ = std::max(0, short_lives_ - 1);
    return back_off(chance);
}

bool ConnectPolicy::on_taken_over(std::chrono::steady_clock::time_point now) {
    taken_over_.push_back(now);
    while (now - taken_over_.front() > 1min)
        taken_over_.pop_front();
    if (taken_over_.size() < kTakeOvers) return false;
    taken_over_.clear();
    return true;
}

milliseconds ConnectPolicy::back_off(double chance) {
    const auto wait = std::min(kLongestWait, kFirstWait * (1 << std::min(attempts_, kDoublings)));
    ++attempts_;
    return milliseconds(
        static_cast<milliseconds::rep>(static_cast<double>(wait.count()) * (0.75 + chance / 2)));
}

}  // namespace berth::service
