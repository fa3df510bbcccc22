#include "service/mqtt_reason.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace berth::service {

namespace {

struct Reason {
    int code;
    std::string_view words;
};

constexpr std::array kReasons{
    Reason{1, "this version of MQTT is not supported"},
    Reason{2, "client id not allowed"},
    Reason{3, "server unavailable"},
    Reason{4, "bad user name or password"},
    Reason{5, "not authorized"},
    Reason{128, "unspecified error"},
    Reason{129, "malformed packet"},
    Reason{130, "protocol error"},
    Reason{131, "not accepted by this broker"},
    Reason{132, "this version of MQTT is not supported"},
    Reason{133, "client id not allowed"},
    Reason{134, "bad user name or password"},
    Reason{135, "not authorized"},
    Reason{136, "server unavailable"},
    Reason{137, "server busy"},
    Reason{138, "banned"},
    Reason{139, "server is shutting down"},
    Reason{140, "bad authentication method"},
    Reason{141, "keep-alive timeout"},
    Reason{142, "session taken over by another client with the same client id"},
    Reason{143, "topic filter not allowed"},
    Reason{144, "topic name not allowed"},
    Reason{147, "too many messages in flight"},
    Reason{149, "packet too large"},
    Reason{150, "message rate too high"},
    Reason{151, "quota exceeded"},
    Reason{152, "closed by an administrator"},
    Reason{153, "payload format not accepted"},
    Reason{154, "retained messages are not supported"},
    Reason{155, "this QoS is not supported"},
    Reason{156, "use another server"},
    Reason{157, "server has moved"},
    Reason{159, "connection rate exceeded"},
    Reason{160, "connected for too long"},
    Reason{162, "wildcard subscriptions are not supported"},
};

}  // namespace

std::string describe_reason(int code) {
    const auto found = std::ranges::find(kReasons, code, &Reason::code);
    if (found == kReasons.end()) return fmt::format("reason {}", code);
    return fmt::format("{} ({})", found->words, code);
}

}  // namespace berth::service
