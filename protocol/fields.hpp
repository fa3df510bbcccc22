// Reads the members of one JSON object and notes every problem with its path, so that a decoder reads
// straight down and the sender gets one complete answer. null counts as absent, unknown members are never
// looked at. A name counts as it is written, else in any other case.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.hpp"
#include "protocol/problems.hpp"

namespace berth {

std::string_view kind_of(const Json& value);  // "a string", "null"

class Fields {
 public:
    // `value` is null for an object that is absent: then all of its members are.
    Fields(const Json* value, std::string path, Problems& problems);

    bool has(std::string_view name) const { return find(name) != nullptr; }
    std::string text(std::string_view name, std::string fallback = {}) const;
    std::optional<std::string> text_if(std::string_view name) const;
    std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
    bool flag(std::string_view name, bool fallback = false) const;
    Fields object(std::string_view name) const;
    std::vector<Fields> objects(std::string_view name) const;     // an element that is none is a problem
    std::vector<std::string> texts(std::string_view name) const;  // the same

    void problem(std::string_view name, const std::string& what) const;  // "<path>.<name>: <what>"
    // Where `name` is absent and another member's name is a slip of the finger away from it: that is a
    // problem, as it would be ignored, and then `otherwise` be true. False: there is none.
    bool is_misspelt(std::string_view name, std::string_view otherwise) const;
    const std::string& path() const { return path_; }
    const Json* find(std::string_view name) const;
    const Json* json() const { return value_; }  // null: absent

 private:
    const Json* array(std::string_view name) const;
    void mismatch(const std::string& path, std::string_view wanted, const Json& got) const;
    std::string path_of(std::string_view name) const { return path_ + "." + std::string(name); }

    const Json* value_{};
    std::string path_{};
    Problems* problems_{};
};

}  // namespace berth
