// Answers to commands.
#include "protocol/json_text.hpp"
#include "protocol/problems.hpp"
#include "protocol/twin/envelope.hpp"

namespace berth::twin {
namespace {

std::string_view word_of(Code code) {
    switch (code) {
        case Code::ParameterInvalid: return "messages:parameter.invalid";
        case Code::SubjectNotFound: return "messages:subject.notfound";
        case Code::ExecutionFailed: break;
    }
    return "messages:execution.failed";
}

enum class Body { None, Json };

OrderedJson headers_of(const Sender& sender, Body body) {
    OrderedJson headers = OrderedJson::object();
    if (body == Body::Json) headers["content-type"] = "application/json";
    if (sender.correlation_id) headers["correlation-id"] = *sender.correlation_id;
    return headers;
}

// …/inbox/messages/<operation> becomes …/outbox/messages/<operation>.
std::string outbox_of(std::string path) {
    constexpr std::string_view kInbox = "/inbox/";
    const auto at = path.find(kInbox);
    if (at != path.npos) path.replace(at, kInbox.size(), "/outbox/");
    return path;
}

OrderedJson answer(const Sender& sender, Body body) {
    return {{"topic", sender.topic}, {"headers", headers_of(sender, body)}, {"path", outbox_of(sender.path)}};
}

}  // namespace

std::string encode_done(const Sender& sender) {
    auto done = answer(sender, Body::None);
    done["status"] = 204;
    return print(done);
}

std::string encode_text(const Sender& sender, std::string_view text) {
    auto done = answer(sender, Body::Json);
    done["value"] = text;
    done["status"] = 200;
    return print(done);
}

std::string encode_refusal(const Sender& sender, const Refusal& refusal) {
    const int status = status_of(refusal.code);
    auto refused = answer(sender, Body::Json);
    if (refusal.stage == Stage::Early) refused["path"] = sender.path;
    if (refusal.stage == Stage::Protocol)
        refused = {{"topic", "unknown/unknown/things/twin/errors"},
                   {"headers", {{"content-type", "application/json"}}},
                   {"path", "/"}};
    refused["value"] = {{"error", word_of(refusal.code)},
                        {"status", status},
                        {"message", shortened(refusal.message, kMaxProblemBytes)}};
    refused["status"] = status;
    return print(refused);
}

}  // namespace berth::twin
