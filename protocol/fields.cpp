#include "protocol/fields.hpp"

#include <limits>
#include <map>
#include <string>
#include <utility>

#include "protocol/resembling.hpp"

namespace berth {
namespace {

bool fits(const Json& value) {
    if (value.is_number_unsigned())
        return value.get<std::uint64_t>() <=
               static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return value.is_number_integer();
}

Json::const_iterator in_other_case(const Json& object, const std::string& wanted) {
    if (const auto folded = object.find(wanted); folded != object.end()) return folded;
    for (auto member = object.begin(); member != object.end(); ++member)
        if (lower(member.key()) == wanted) return member;
    return object.end();
}

}  // namespace

std::string_view kind_of(const Json& value) {
    switch (value.type()) {
        case Json::value_t::null: return "null";
        case Json::value_t::object: return "an object";
        case Json::value_t::array: return "an array";
        case Json::value_t::string: return "a string";
        case Json::value_t::boolean: return "a boolean";
        default: return "a number";
    }
}

Fields::Fields(const Json* value, std::string path, Problems& problems)
    : value_(value), path_(std::move(path)), problems_(&problems) {
    if (value_ == nullptr || value_->is_object()) return;
    mismatch(path_, "an object", *value_);
    value_ = nullptr;
}

const Json* Fields::find(std::string_view name) const {
    if (value_ == nullptr) return nullptr;
    auto found = value_->find(std::string(name));
    if (found == value_->end()) found = in_other_case(*value_, lower(name));
    return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::text_if(std::string_view name) const {
    const Json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    mismatch(path_of(name), "a string", *value);
    return std::nullopt;
}

std::string Fields::text(std::string_view name, std::string fallback) const {
    return text_if(name).value_or(std::move(fallback));
}

std::int64_t Fields::integer(std::string_view name, std::int64_t fallback) const {
    const Json* value = find(name);
    if (value == nullptr) return fallback;
    if (fits(*value)) return value->get<std::int64_t>();
    if (value->is_number())
        problem(name, "expected a whole number of at most 64 bits");
    else
        mismatch(path_of(name), "a whole number", *value);
    return fallback;
}

bool Fields::flag(std::string_view name, bool fallback) const {
    const Json* value = find(name);
    if (value == nullptr) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    mismatch(path_of(name), "true or false", *value);
    return fallback;
}

Fields Fields::object(std::string_view name) const {
    return {find(name), path_of(name), *problems_};
}

const Json* Fields::array(std::string_view name) const {
    const Json* value = find(name);
    if (value == nullptr || value->is_array()) return value;
    mismatch(path_of(name), "an array", *value);
    return nullptr;
}

std::vector<Fields> Fields::objects(std::string_view name) const {
    std::vector<Fields> found;
    const Json* items = array(name);
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
        const Json& item = (*items)[i];
        const std::string path = path_of(name) + "[" + std::to_string(i) + "]";
        if (item.is_object())
            found.emplace_back(&item, path, *problems_);
        else
            mismatch(path, "an object", item);
    }
    return found;
}

std::vector<std::string> Fields::texts(std::string_view name) const {
    std::vector<std::string> found;
    const Json* items = array(name);
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
        const Json& item = (*items)[i];
        if (item.is_string())
            found.push_back(item.get<std::string>());
        else
            mismatch(path_of(name) + "[" + std::to_string(i) + "]", "a string", item);
    }
    return found;
}

void Fields::problem(std::string_view name, const std::string& what) const {
    problems_->add(path_of(name) + ": " + what);
}

bool Fields::is_misspelt(std::string_view name, std::string_view otherwise) const {
    if (value_ == nullptr || has(name)) return false;
    const std::string wanted(name);
    std::map<std::string, std::string> written;  // by their small letters
    for (auto member = value_->begin(); member != value_->end(); ++member)
        written.emplace(lower(member.key()), member.key());
    written.erase(lower(name));  // null, so absent
    Resembling near(lower(name));
    for (const auto& [key, as_written] : written)
        near.see(key);
    if (near.best().empty()) return false;
    problem(written.at(std::string(near.best())),
            "unknown; did you mean " + wanted + "? Without " + wanted + " " + std::string(otherwise));
    return true;
}

void Fields::mismatch(const std::string& path, std::string_view wanted, const Json& got) const {
    problems_->add(path + ": expected " + std::string(wanted) + ", got " + std::string(kind_of(got)));
}

}  // namespace berth
