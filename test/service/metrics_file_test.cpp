// The file for Prometheus: what runs is in it, what went is not.
#include "service/metrics_file.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "service/files.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::BrokerIs;
using berth::test::eventually;
using berth::test::Gateway;
using berth::test::Station;
using berth::test::TemporaryFolder;

namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    return content.str();
}

unsigned mode_of(const std::filesystem::path& file) {
    struct stat status{};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

void start_exposing(Gateway& device, const std::filesystem::path& file) {
    service::MetricsConfig config{};
    config.source = "engine";
    config.textfile = file.string();
    config.textfile_period = std::chrono::milliseconds(20);
    device.station =
        std::make_unique<Station>(device.engine, device.folder.path(), device.config, device.steps,
                                  BrokerIs::There, std::string(), std::nullopt, config);
    device.station->await_ready();
}

}  // namespace

TEST_CASE("what runs is in the file for Prometheus, what went is not", "[BX-13][service]") {
    Gateway device;
    const auto file = device.folder.path() / "berth.prom";
    std::ofstream(file) << "of an earlier one";
    start_exposing(device, file);
    device.deploy("one", {{"web"}, {"nav"}});
    for (const auto& made : device.engine.containers()) {
        Usage usage{};
        usage.pids = 3;
        device.engine.put_usage(made.engine_id, usage);
    }
    const auto has = [&](const std::string& part) {
        return content_of(file).find(part) != std::string::npos;
    };
    REQUIRE(eventually([&] { return has("name=\"web\"} 3\n") && has("name=\"nav\"} 3\n"); }));
    CHECK_FALSE(has("earlier"));
    CHECK(mode_of(file) == 0644U);

    device.deploy("two", {{"web"}});
    CHECK(eventually([&] { return has("name=\"web\"} 3\n") && !has("nav"); }));
    device.station.reset();
    CHECK_FALSE(std::filesystem::exists(file));
    CHECK_FALSE(std::filesystem::exists(file.string() + ".new"));
}

TEST_CASE("a counter of the file keeps what an interface that went has counted, and begins anew with a run",
          "[BX-13][service]") {
    Gateway device;
    const auto file = device.folder.path() / "berth.prom";
    start_exposing(device, file);
    device.deploy("one", {{"web"}});
    const auto web = device.engine.containers().at(0).engine_id;
    const auto use = [&](const Transfers& interfaces) {
        Usage usage{};
        usage.by_interface = interfaces;
        usage.net = total_of(interfaces);
        device.engine.put_usage(web, usage);
    };
    const auto comes_to_receive = [&](const std::string& bytes) {
        const auto end = "name=\"web\"} " + bytes + "\n";
        return eventually([&] { return content_of(file).find(end) != std::string::npos; });
    };
    use({{"eth0", {1000, 1}}, {"eth1", {500, 2}}});
    REQUIRE(comes_to_receive("1500"));
    use({{"eth1", {600, 3}}});
    CHECK(comes_to_receive("1600"));
    use({{"eth0", {70, 4}}});
    device.engine.end_process(web, 1);  // and the engine starts it again
    CHECK(comes_to_receive("70"));
}

TEST_CASE("a folder that comes later is written to then", "[BX-13][service]") {
    Gateway device;
    const auto file = device.folder.path() / "later" / "berth.prom";
    start_exposing(device, file);
    std::filesystem::create_directory(file.parent_path());
    CHECK(eventually([&] { return std::filesystem::exists(file); }));
}

TEST_CASE("a file's mode is exact, and a link in its place is not followed", "[BX-13][service]") {
    const TemporaryFolder folder;
    const auto file = folder.path() / "berth.prom";
    const auto other = folder.path() / "another's";
    std::ofstream(other) << "untouched";
    std::filesystem::create_symlink(other, file.string() + ".new");
    const auto former = ::umask(0077);
    const auto written = service::replace_file(file, "text\n", 0644, service::Outlives::Nothing);
    ::umask(former);
    REQUIRE(written);
    CHECK(content_of(file) == "text\n");
    CHECK(mode_of(file) == 0644U);
    CHECK_FALSE(std::filesystem::is_symlink(file));
    CHECK(content_of(other) == "untouched");
}
