#include "runtime/docker/pull.hpp"

#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime::docker;

namespace {

// A pull of two layers as Engine 20.10.24 told it; lines between two of a kind are left out.
const std::vector<std::string> kLines = {
    R"({"status":"Pulling from layers","id":"1"})",
    R"({"status":"Already exists","progressDetail":{},"id":"0a2c9d308a3e"})",
    R"({"status":"Pulling fs layer","progressDetail":{},"id":"5a2c9d308a3e"})",
    R"({"status":"Pulling fs layer","progressDetail":{},"id":"6b2c9d308a3e"})",
    R"({"status":"Waiting","progressDetail":{},"id":"6b2c9d308a3e"})",
    R"({"status":"Downloading","progressDetail":{"current":100,"total":1000},"progress":"[=\u003e   ]","id":"5a2c9d308a3e"})",
    R"({"status":"Downloading","progressDetail":{"current":500,"total":3000},"progress":"[=\u003e   ]","id":"6b2c9d308a3e"})",
    R"({"status":"Downloading","progressDetail":{"current":50,"total":1000},"progress":"[=\u003e   ]","id":"5a2c9d308a3e"})",
    R"({"status":"Verifying Checksum","progressDetail":{},"id":"5a2c9d308a3e"})",
    R"({"status":"Download complete","progressDetail":{},"id":"5a2c9d308a3e"})",
    R"({"status":"Extracting","progressDetail":{"current":10,"total":1000},"progress":"[=\u003e   ]","id":"5a2c9d308a3e"})",
    R"({"status":"Pull complete","progressDetail":{},"id":"5a2c9d308a3e"})",
    R"({"status":"Download complete","progressDetail":{},"id":"6b2c9d308a3e"})",
    R"({"status":"Digest: sha256:056f3df7f250b3ccfa1b082bc3b9aa2f51cf876bb00df51b38bf19a83f023ef4"})",
};

}  // namespace

TEST_CASE("pull progress is the sum over the layers and never falls", "[CM-32][runtime]") {
    std::vector<std::pair<std::int64_t, std::int64_t>> told;
    PullStream stream([&](const runtime::Progress& p) { told.emplace_back(p.current_bytes, p.total_bytes); });
    for (const auto& line : kLines)
        REQUIRE(stream.on_line(line));
    const std::vector<std::pair<std::int64_t, std::int64_t>> expected = {
        {100, 1000}, {600, 4000}, {1500, 4000}, {4000, 4000}};
    CHECK(told == expected);
}

TEST_CASE("a failure inside the stream ends the pull", "[CM-32][runtime]") {
    struct Case {
        std::string line;
        Errc code;
        std::string message;
    };
    const std::vector<Case> cases = {
        {R"({"errorDetail":{"message":"unknown blob"},"error":"unknown blob"})", Errc::Internal,
         "unknown blob"},
        {R"({"error":"unexpected EOF"})", Errc::Unavailable, "unexpected EOF"},
        {R"({"errorDetail":{"message":"write /x: no space left on device"}})", Errc::NoSpace,
         "write /x: no space left on device"},
        {"not JSON", Errc::Internal, "the engine's pull stream is no JSON"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.line) {
            PullStream stream({});
            const auto result = stream.on_line(c.line);
            REQUIRE_FALSE(result);
            CHECK(result.error() == Error{c.code, c.message});
        }
}

TEST_CASE("credentials are given to their registry only", "[CM-33][runtime]") {
    const std::vector<RegistryLogin> logins = {{"127.0.0.1:5000", "berth", "a?>b"},
                                               {"docker.io", "me", "pw"}};
    CHECK(registry_auth("127.0.0.1:5001/app:1", logins).empty());
    CHECK(registry_auth("127.0.0.1/app:1", logins).empty());
    // {"password":"a?>b","serveraddress":"127.0.0.1:5000","username":"berth"}, URL-safe alphabet, padded
    CHECK(registry_auth("127.0.0.1:5000/app:1", logins) ==
          "eyJwYXNzd29yZCI6ImE_PmIiLCJzZXJ2ZXJhZGRyZXNzIjoiMTI3LjAuMC4xOjUwMDAiLCJ1c2VybmFtZSI6ImJlcnRoIn0=");
    // {"password":"pw","serveraddress":"https://index.docker.io/v1/","username":"me"}
    CHECK(registry_auth("busybox:1", logins) ==
          "eyJwYXNzd29yZCI6InB3Iiwic2VydmVyYWRkcmVzcyI6Imh0dHBzOi8vaW5kZXguZG9ja2VyLmlvL3YxLyIsInVzZXJuYW1lIj"
          "oibWUifQ==");
}
