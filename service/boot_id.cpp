#include "service/boot_id.hpp"

#include "service/files.hpp"

namespace berth::service {

const std::string& boot_id() {
    static const std::string id = [] {
        auto text = read_file("/proc/sys/kernel/random/boot_id");
        if (text && text->ends_with('\n')) text->pop_back();
        return text ? *text : std::string{};
    }();
    return id;
}

}  // namespace berth::service
