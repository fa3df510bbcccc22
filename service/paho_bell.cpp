#include "service/paho_bell.hpp"

#include <MQTTAsync.h>
#include <mqtt/exception.h>

namespace berth::service {

// Never connected. It keeps one message, the newest: what is added to it is noticed by the sending thread,
// which finds nothing that it could do with it.
PahoBell::PahoBell() {
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.sendWhileDisconnected = 1;
    options.allowDisconnectedSendAtAnyTime = 1;
    options.maxBufferedMessages = 1;
    options.deleteOldestMessages = 1;
    const int code = MQTTAsync_createWithOptions(&client_, "tcp://localhost", "bell",
                                                 MQTTCLIENT_PERSISTENCE_NONE, nullptr, &options);
    if (code != MQTTASYNC_SUCCESS) throw mqtt::exception(code);
}

// Paho forgets topic and payload of the one message: some hundred bytes a connection that was rung for.
PahoBell::~PahoBell() {
    MQTTAsync_destroy(&client_);
}

// Where it fails there is no memory, and the message waits for its second.
void PahoBell::ring() {
    const char nothing = 0;
    static_cast<void>(MQTTAsync_send(client_, "bell", 1, &nothing, 0, 0, nullptr));
}

}  // namespace berth::service
