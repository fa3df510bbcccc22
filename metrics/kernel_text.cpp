#include "metrics/kernel_text.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace berth::metrics {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(kBlank);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// Calls `see` with each piece between separators; empty pieces are left out.
template <class See>
void each(std::string_view text, std::string_view separators, See see) {
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find_first_of(separators, begin), text.size());
        if (end > begin) see(text.substr(begin, end - begin));
        begin = end + 1;
    }
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    each(line, kBlank, [&](std::string_view word) { words.push_back(word); });
    return words;
}

bool equals_in_any_case(std::string_view text, std::string_view small) {
    return std::equal(text.begin(), text.end(), small.begin(), small.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

std::uint64_t value_of(std::string_view word, std::string_view key) {  // "rbytes=12"
    return word.starts_with(key) ? number_in(word.substr(key.size())).value_or(0) : 0;
}

// "/docker/<id>/init.scope" ends at the level with the id.
std::optional<std::string_view> up_to_container(std::string_view path, const EngineId& engine_id) {
    const auto at = path.find(engine_id);
    if (engine_id.empty() || at == path.npos) return std::nullopt;
    return path.substr(0, path.find('/', at));
}

struct MountLine {
    std::string_view id{};
    std::string_view parent{};
    std::string_view root{};
    std::string_view point{};
    std::string_view type{};
    std::string_view options{};  // of its file system: the controllers
};

// "32 25 0:27 / /sys/fs/cgroup rw,… shared:6 - cgroup2 cgroup2 rw,…"
std::vector<MountLine> mount_lines(std::string_view mountinfo) {
    std::vector<MountLine> lines;
    each(mountinfo, "\n", [&](std::string_view line) {
        const auto words = words_of(line);
        const auto dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 5 || words.end() - dash < 3) return;  // what is mounted may have no name
        lines.push_back({words[0], words[1], words[3], words[4], dash[1], words.back()});
    });
    return lines;
}

bool is_in_or_at(std::string_view point, std::string_view folder) {
    if (folder == "/") return true;
    return point.starts_with(folder) && (point.size() == folder.size() || point[folder.size()] == '/');
}

// Its path leads to it: nothing lies on it, nor on any folder on the way. Who lies on whom is in the ids; the
// order of the lines does not tell, as a system's root may be mounted after what was moved into it.
bool is_visible(const MountLine& mount, const std::vector<MountLine>& all) {
    const auto lies_on = [](const MountLine& other, const MountLine& one) {
        return &other != &one && other.parent == one.id && other.point == one.point;
    };
    const auto lies_before = [](const MountLine& other, const MountLine& one) {
        return &other != &one && other.id != one.parent && other.parent == one.parent &&
               is_in_or_at(one.point, other.point);
    };
    const auto any = [&all](auto hides, const MountLine& one) {
        return std::any_of(all.begin(), all.end(), [&](const MountLine& other) { return hides(other, one); });
    };
    if (any(lies_on, mount)) return false;
    const auto* at = &mount;
    for (std::size_t level = 0; level < all.size(); ++level) {
        if (at->parent == at->id) return true;
        if (any(lies_before, *at)) return false;
        const auto parent =
            std::find_if(all.begin(), all.end(), [at](const MountLine& one) { return one.id == at->parent; });
        if (parent == all.end()) return true;
        at = &*parent;
    }
    return false;  // a text that goes in circles
}

}  // namespace

std::optional<std::uint64_t> number_in(std::string_view text) {
    text = trimmed(text);
    std::uint64_t number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name) {
    std::optional<std::uint64_t> found;
    each(text, "\n", [&](std::string_view line) {
        const auto words = words_of(line);
        if (!found && words.size() >= 2 && words[0] == name) found = number_in(words[1]);
    });
    return found;
}

Transfers io_of_v2(std::string_view io_stat) {  // "8:0 rbytes=1024 wbytes=0 …"
    Transfers devices;
    std::string_view device;
    each(io_stat, kBlank, [&](std::string_view word) {
        if (word.find('=') == word.npos) device = word;
        const bool is_bytes = word.starts_with("rbytes=") || word.starts_with("wbytes=");
        if (!is_bytes) return;
        auto& sum = devices[std::string(device)];
        sum.read += value_of(word, "rbytes=");
        sum.written += value_of(word, "wbytes=");
    });
    return devices;
}

Transfers io_of_v1(std::string_view service_bytes) {
    Transfers devices;
    each(service_bytes, "\n", [&](std::string_view line) {
        const auto words = words_of(line);  // "8:0 Read 1024"
        if (words.size() != 3) return;
        const auto bytes = number_in(words[2]).value_or(0);
        const std::string device(words[0]);
        if (equals_in_any_case(words[1], "read")) devices[device].read += bytes;
        if (equals_in_any_case(words[1], "write")) devices[device].written += bytes;
    });
    return devices;
}

Transfers net_of(std::string_view net_dev) {
    constexpr std::size_t kReceived = 0;
    constexpr std::size_t kSent = 8;
    Transfers interfaces;
    each(net_dev, "\n", [&](std::string_view line) {
        const auto colon = line.find(':');
        if (colon == line.npos) return;  // one of the two headings
        const auto numbers = words_of(line.substr(colon + 1));
        const auto name = trimmed(line.substr(0, colon));
        if (numbers.size() <= kSent || name == "lo") return;
        auto& sum = interfaces[std::string(name)];
        sum.read += number_in(numbers[kReceived]).value_or(0);
        sum.written += number_in(numbers[kSent]).value_or(0);
    });
    return interfaces;
}

std::optional<std::uint64_t> host_ticks(std::string_view proc_stat) {
    // user nice system idle iowait irq softirq steal; guest time is part of user already
    constexpr std::size_t kCounted = 8;
    const auto words = words_of(proc_stat.substr(0, proc_stat.find('\n')));
    if (words.size() < 5 || words[0] != "cpu") return std::nullopt;
    std::uint64_t sum = 0;
    for (std::size_t i = 1; i < std::min(words.size(), kCounted + 1); ++i)
        sum += number_in(words[i]).value_or(0);
    return sum;
}

std::optional<std::uint64_t> machine_memory(std::string_view meminfo) {
    constexpr std::uint64_t kKibi = 1024;
    const auto kibibytes = number_of(meminfo, "MemTotal:");
    return kibibytes ? std::optional(*kibibytes * kKibi) : std::nullopt;
}

CgroupMounts cgroup_mounts(std::string_view mountinfo) {
    CgroupMounts mounts;
    const auto lines = mount_lines(mountinfo);
    for (const auto& line : lines) {
        const bool is_one = line.type == "cgroup" || line.type == "cgroup2";
        if (!is_one || !is_visible(line, lines)) continue;
        const CgroupMount mount{std::string(line.point), std::string(line.root)};
        if (line.type == "cgroup2")
            mounts.try_emplace("", mount);
        else
            each(line.options, ",",
                 [&](std::string_view option) { mounts.try_emplace(std::string(option), mount); });
    }
    return mounts;
}

std::optional<std::string> cgroup_folder(std::string_view proc_cgroup, const CgroupMounts& mounts,
                                         const std::string& controller, const EngineId& engine_id) {
    const auto mount = mounts.find(controller);
    if (mount == mounts.end()) return std::nullopt;
    std::optional<std::string> folder;
    each(proc_cgroup, "\n", [&](std::string_view line) {  // "4:cpu,cpuacct:/docker/<id>", "0::/…"
        const auto first = line.find(':');
        const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
        if (folder || second == line.npos) return;
        bool ours = controller.empty() && second == first + 1;
        each(line.substr(first + 1, second - first - 1), ",",
             [&](std::string_view named) { ours |= !controller.empty() && named == controller; });
        if (!ours) return;
        auto path = up_to_container(line.substr(second + 1), engine_id);
        if (!path) return;
        if (mount->second.root != "/" && path->starts_with(mount->second.root))
            path->remove_prefix(mount->second.root.size());
        folder = mount->second.point + std::string(*path);
    });
    return folder;
}

}  // namespace berth::metrics
