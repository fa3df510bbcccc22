// Wakes the thread with which Paho sends. That thread looks whether there is something to send and only then
// falls asleep, for a second; what is handed over between the two is not noticed before the next thing
// happens (Paho C 1.3). A message that is the last for a while would stand for that second. A connect needs
// no bell: its threads are new, and look at once.
#pragma once

namespace berth::service {

class PahoBell {
 public:
    PahoBell();  // throws mqtt::exception
    ~PahoBell();
    PahoBell(const PahoBell&) = delete;
    PahoBell& operator=(const PahoBell&) = delete;

    void ring();  // from any thread; does not block; nothing goes over the wire

 private:
    void* client_{};  // of its own: the library has one sending thread for all clients
};

}  // namespace berth::service
