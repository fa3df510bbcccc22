// The same commands to berthd and to a process that returns them: how long until they are answered.
#pragma once

#include <functional>
#include <string>

#include "test/bench/processes.hpp"
#include "test/bench/twin_client.hpp"

namespace berth::bench {

class Correspondence {
 public:
    // The command is one that berthd carries out by itself: a container of that id is given the name it has.
    Correspondence(TwinClient& cloud, int broker_port, const std::string& id, std::string name);

    enum class Peer { Berth, Echo };
    // `under_way` at a time until `count` are answered. In ms; throws on an answer that is no success.
    double ms_of(Peer peer, int count, int under_way);
    double median_round_trip_ms(Peer peer, int count);  // one after another

 private:
    void send(Peer peer, int number);
    void await_answer(Peer peer);

    TwinClient& cloud_;
    std::string feature_;
    std::string name_;
    ReadyProgram echo_;
};

}  // namespace berth::bench
