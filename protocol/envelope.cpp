#include "protocol/envelope.hpp"

#include "protocol/json_text.hpp"

namespace berth {
namespace {

// Follows a message without keeping it: only the depth, and the value of a top-level activityId.
class Scout : public nlohmann::json_sax<Json> {
 public:
    bool null() override { return scalar(); }
    bool boolean(bool) override { return scalar(); }
    bool number_integer(number_integer_t) override { return scalar(); }
    bool number_unsigned(number_unsigned_t) override { return scalar(); }
    bool number_float(number_float_t, const string_t&) override { return scalar(); }
    bool binary(binary_t&) override { return scalar(); }
    bool string(string_t& value) override {
        if (wanted_) activity_id = std::move(value);
        return scalar();
    }
    bool start_object(std::size_t) override { return open(true); }
    bool start_array(std::size_t) override { return open(false); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        wanted_ = depth_ == 1 && lower(name) == "activityid";
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const Json::exception& cause) override {
        error = syntax_error(position, cause);
        return false;
    }

    std::optional<std::string> activity_id{};
    std::optional<Error> error{};
    bool is_object{};

 private:
    bool scalar() {
        wanted_ = false;
        return true;
    }
    bool open(bool object) {
        if (depth_++ == 0) is_object = object;
        return scalar();
    }
    bool close() {
        --depth_;
        return true;
    }

    std::size_t depth_{};
    bool wanted_{};  // the value that comes next is the top-level activityId
};

}  // namespace

Peek peek(std::string_view text) {
    Peek found;
    found.refused = preflight(text);
    Scout scout;
    // Of a text that is too large the allowed part is looked at, so the work stays bounded.
    const auto part = text.substr(0, kMaxMessageBytes);
    Json::sax_parse(part.begin(), part.end(), &scout);
    if (!found.refused) found.refused = scout.error;
    if (!found.refused && !scout.is_object)
        found.refused = fail(Errc::Invalid, "$: expected one JSON object");
    if (scout.is_object) found.activity_id = std::move(scout.activity_id);
    return found;
}

std::string decode_get(std::string_view text) {
    return peek(text).activity_id.value_or("");
}

}  // namespace berth
