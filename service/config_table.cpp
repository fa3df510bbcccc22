// The options this version acts on: the sections' tables, joined. Order is the order of --help, of
// --dump-config and of etc/berth.toml.
#include "service/config_table.hpp"

#include <vector>

namespace berth::service {

std::span<const Option> built_options() {
    static const std::vector<Option> all = [] {
        std::vector<Option> joined_tables;
        for (const auto section : {log_options(), mqtt_options(), update_agent_options(), things_options(),
                                   runtime_options(), network_options(), images_options()})
            joined_tables.insert(joined_tables.end(), section.begin(), section.end());
        return joined_tables;
    }();
    return all;
}

}  // namespace berth::service
