#include "protocol/result.hpp"

namespace berth {

std::string_view to_string(Errc code) {
    switch (code) {
        case Errc::Invalid: return "INVALID";
        case Errc::Forbidden: return "FORBIDDEN";
        case Errc::Unsupported: return "UNSUPPORTED";
        case Errc::TooLarge: return "TOO_LARGE";
        case Errc::NotFound: return "NOT_FOUND";
        case Errc::Conflict: return "CONFLICT";
        case Errc::Busy: return "BUSY";
        case Errc::Unavailable: return "UNAVAILABLE";
        case Errc::Timeout: return "TIMEOUT";
        case Errc::Interrupted: return "INTERRUPTED";
        case Errc::NoSpace: return "NO_SPACE";
        case Errc::Internal: return "INTERNAL";
    }
    return "INTERNAL";
}

Error fail(Errc code, std::string message) {
    return {code, std::move(message)};
}

Error fail(Error cause, std::string_view doing) {
    cause.message.insert(0, std::string(doing) + ": ");
    return cause;
}

}  // namespace berth
