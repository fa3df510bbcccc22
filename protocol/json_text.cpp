#include "protocol/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/problems.hpp"

namespace berth {
namespace {

// Where bracket number kMaxNesting + 1 opens. Knows strings and nothing else of JSON, so it works on any
// text.
std::optional<std::size_t> too_deep_at(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
            continue;
        }
        if (c == '"') in_string = true;
        if ((c == '{' || c == '[') && ++depth > kMaxNesting) return i;
        if (c == '}' || c == ']') --depth;
    }
    return std::nullopt;
}

enum class Names { Folded, Exact };

class TreeBuilder : public nlohmann::json_sax<Json> {
 public:
    explicit TreeBuilder(Names names) : names_(names) {}

    bool null() override { return place(nullptr); }
    bool boolean(bool value) override { return place(value); }
    bool number_integer(number_integer_t value) override { return place(value); }
    bool number_unsigned(number_unsigned_t value) override { return place(value); }
    bool number_float(number_float_t value, const string_t&) override { return place(value); }
    bool string(string_t& value) override { return place(std::move(value)); }
    bool binary(binary_t& value) override { return place(std::move(value)); }
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        key_ = names_ == Names::Folded ? lower(name) : std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const Json::exception& cause) override {
        error = syntax_error(position, cause);
        return false;
    }

    Json root{};
    std::optional<Error> error{};

 private:
    Json& put(Json value) {
        if (open_.empty()) return root = std::move(value);
        Json& parent = *open_.back();
        if (parent.is_object()) return parent[key_] = std::move(value);
        parent.push_back(std::move(value));
        return parent.back();
    }
    bool place(Json value) {
        put(std::move(value));
        return true;
    }
    bool open(Json value) {
        open_.push_back(&put(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    const Names names_;
    std::vector<Json*> open_{};  // parents of the value to come; only the last of them grows
    std::string key_{};
};

// The library's text without its prefix and without the piece of the message that it quotes.
std::string plain(std::string_view text) {
    if (const auto at = text.find("] "); at != text.npos) text.remove_prefix(at + 2);
    if (const auto at = text.find(": syntax error"); at != text.npos) text.remove_prefix(at + 2);
    std::string kept(text);
    const auto quoted = kept.find("; last read: '");
    if (quoted == kept.npos) return kept;
    const auto expected = kept.rfind("'; expected ");
    return kept.substr(0, quoted) + (expected == kept.npos ? "" : kept.substr(expected + 1));
}

}  // namespace

Error too_large(std::size_t bytes, std::size_t most) {
    return fail(Errc::TooLarge,
                fmt::format("$: {} bytes are too many; at most {} are accepted", bytes, most));
}

std::optional<Error> preflight(std::string_view text, std::size_t most) {
    if (text.size() > most) return too_large(text.size(), most);
    if (const auto at = too_deep_at(text))
        return fail(Errc::Invalid, fmt::format("$: nested too deeply at byte {}; at most {} levels are "
                                               "accepted",
                                               *at + 1, kMaxNesting));
    return std::nullopt;
}

Error syntax_error(std::size_t position, const std::exception& cause) {
    std::string text = plain(cause.what());
    // A number that does not fit is quoted by the library as well; the byte says which one it is.
    if (const auto at = text.find("number overflow"); at != text.npos) text = "number out of range";
    return fail(Errc::Invalid,
                fmt::format("$: not JSON at byte {}: {}; expected one JSON object", position, text));
}

namespace {

Result<Json> build(std::string_view text, std::size_t most, Names names) {
    if (auto refused = preflight(text, most)) return *refused;
    TreeBuilder builder(names);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) return *builder.error;
    if (!builder.root.is_object())
        return fail(Errc::Invalid, fmt::format("$: expected one JSON object, got {}",
                                               builder.root.is_array() ? "an array" : "a single value"));
    return std::move(builder.root);
}

}  // namespace

Result<Json> parse_object(std::string_view text) {
    return build(text, kMaxMessageBytes, Names::Folded);
}

Result<Json> parse_exact(std::string_view text, std::size_t most) {
    return build(text, most, Names::Exact);
}

std::string lower(std::string_view text) {
    std::string small(text);
    for (char& c : small)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return small;
}

void append_quoted(std::string& text, std::string_view value) {
    const bool plain = std::all_of(value.begin(), value.end(),
                                   [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (!plain) {
        text += print(OrderedJson(std::string(value)));
        return;
    }
    text += '"';
    text += value;
    text += '"';
}

std::string print_envelope(const std::string& activity_id, std::int64_t timestamp, OrderedJson payload) {
    OrderedJson envelope;
    envelope["activityId"] = activity_id;
    envelope["timestamp"] = timestamp;
    envelope["payload"] = std::move(payload);
    return print(envelope);
}

}  // namespace berth
