// What we give people to read is held against what the daemon knows.
#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "test/service/config_support.hpp"
#include "test/support/catch.hpp"

namespace berth::service::test {

namespace {

std::string text_of(const std::string& file) {
    std::ifstream stream(std::string{BERTH_SOURCE_DIR} + "/" + file);
    REQUIRE(stream.is_open());
    return {std::istreambuf_iterator<char>(stream), {}};
}

// "#key = value" counts, "# prose" does not.
std::string uncommented(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    std::string out;
    while (std::getline(lines, line)) {
        const bool is_default = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        out += (is_default ? line.substr(1) : line) + "\n";
    }
    return out;
}

// Those at the beginning of the lines of a help, without their dashes.
std::vector<std::string> flags_in(const std::string& help) {
    std::vector<std::string> flags;
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream words(line);
        for (std::string word; words >> word && word.starts_with('-');)
            if (word.starts_with("--")) flags.push_back(word.substr(2));
    }
    return flags;
}

}  // namespace

TEST_CASE("the sample configuration says the defaults, all of them, and changes nothing", "[service]") {
    const Folder folder;
    const auto sample = text_of("etc/berth.toml");
    const auto none = load_arguments({});
    const auto untouched = load_text(folder, "berth.toml", sample, {"--strict"});
    CHECK(untouched.problems.empty());
    CHECK(untouched.given.empty());
    CHECK(untouched.config == none.config);

    const auto said = load_text(folder, "berth.toml", uncommented(sample), {"--strict"});
    INFO(errors(said) << warnings(said));
    CHECK(said.problems.empty());
    CHECK(said.config == none.config);
    for (const auto& option : built_options()) {
        if (option.secret || option.key.find('*') != std::string_view::npos) continue;
        INFO(option.key);
        CHECK(said.given.contains(std::string{option.key}));
    }
}

TEST_CASE("the packaged neighbour timer is the default", "[BX-23][service]") {
    const BridgeConfig bridge;
    const auto line = "\n-net.ipv4.neigh." + bridge.name +
                      ".retrans_time_ms = " + std::to_string(bridge.neighbour_retrans.count()) + "\n";
    CHECK(text_of("etc/sysctl.d/50-berth.conf").find(line) != std::string::npos);
}

TEST_CASE("the manual names every option and every flag", "[service]") {
    const auto manual = text_of("service/options.md");
    for (const auto* option : all_options()) {
        INFO(option->key);
        std::string key{option->key};
        if (key.starts_with("registry.*.")) key = "registry." + key.substr(11);
        CHECK(manual.find("`" + key + "`") != std::string::npos);
        if (!option->flag.empty())
            CHECK(manual.find("`--" + std::string{option->flag} + "`") != std::string::npos);
        if (!option->path[0].empty())
            CHECK(manual.find("`" + std::string{option->path[0]} + "`") != std::string::npos);
    }
}

TEST_CASE("the manual page names every flag of the help", "[service]") {
    const auto page = text_of("etc/berthd.8");
    const char* const argv[] = {"berthd", "--help"};
    const auto flags = flags_in(parse_command_line(2, argv).text);
    REQUIRE(flags.size() > 50);
    for (const auto& flag : flags) {
        INFO(flag);
        const auto named = "Fl -" + flag;
        const bool found = page.find(named + " ") != page.npos || page.find(named + "\n") != page.npos;
        CHECK(found);
    }
}

}  // namespace berth::service::test
