// Commands in. Answers out are answers.cpp.
#include "protocol/twin/envelope.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"

namespace berth::twin {
namespace {

constexpr std::string_view kContentType = "application/json";

std::vector<std::string_view> segments_of(std::string_view text) {
    std::vector<std::string_view> segments;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find('/', begin), text.size());
        segments.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return segments;
}

// Reads what an answer needs, also of headers that are wrong elsewhere.
class Headers {
 public:
    explicit Headers(const Json* given) : headers_(given, "$.headers", problems_) {
        correlation_id = headers_.text_if("correlation-id");
        if (correlation_id && correlation_id->empty()) correlation_id.reset();
        content_type_ = headers_.text_if("content-type");
        read_response_required();
    }

    // Empty: in order for a message that has a value, or has none.
    std::string fault(bool has_value) const {
        if (!problems_.empty()) return problems_.text();
        if (!correlation_id)
            return "$.headers.correlation-id is missing or empty; expected a text that the answer repeats";
        if (has_value && !content_type_)
            return "$.headers.content-type is missing; a message with a value needs application/json";
        if (has_value && *content_type_ != kContentType)
            return "$.headers.content-type: expected application/json" + value_note(*content_type_);
        if (!has_value && content_type_)
            return "$.headers.content-type: the message has no value; leave it out" +
                   value_note(*content_type_);
        return {};
    }

    std::optional<std::string> correlation_id{};
    bool response_required{};

 private:
    void read_response_required() {
        const Json* given = headers_.find("response-required");
        if (given == nullptr) return;
        if (given->is_boolean())
            response_required = given->get<bool>();
        else if (*given == "true")
            response_required = true;
        else if (*given != "false")
            headers_.problem("response-required", "expected true or false");
    }

    Problems problems_{};
    Fields headers_;
    std::optional<std::string> content_type_{};
};

Refusal refused(Stage stage, Code code, std::string message) {
    return {stage, code, std::move(message)};
}

Refusal early(Code code, std::string message) {
    return refused(Stage::Early, code, std::move(message));
}

bool is_our_topic(const std::vector<std::string_view>& topic, const Thing& thing) {
    // Joined: whoever sends it may have split the id at another colon.
    const auto joined = std::string(topic[0]) + ":" + std::string(topic[1]);
    const auto named = std::string(topic[0]) + "/" + std::string(topic[1]);
    return joined == thing.id || named == thing.namespace_form || named == thing.topic_prefix;
}

// /features/<feature>/inbox/messages/<operation>
std::variant<Command, Refusal> parse_path(std::string_view path) {
    constexpr std::string_view kFeatures = "/features/";
    constexpr std::string_view kInbox = "/inbox/messages/";
    const auto operation_of = [](std::string_view text) {
        return text.empty() || text.find('/') != text.npos ? std::string_view{} : text;
    };
    if (path.starts_with(kInbox) && !operation_of(path.substr(kInbox.size())).empty())
        return early(Code::SubjectNotFound,
                     "the thing itself has no operations; address one of its features");
    const auto inbox = path.find(kInbox);
    if (path.starts_with(kFeatures) && inbox != path.npos && inbox > kFeatures.size()) {
        const auto feature = path.substr(kFeatures.size(), inbox - kFeatures.size());
        const auto operation = operation_of(path.substr(inbox + kInbox.size()));
        if (!operation.empty() && feature.find('/') == feature.npos)
            return Command{std::string(feature), std::string(operation), {}};
    }
    return early(Code::ParameterInvalid,
                 "$.path: expected /features/<feature>/inbox/messages/<operation>" + value_note(path));
}

}  // namespace

int status_of(Code code) {
    switch (code) {
        case Code::ParameterInvalid: return 400;
        case Code::SubjectNotFound: return 404;
        case Code::ExecutionFailed: break;
    }
    return 500;
}

Incoming decode_command(std::string_view text, const Thing& thing, std::size_t most) {
    Incoming incoming;
    const auto protocol_error = [&](std::string message) {
        incoming.content = refused(Stage::Protocol, Code::ParameterInvalid, std::move(message));
        return incoming;
    };
    const auto root = parse_exact(text, most);
    if (!root) return protocol_error(root.error().message);
    Problems problems;
    const Fields fields(&*root, "$", problems);
    Sender& sender = incoming.sender;
    sender.topic = fields.text("topic");
    sender.path = fields.text("path");
    if (!problems.empty()) return protocol_error(problems.text());
    if (sender.topic.empty()) return protocol_error("$.topic is missing or empty");
    if (sender.path.empty()) return protocol_error("$.path is missing or empty");
    const auto topic = segments_of(sender.topic);
    if (topic.size() < 3)
        return protocol_error("$.topic: expected <namespace>/<name>/things/…" + value_note(sender.topic));

    const Headers headers(fields.find("headers"));
    sender.correlation_id = headers.correlation_id;
    sender.wants_answer = headers.response_required;
    const Json* value = fields.find("value");
    if (auto fault = headers.fault(value != nullptr); !fault.empty()) {
        incoming.content = early(Code::ParameterInvalid, std::move(fault));
        return incoming;
    }
    if (!is_our_topic(topic, thing)) {
        incoming.content = early(Code::SubjectNotFound, "$.topic names another thing; this one is " +
                                                            thing.id + value_note(sender.topic));
        return incoming;
    }
    incoming.content = parse_path(sender.path);
    if (auto* command = std::get_if<Command>(&incoming.content); command != nullptr && value != nullptr)
        command->value = print(*value);
    return incoming;
}

Refusal refusal_of_size(std::size_t bytes, std::size_t most) {
    return refused(Stage::Protocol, Code::ParameterInvalid, too_large(bytes, most).message);
}

std::optional<Notice> decode_notice(std::string_view text, std::size_t most) {
    const auto root = parse_exact(text, most);
    if (!root) return std::nullopt;
    Problems ignored;
    const Fields fields(&*root, "$", ignored);
    return Notice{fields.text("topic"), fields.text("path"), static_cast<int>(fields.integer("status"))};
}

namespace {

// Keeps the texts that stand at the top level and in the headers, until the text ends or breaks.
class SenderScout : public nlohmann::json_sax<Json> {
 public:
    bool null() override { return true; }
    bool boolean(bool value) override {
        if (depth_ == 2 && in_headers_ && name_ == "response-required") sender.wants_answer = value;
        return true;
    }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool string(string_t& value) override {
        if (depth_ == 1 && name_ == "topic") sender.topic = value;
        if (depth_ == 1 && name_ == "path") sender.path = value;
        if (depth_ == 2 && in_headers_ && name_ == "correlation-id" && !value.empty())
            sender.correlation_id = value;
        if (depth_ == 2 && in_headers_ && name_ == "response-required" && value == "true")
            sender.wants_answer = true;
        return true;
    }
    bool start_object(std::size_t) override { return open(); }
    bool start_array(std::size_t) override { return open(); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        name_ = lower(name);
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

    Sender sender{};
    bool has_headers{};  // whole

 private:
    bool open() {
        if (depth_++ == 1) in_headers_ = name_ == "headers";
        return true;
    }
    bool close() {
        has_headers |= --depth_ == 1 && in_headers_;
        return true;
    }

    std::size_t depth_{};
    bool in_headers_{};
    std::string name_{};
};

}  // namespace

Sender peek_sender(std::string_view text) {
    SenderScout scout;
    const bool is_whole = Json::sax_parse(text.begin(), text.end(), &scout);
    scout.sender.wants_answer |= !is_whole && !scout.has_headers;
    return std::move(scout.sender);
}

}  // namespace berth::twin
