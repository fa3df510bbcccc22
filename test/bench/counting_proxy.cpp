#include "test/bench/counting_proxy.hpp"

#include <string_view>
#include <utility>

namespace berth::bench {
namespace {

constexpr std::string_view kRequestEnd = " HTTP/1.1";

}  // namespace

CountingProxy::CountingProxy(std::string socket, std::string engine_socket)
    : relay_(std::move(socket), std::move(engine_socket),
             [this](const test::Relay::Connection& connection) { hand_on(connection); }) {}

std::vector<std::string> CountingProxy::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
}

void CountingProxy::hand_on(const test::Relay::Connection& connection) {
    std::string seen;
    test::hand_on(connection,
                  [this, &seen](const char* bytes, std::size_t count) { note(seen, bytes, count); });
}

// A request's first line ends with the protocol's version; a body (JSON in one line) may stand before it.
void CountingProxy::note(std::string& seen, const char* bytes, std::size_t count) {
    seen.append(bytes, count);
    std::size_t begin = 0;
    for (auto end = seen.find("\r\n"); end != std::string::npos; end = seen.find("\r\n", begin)) {
        const auto line = std::string_view(seen).substr(begin, end - begin);
        begin = end + 2;
        if (!line.ends_with(kRequestEnd)) continue;
        const auto body_end = line.rfind('}');
        const auto first = body_end == std::string_view::npos ? 0 : body_end + 1;
        const std::lock_guard lock(mutex_);
        requests_.emplace_back(line.substr(first, line.size() - kRequestEnd.size() - first));
    }
    seen.erase(0, begin);
}

}  // namespace berth::bench
