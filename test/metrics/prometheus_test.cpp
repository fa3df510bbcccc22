// The text that a node exporter takes as it is.
#include "metrics/prometheus.hpp"

#include <set>
#include <sstream>

#include "test/support/catch.hpp"

using namespace berth;

namespace {

metrics::Exposed busy(const std::string& id, const std::string& name) {
    Usage usage{};
    usage.cpu = CpuUse{90'061'000'000'007, 1};
    usage.memory = MemoryUse{13'070'336, 10'506'240, 67'108'864};
    usage.io = Transfer{1'781'760, 10'485'760};
    usage.net = Transfer{1182, 0};
    usage.pids = 2;
    return {id, name, usage};
}

}  // namespace

TEST_CASE("each value has its family, with a help, a type and base units", "[BX-13][metrics]") {
    const std::string expected =
        R"(# HELP berth_container_cpu_seconds_total CPU time that the container has used.
# TYPE berth_container_cpu_seconds_total counter
berth_container_cpu_seconds_total{id="nav-7",name="nav"} 90061.000000007
# HELP berth_container_memory_used_bytes Memory in use, without inactive file cache.
# TYPE berth_container_memory_used_bytes gauge
berth_container_memory_used_bytes{id="nav-7",name="nav"} 2564096
# HELP berth_container_memory_limit_bytes Memory that the container may use: its limit, or the machine's memory where that is lower.
# TYPE berth_container_memory_limit_bytes gauge
berth_container_memory_limit_bytes{id="nav-7",name="nav"} 67108864
# HELP berth_container_io_read_bytes_total Bytes read from block devices.
# TYPE berth_container_io_read_bytes_total counter
berth_container_io_read_bytes_total{id="nav-7",name="nav"} 1781760
# HELP berth_container_io_written_bytes_total Bytes written to block devices.
# TYPE berth_container_io_written_bytes_total counter
berth_container_io_written_bytes_total{id="nav-7",name="nav"} 10485760
# HELP berth_container_network_receive_bytes_total Bytes received over the container's interfaces; none on the machine's network.
# TYPE berth_container_network_receive_bytes_total counter
berth_container_network_receive_bytes_total{id="nav-7",name="nav"} 1182
# HELP berth_container_network_transmit_bytes_total Bytes sent over the container's interfaces; none on the machine's network.
# TYPE berth_container_network_transmit_bytes_total counter
berth_container_network_transmit_bytes_total{id="nav-7",name="nav"} 0
# HELP berth_container_pids Processes and threads of the container.
# TYPE berth_container_pids gauge
berth_container_pids{id="nav-7",name="nav"} 2
)";
    CHECK(metrics::prometheus_text({busy("nav-7", "nav")}, 0) == expected);
}

TEST_CASE("what there is no data for has no line, and a family without lines no heading",
          "[BX-13][metrics]") {
    CHECK(metrics::prometheus_text({}, 4096).empty());
    const metrics::Exposed nothing{"a", "a", {}};
    CHECK(metrics::prometheus_text({nothing}, 4096).empty());
    metrics::Exposed quiet{"b", "b", {}};
    quiet.usage.memory = MemoryUse{100, 200, 0};  // no limit: the machine's memory
    const std::string expected =
        R"(# HELP berth_container_memory_used_bytes Memory in use, without inactive file cache.
# TYPE berth_container_memory_used_bytes gauge
berth_container_memory_used_bytes{id="b",name="b"} 0
# HELP berth_container_memory_limit_bytes Memory that the container may use: its limit, or the machine's memory where that is lower.
# TYPE berth_container_memory_limit_bytes gauge
berth_container_memory_limit_bytes{id="b",name="b"} 4096
)";
    CHECK(metrics::prometheus_text({nothing, quiet}, 4096) == expected);
}

TEST_CASE("a family stands together, headed once, whatever the containers are called", "[BX-13][metrics]") {
    const auto text = metrics::prometheus_text({busy("a", "one\"\\"), busy("b", "two\nlines")}, 0);
    std::set<std::string> headed;
    std::string family;
    std::size_t samples = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(headed.insert(family).second);
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.starts_with("# TYPE " + family + " "));
        } else {
            CHECK(line.starts_with(family + "{"));
            ++samples;
        }
    }
    CHECK(samples == 2 * headed.size());
    CHECK_THAT(text, ContainsSubstring(R"({id="a",name="one\"\\"} )"));
    CHECK_THAT(text, ContainsSubstring(R"({id="b",name="two\nlines"} )"));
    CHECK(text.back() == '\n');
}
