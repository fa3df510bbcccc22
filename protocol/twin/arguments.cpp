#include "protocol/twin/arguments.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"
#include "protocol/sizes.hpp"
#include "protocol/twin/configuration.hpp"

namespace berth::twin {
namespace {

// A single value that may be none: JSON has no object around it. Its size was judged with the envelope, as in
// the other decoders.
Result<Json> parse_single(std::string_view value) {
    if (value.empty()) return Json(nullptr);
    const auto text = "{\"value\":" + std::string(value) + "}";
    auto root = parse_exact(text, text.size());
    if (!root) return root.error();
    return std::move((*root)["value"]);
}

Error unreadable(std::string_view wanted, const Json& got) {
    return fail(Errc::Invalid,
                "$.value: expected " + std::string(wanted) + ", got " + std::string(kind_of(got)));
}

bool is_signal(const std::string& text) {
    if (text.starts_with("SIG") && text.size() > 3)
        return std::all_of(text.begin() + 3, text.end(), [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
        });
    const auto number = parse_int(text);
    return number && *number >= 1 && *number <= 255;
}

}  // namespace

Result<Create> decode_create(std::string_view value, Shape shape) {
    auto root = parse_single(value);
    if (!root) return root.error();
    if (root->is_null()) return Create{};  // refused later, for its image
    if (!root->is_object()) return unreadable("an object with imageRef", *root);
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    Create create;
    fields.is_misspelt("start", "it is not started");
    if (shape == Shape::ImageAndConfig) {
        fields.is_misspelt("config", "all is the default");
        fields.is_misspelt("name", "its name is its id");
        create.encrypted = !read_configuration(fields.object("config"), create.spec, create.warnings);
        create.spec.name = fields.text("name");
    }
    create.spec.image = fields.text("imageRef");
    create.start = fields.flag("start");
    if (!problems.empty()) return problems.error();
    return create;
}

Result<Stop> decode_stop(std::string_view value) {
    auto root = parse_single(value);
    if (!root) return root.error();
    if (root->is_null()) return Stop{};
    if (!root->is_object()) return unreadable("an object", *root);
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    fields.is_misspelt("timeout", "the usual one counts");
    fields.is_misspelt("force", "what outlives the timeout runs on");
    fields.is_misspelt("signal", "it is the container's own");
    Stop stop{fields.integer("timeout"), fields.flag("force"), fields.text("signal")};
    if (!problems.empty()) return problems.error();
    return stop;
}

std::string fault_of(const Stop& stop) {
    constexpr std::int64_t kMostSeconds = 7 * 24 * 3600;
    if (stop.timeout_s < 0)
        return "timeout must not be negative" + value_note(std::to_string(stop.timeout_s));
    if (stop.timeout_s > kMostSeconds)
        return "timeout is at most a week of seconds" + value_note(std::to_string(stop.timeout_s));
    if (!stop.signal.empty() && !is_signal(stop.signal))
        return "signal: expected a name that begins with SIG, or 1 to 255" + value_note(stop.signal);
    return {};
}

Result<std::string> decode_rename(std::string_view value) {
    auto root = parse_single(value);
    if (!root) return root.error();
    if (root->is_null()) return std::string();
    if (!root->is_string()) return unreadable("a string, the new name", *root);
    return root->get<std::string>();
}

Result<bool> decode_remove(std::string_view value) {
    auto root = parse_single(value);
    if (!root) return root.error();
    if (root->is_null()) return false;
    if (!root->is_boolean()) return unreadable("true (by force) or false", *root);
    return root->get<bool>();
}

Result<Update> decode_update(std::string_view value) {
    auto root = parse_single(value);
    if (!root) return root.error();
    if (root->is_null()) return Update{};
    if (!root->is_object()) return unreadable("an object", *root);
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    Update update;
    for (const char* name : {"restartPolicy", "resources"})
        fields.is_misspelt(name, "it stays as it is");
    if (fields.has("restartPolicy")) update.restart = read_restart_policy(fields.object("restartPolicy"));
    if (fields.has("resources")) update.resources = read_resources(fields.object("resources"));
    if (!problems.empty()) return problems.error();
    return update;
}

}  // namespace berth::twin
