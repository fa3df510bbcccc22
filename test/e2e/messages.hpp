// Desired states as a sender writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace berth::test {

struct Component {
    std::string id{};
    std::string image{};  // empty: no key image
    std::vector<std::pair<std::string, std::string>> keys{};
    std::string version{"1"};
};

struct Extra {
    std::int64_t timestamp{};  // 0: left out
    std::optional<std::string> system_containers{};
};

std::string desired_state(const std::string& activity, const std::vector<Component>& components,
                          const Extra& extra = {});

}  // namespace berth::test
