// TOML into settings. toml++ ends here.
#include <sstream>

#include <toml++/toml.h>

#include "service/config_value.hpp"

namespace berth::service {

namespace {

std::string name_of(const toml::node& node) {
    if (node.is_date() || node.is_time() || node.is_date_time()) return "a date or time";
    if (node.is_array()) return "a list that holds other things than strings";
    return "a table";
}

class TomlFlattener {
 public:
    TomlFlattener(std::string file, Settings& settings) : file_(std::move(file)), settings_(settings) {}

    void table(const toml::table& table) {
        for (const auto& [key, node] : table) {
            path_.emplace_back(key.str());
            one(node);
            path_.pop_back();
        }
    }

 private:
    void one(const toml::node& node) {
        if (const auto* inner = node.as_table())
            table(*inner);
        else if (const auto* list = node.as_array(); list && is_list_of_tables(*list))
            tables(*list);
        else
            settings_.push_back(
                {path_, value(node), {file_, static_cast<int>(node.source().begin.line)}, false});
    }

    static bool is_list_of_tables(const toml::array& list) {
        return !list.empty() && list.is_homogeneous(toml::node_type::table);
    }

    void tables(const toml::array& list) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            path_.push_back(std::to_string(i));
            table(*list[i].as_table());
            path_.pop_back();
        }
    }

    static Value value(const toml::node& node) {
        if (const auto* text = node.as_string()) return text->get();
        if (const auto* flag = node.as_boolean()) return flag->get();
        if (const auto* number = node.as_integer()) return std::int64_t{number->get()};
        if (const auto* number = node.as_floating_point()) return number->get();
        if (const auto* list = node.as_array()) {
            if (list->empty()) return std::vector<std::string>{};
            if (!list->is_homogeneous(toml::node_type::string)) return Unfit{name_of(node)};
            std::vector<std::string> items;
            for (const auto& item : *list)
                items.push_back(item.as_string()->get());
            return items;
        }
        return Unfit{name_of(node)};
    }

    std::string file_;
    Settings& settings_;
    Path path_;
};

}  // namespace

Settings read_toml(const std::string& text, const std::string& file, Problems& problems) {
    Settings settings;
    try {
        const auto root = toml::parse(text, file);
        TomlFlattener(file, settings).table(root);
    } catch (const toml::parse_error& error) {
        problems.push_back({Severity::Error,
                            {file, static_cast<int>(error.source().begin.line)},
                            "TOML",
                            std::string{error.description()}});
        settings.clear();
    }
    return settings;
}

}  // namespace berth::service
