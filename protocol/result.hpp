// Result<T>: a value or an Error that says what the caller can do about it. The whole daemon's error type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace berth {

// What the caller can do: answer the sender on Invalid, Forbidden, TooLarge and NoSpace; retry Unavailable
// and Timeout with back-off; look again on Conflict and NotFound; Internal is our bug, report and keep
// serving.
enum class Errc {
    Invalid,
    Forbidden,
    Unsupported,
    TooLarge,
    NotFound,
    Conflict,
    Busy,
    Unavailable,
    Timeout,
    Interrupted,
    NoSpace,
    Internal
};

std::string_view to_string(Errc code);

struct Error {
    Errc code{Errc::Internal};
    std::string message{};

    bool operator==(const Error&) const = default;
};

// fail(Errc::NotFound, "image app:2: not found"), and with context on the way up:
// fail(reply.error(), "create web") -> "create web: image app:2: not found".
Error fail(Errc code, std::string message);
Error fail(Error cause, std::string_view doing);

template <class T = void>
class [[nodiscard]] Result {
 public:
    Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return held_.index() == 0; }
    T& operator*() & { return std::get<0>(held_); }
    const T& operator*() const& { return std::get<0>(held_); }
    T&& operator*() && { return std::get<0>(std::move(held_)); }
    T* operator->() { return &std::get<0>(held_); }
    const T* operator->() const { return &std::get<0>(held_); }
    const Error& error() const { return std::get<1>(held_); }

 private:
    std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    explicit operator bool() const { return ok_; }
    const Error& error() const { return error_; }

 private:
    Error error_{};
    bool ok_{true};
};

}  // namespace berth
