// The least that can answer a command: returns each message as it is, over the same broker. berthd's answers
// are held against it.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "test/bench/mqtt.hpp"

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: echo BROKER-PORT TOPIC TO-TOPIC\n", stderr);
        return 2;
    }
    try {
        berth::bench::Mqtt mqtt(std::stoi(argv[1]), "bench-echo");
        mqtt.subscribe(argv[2]);
        std::puts("ready");
        std::fflush(stdout);
        for (;;)  // until a signal ends it
            while (const auto message = mqtt.next(berth::bench::Clock::now() + std::chrono::hours(1)))
                mqtt.publish(argv[3], message->payload);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo: %s\n", error.what());
        return 1;
    }
}
