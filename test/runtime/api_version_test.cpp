#include "runtime/docker/api_version.hpp"
#include "protocol/forms.hpp"
#include "runtime/docker/reference.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime::docker;

TEST_CASE("the API version is the engine's, up to the newest that was tried", "[runtime]") {
    struct Case {
        std::string wanted;
        std::string engine;
        std::string chosen;  // or the refusal
    };
    const std::vector<Case> cases = {
        {"auto", "1.41", "1.41"},
        {"auto", "1.45", "1.45"},
        {"auto", "1.52", "1.45"},
        {"auto", "2.0", "1.45"},
        {"auto", "1.40", "the engine is too old: it speaks API versions up to 1.40, Berth needs 1.41"},
        {"auto", "", "what answers names no Engine API version (''), Berth needs 1.41"},
        {"auto", "1.x", "what answers names no Engine API version ('1.x'), Berth needs 1.41"},
        {"1.43", "1.45", "1.43"},
        {"1.43", "1.41", "the engine speaks API versions up to 1.41, configured is 1.43"},
        {"1.40", "1.45", "API version 1.40 is none that Berth speaks, from 1.41 on"},
        {"2.0", "2.0", "API version 2.0 is none that Berth speaks, from 1.41 on"},
        {"1,43", "1.45", "API version '1,43' is neither auto nor a number"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.wanted << " with " << c.engine) {
            const auto version = choose_api_version(c.wanted, c.engine);
            CHECK((version ? to_string(*version) : version.error().message) == c.chosen);
        }
    CHECK(choose_api_version("auto", "1.40").error().code == Errc::Unsupported);
    CHECK(choose_api_version("1.43", "1.41").error().code == Errc::Unsupported);
}

TEST_CASE("an image reference is checked before it becomes part of a path", "[runtime]") {
    for (const std::string good :
         {"busybox", "busybox:1", "127.0.0.1:5000/app:1", "reg.example.com/a/b_c@sha256:00ff"})
        CHECK(check_reference(good));
    for (const std::string bad :
         {"", "/app", "app/", "a//b", "../containers/x", "a/../b", "a/.b", "app?x=1", "app#1", "app 1",
          "localhost:5000@evil.example/app", "a%2e", "app\n", "äpp"}) {
        INFO(bad);
        const auto checked = check_reference(bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::Invalid);
    }
}

TEST_CASE("a reference names its registry and its tag", "[runtime]") {
    CHECK(registry_of("busybox") == "docker.io");
    CHECK(registry_of("library/busybox:1") == "docker.io");
    CHECK(registry_of("docker.io/library/busybox:1") == "docker.io");
    CHECK(registry_of("127.0.0.1:5000/app:1") == "127.0.0.1:5000");
    CHECK(registry_of("localhost/app") == "localhost");
    CHECK(registry_of("ghcr.io/a/b") == "ghcr.io");
    CHECK(with_tag("busybox") == "busybox:latest");
    CHECK(with_tag("127.0.0.1:5000/app") == "127.0.0.1:5000/app:latest");
    CHECK(with_tag("app:1") == "app:1");
    CHECK(with_tag("reg:1/app@sha256:0") == "reg:1/app@sha256:0");
}
