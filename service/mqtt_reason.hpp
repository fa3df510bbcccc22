// What the numbers in a broker's answers mean, for people.
#pragma once

#include <string>

namespace berth::service {

// Of CONNACK: 1 to 5 are MQTT 3.1.1, the others MQTT 5; also of SUBACK, PUBACK and DISCONNECT.
// "not authorized (135)"; one that is not known: "reason 99".
std::string describe_reason(int code);

inline constexpr int kReasonUnsupportedVersion311 = 1;
inline constexpr int kReasonFailure = 128;  // from here to 255 a reason is a refusal
inline constexpr int kReasonUnsupportedVersion = 132;
inline constexpr int kReasonSessionTakenOver = 142;
inline constexpr int kReasonPacketTooLarge = 149;
inline constexpr int kReasonQuotaExceeded = 151;

// The client library (C 1.3.12) reports numbers beyond a byte for the later ones of several topics: no
// refusals.
constexpr bool is_refusal(int code) {
    return code >= kReasonFailure && code <= 0xFF;
}

}  // namespace berth::service
