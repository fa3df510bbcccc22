#include "service/logging.hpp"
#include "service/log.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <iterator>
#include <regex>

#include <spdlog/spdlog.h>

#include "test/service/config_support.hpp"
#include "test/support/catch.hpp"

namespace {
std::atomic<bool> reading_folders_fails{false};
std::atomic<int> folders_that_failed{0};
}  // namespace

// Stands before the C library's, which no file system here can be made to fail: then behind the first entry,
// as a step and not the opening is what throws.
extern "C" dirent* readdir(DIR* folder) {
    static const auto real = reinterpret_cast<dirent* (*)(DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
    static std::atomic<bool> one_was_read{false};
    if (reading_folders_fails && one_was_read) {
        ++folders_that_failed;
        errno = EIO;
        return nullptr;
    }
    auto* const entry = real(folder);
    one_was_read = reading_folders_fails && entry != nullptr && entry->d_name[0] != '.';
    return entry;
}

namespace berth::service::test {

namespace {

std::string content_of(const std::string& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Puts the logger of the other tests back.
class Log {
 public:
    ~Log() { spdlog::set_default_logger(before_); }

 private:
    std::shared_ptr<spdlog::logger> before_{spdlog::default_logger()};
};

}  // namespace

TEST_CASE("log lines carry UTC time and the level's name, and cannot be forged", "[service]") {
    const Log restore;
    const Folder folder;
    LogConfigFile config;
    config.file = folder.path("new/berth.log");
    REQUIRE(start_logging(config));
    log::warn("image '{}' not found", "app\n2026-01-01T00:00:00.000Z ERROR forged\x1b[31m");
    const auto text = content_of(config.file);
    const std::regex line(
        R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN  image 'app\\x0a.*forged\\x1b\[31m' not found\n)");
    INFO(text);
    CHECK(std::regex_match(text, line));
}

TEST_CASE("each level lets through itself and what is worse, and can be changed later", "[CF-17][service]") {
    const Log restore;
    const Folder folder;
    const std::vector<std::string> levels = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
    for (std::size_t i = 0; i < levels.size(); ++i) {
        LogConfigFile config;
        config.file = folder.path(levels[i] + ".log");
        REQUIRE(start_logging(config));
        set_level(levels[i]);
        log::error("one");
        log::warn("two");
        log::info("three");
        log::debug("four");
        log::trace("five");
        const auto text = content_of(config.file);
        INFO(text);
        CHECK(std::count(text.begin(), text.end(), '\n') == static_cast<std::ptrdiff_t>(i + 1));
    }
}

TEST_CASE("a full log is set aside, so many are kept, and old ones go", "[service]") {
    const Log restore;
    const Folder folder;
    LogConfigFile config;
    config.file = folder.path("berth.log");
    config.file_size = 1024;
    config.file_count = 2;
    config.file_max_age = 48h;
    const auto old = folder.write("berth.7.log", "old");
    const auto other = folder.write("berth.other.log", "not ours");
    const auto recent = folder.write("berth.8.log", "recent");
    const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    for (const auto& file : {old, other})
        REQUIRE(::utimensat(AT_FDCWD, file.c_str(), long_ago, 0) == 0);
    REQUIRE(start_logging(config));
    for (int i = 0; i < 100; ++i)
        log::info("a line that is long enough to fill a file soon, number {}", i);
    namespace fs = std::filesystem;
    CHECK(fs::file_size(config.file) <= 1024);
    CHECK(fs::exists(folder.path("berth.1.log")));
    CHECK(fs::exists(folder.path("berth.2.log")));
    CHECK_FALSE(fs::exists(folder.path("berth.3.log")));
    CHECK_FALSE(fs::exists(old));
    CHECK(fs::exists(recent));
    CHECK(fs::exists(other));
}

TEST_CASE("a folder of logs that cannot be read costs no log line", "[service]") {
    const Log restore;
    const Folder folder;
    LogConfigFile config;
    config.file = folder.path("berth.log");
    config.file_max_age = 48h;
    reading_folders_fails = true;
    const auto started = start_logging(config);
    reading_folders_fails = false;
    CHECK(folders_that_failed > 0);
    REQUIRE(started);
    log::info("here");
    CHECK_THAT(content_of(config.file), ContainsSubstring("here"));
}

TEST_CASE("a log file that cannot be written to is an error", "[service]") {
    const Log restore;
    const Folder folder;
    folder.write("file", "");
    LogConfigFile config;
    config.file = folder.path("file/berth.log");
    const auto started = start_logging(config);
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().message, ContainsSubstring("berth.log"));
}

}  // namespace berth::service::test
