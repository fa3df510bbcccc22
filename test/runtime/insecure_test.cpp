#include "runtime/docker/insecure.hpp"

#include "test/support/catch.hpp"

using namespace berth::runtime::docker;

using Names = std::vector<std::string>;

namespace {

// As Engine 20.10 and 26.1 answer, with the members that matter.
const std::string kInfo = R"({"ID":"x","RegistryConfig":{
    "InsecureRegistryCIDRs":["10.1.0.0/16","fd00:5::/32","127.0.0.0/8","nonsense","1.2.3.4/40",7],
    "IndexConfigs":{"docker.io":{"Name":"docker.io","Mirrors":[],"Secure":true,"Official":true},
                    "shop:5000":{"Name":"shop:5000","Mirrors":[],"Secure":false,"Official":false}},
    "Mirrors":[]}})";

Names refused(const Names& wanted, const std::string& info = kInfo) {
    const auto found = refused_insecure(wanted, info);
    REQUIRE(found);
    return *found;
}

}  // namespace

TEST_CASE("a registry is insecure where the engine lists it or its network", "[CM-33][runtime]") {
    CHECK(refused({"shop:5000", "10.1.2.3:5000", "10.1.2.3", "[fd00:5::1]:443", "[fd00:5::1]", "10.1.0.0/16"})
              .empty());
    CHECK(refused({"localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9"}).empty());
    const Names others = {"shop",    "shop:5001",     "docker.io",          "10.2.0.1:5000", "[fd00:6::1]",
                          "1.2.3.4", "127.0.0.1.org", "localhost.org:5000", "10.1.0.0/24"};
    CHECK(refused(others) == others);
}

TEST_CASE("an engine that says nothing about registries insists on TLS but for the machine's own",
          "[CM-33][runtime]") {
    for (const std::string info : {"{}", R"({"RegistryConfig":null})",
                                   R"({"RegistryConfig":{"InsecureRegistryCIDRs":null,"IndexConfigs":[]}})"})
        CHECK(refused({"a:1", "localhost:5000", "127.0.0.1"}, info) == Names{"a:1"});
    CHECK_FALSE(refused_insecure({"a:1"}, "[]"));
}

TEST_CASE("odd names of registries are nobody's address", "[runtime]") {
    for (const std::string odd : {"", ":", "[", "[]", "[:5000", "]", "::1"})
        CHECK_FALSE(is_insecure_anyway(odd));
}
