// A proxy before the engine's socket that hands everything on and spoils what it is told to: what a real
// engine does not show on demand. The engine does its work all the same; only the exchange about it goes
// wrong.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "test/support/relay.hpp"

namespace berth::test {

class FaultProxy {
 public:
    enum class Verb {
        List,
        Pull,
        Create,
        Start,
        Stop,  // the wait that follows a signal: it is answered when the container is down
        Rename,
        Remove
    };
    enum class Fault {
        HoldRequest,  // the engine does not hear of it before go_on()
        HoldAnswer,   // the engine has done it, and nobody hears of that before go_on()
        CutAnswer,    // the engine has done it; half of the answer comes, then the connection ends
        Refuse        // the engine has done it and answers 500
    };

    FaultProxy(std::string socket, std::string engine_socket);
    ~FaultProxy();  // cuts what is held
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;

    const std::string& socket() const { return relay_.socket(); }

    void spoil(Verb verb, Fault fault);  // the next exchange of that kind; an earlier wish is forgotten
    bool has_struck() const;             // since then; what is to be held is held
    void go_on();                        // with what is held
    void cut();                          // the connection of what is held

    // From now on every answer that is no stream has headers and members that nobody knows, or no longer.
    void embellish(bool on);
    bool has_embellished(Verb verb) const;

 private:
    enum class Held { Nothing, Waits, GoesOn, IsCut };
    struct Wish {
        Verb verb{};
        Fault fault{};
    };

    void serve(const Relay::Connection& connection);
    bool exchange(const Relay::Connection& connection, const std::string& request);
    bool answer(const Relay::Connection& connection, std::optional<Verb> verb, std::optional<Fault> fault);
    std::optional<Fault> take_wish(std::optional<Verb> verb);
    bool embellishes() const;
    bool hold();
    void release(Held how);
    void strike();

    mutable std::mutex mutex_{};
    std::condition_variable changed_{};
    std::optional<Wish> wish_{};
    bool struck_{false};
    Held held_{Held::Nothing};
    bool embellish_{false};
    std::set<Verb> embellished_{};
    bool ending_{false};
    Relay relay_;  // last: its threads use the others
};

}  // namespace berth::test
