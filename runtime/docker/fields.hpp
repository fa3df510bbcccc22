// Members of the engine's JSON, read without ever throwing: what is missing, null or of another type is the
// default. For .cpp files only.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace berth::runtime::docker {

using nlohmann::json;

inline const json& member(const json& object, const char* key) {
    static const json none;
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

inline std::string text(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::int64_t number(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

inline bool flag(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

}  // namespace berth::runtime::docker
