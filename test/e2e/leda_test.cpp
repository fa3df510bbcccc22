// The desired state from Eclipse Leda's documentation, as it is.
#include <algorithm>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

TEST_CASE("the Leda sample deploys as it is", "[UA-20][UA-13][UA-19][UA-22][e2e]") {
    Device device;
    const auto sample = read_file(std::string(BERTH_SOURCE_DIR) + "/test/data/leda-desired-state.json");
    const std::string activity = "activity-id-leda-containers";
    device.probe.desire(sample);
    device.probe.await(activity, "COMPLETED");

    const std::vector<std::string> all = {"cloudconnector", "databroker", "feedercan", "hvacservice-example",
                                          "seatservice-example"};
    CHECK(device.containers() == all);
    for (const auto& name : all)
        CHECK(device.engine.state(name) == "running");

    const auto identified = device.probe.await(activity, "IDENTIFIED");
    CHECK(identified.actions.size() == 5);
    CHECK_THAT(identified.message, ContainsSubstring("component databroker, key port") &&
                                       ContainsSubstring("localhost:55555:30555-30555/tcp"));
    CHECK_THAT(identified.message, ContainsSubstring("component seatservice-example, key port") &&
                                       ContainsSubstring("localhost:50051:30051-30051/tcp"));
    CHECK(device.engine.field("databroker", "/Config/ExposedPorts").empty());
    CHECK(device.engine.docker({"exec", "cloudconnector", "/bin/cat", "/device.crt"}) ==
          "not a certificate\n");

    const auto network = "/NetworkSettings/Networks/" + device.name_space();
    CHECK_THAT(device.engine.docker(
                   {"exec", "feedercan", "/bin/busybox", "nslookup", "-type=a", "databroker", "127.0.0.11"}),
               ContainsSubstring("Address: " + device.engine.field("databroker", network + "/IPAddress")));
    CHECK(device.engine.field("cloudconnector", "/HostConfig/ExtraHosts") ==
          "[\"mosquitto:" + device.engine.field("cloudconnector", network + "/Gateway") + "\"]");

    // The sample again, as somebody sends it who is not sure.
    const auto said = device.probe.feedback(activity).size();
    device.probe.desire(sample);
    REQUIRE(eventually([&] {
        return device.probe.feedback(activity).size() > said &&
               device.probe.feedback(activity).back().status == "COMPLETED";
    }));
    const auto second = device.probe.feedback(activity);
    const auto again = std::find_if(second.begin() + static_cast<std::ptrdiff_t>(said), second.end(),
                                    [](const auto& one) { return one.status == "IDENTIFIED"; });
    REQUIRE(again != second.end());
    for (const auto& action : again->actions)
        CHECK(action.message == "no change");
    CHECK(device.containers() == all);
}
