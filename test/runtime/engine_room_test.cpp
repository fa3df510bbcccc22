// What a real registry says of its images, and a real engine of its folder and its layers.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <thread>

#include "test/runtime/engine_bench.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using berth::runtime::Which;
using berth::runtime::docker::DockerRuntime;
using berth::test::EngineBench;

namespace {

using Layers = std::vector<Layer>;

// The registry is on the loopback of the engine's network: a thread of its own goes there and ends.
Result<Layers> layers_of(EngineBench& bench, DockerRuntime& runtime, const std::string& reference,
                         Which which) {
    std::optional<Result<Layers>> told;
    std::thread([&] {
        const int there = ::open(bench.lab().network_namespace().c_str(), O_RDONLY | O_CLOEXEC);
        const bool entered = ::setns(there, CLONE_NEWNET) == 0;
        ::close(there);
        if (entered) told = runtime.image_layers(reference, which, {});
    }).join();
    if (!told) throw std::runtime_error("the engine's network cannot be entered");
    return *told;
}

}  // namespace

TEST_CASE("a registry tells the layers of an image, the engine which of them it has", "[BX-02][engine]") {
    EngineBench bench;
    const auto reference = bench.image_of_registry();  // its lowest layer is that of every image of the lab
    const auto all = layers_of(bench, bench.runtime(), reference, Which::All);
    REQUIRE(all);
    REQUIRE(all->size() == 5);
    for (const auto& layer : *all) {
        CHECK_THAT(layer.digest, StartsWith("sha256:"));
        CHECK(layer.bytes > 100'000);
    }
    const auto missing = layers_of(bench, bench.runtime(), reference, Which::Missing);
    REQUIRE(missing);
    CHECK(*missing == Layers(all->begin() + 1, all->end()));

    REQUIRE(bench.runtime().pull(reference, {}));
    CHECK(layers_of(bench, bench.runtime(), reference, Which::Missing)->empty());
    CHECK(layers_of(bench, bench.runtime(), bench.no_image_of_registry(), Which::All).error().code ==
          Errc::NotFound);
}

TEST_CASE("a registry that wants a login gets it", "[BX-02][CM-33][engine]") {
    EngineBench bench;
    const auto reference = bench.lab().registry_auth() + "/layers:1";
    CHECK(layers_of(bench, bench.runtime(), reference, Which::All).error().code == Errc::Forbidden);
    auto options = bench.options();
    options.registries = {
        {bench.lab().registry_auth(), bench.lab().registry_user(), bench.lab().registry_password()}};
    DockerRuntime runtime(options);
    REQUIRE(runtime.connect({}));
    const auto all = layers_of(bench, runtime, reference, Which::All);
    REQUIRE(all);
    CHECK(all->size() == 5);
}

TEST_CASE("the engine's folder has room", "[BX-02][engine]") {
    EngineBench bench;
    const auto space = bench.runtime().space({});
    REQUIRE(space);
    CHECK_FALSE(space->folder.empty());
    CHECK(space->free_bytes.value_or(0) > 0);
}
