#include "service/side_thread.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "service/log.hpp"

namespace berth::service {

SideThread::~SideThread() {
    if (thread_.joinable()) thread_.join();
}

bool SideThread::await_or_leave(std::chrono::steady_clock::time_point until) {
    if (done_.wait_until(until) != std::future_status::ready) {
        leave();
        return false;
    }
    thread_.join();
    return true;
}

// The thread is inside the library, or OpenSSL, and may go on while the process ends: exit would destroy
// their statics and the log's under it. What is registered last runs first, and ends the process as it
// stands.
void SideThread::leave() {
    log::warn("the MQTT client does not end (a name look-up that hangs?) and is left behind");
    thread_.detach();
    ::on_exit(
        [](int status, void*) {
            std::fflush(nullptr);
            ::_exit(status);
        },
        nullptr);
}

}  // namespace berth::service
