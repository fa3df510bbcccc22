// A real Mosquitto on a free loopback port, with the security a test wants, that can be stopped and started;
// and people who talk to it: mosquitto_pub and mosquitto_sub.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "test/support/certificates.hpp"
#include "test/support/child.hpp"

namespace berth::test {

class Broker {
 public:
    struct Options {
        std::string username{};  // with a password: nobody else may connect
        std::string password{};
        std::string acl{};                   // text of an acl_file
        const Certificates* certificates{};  // TLS with these
        bool require_certificate{};          // of the client
        bool as_stranger{};                  // shows the certificate of another host
        bool persistent{};                   // sessions and retained messages outlive stop() and start()
        std::string more{};                  // further configuration lines
    };

    Broker() : Broker(Options{}) {}
    explicit Broker(Options options);  // chooses the port, does not start
    ~Broker();

    void start();  // returns when it accepts connections
    void stop();   // in an orderly way
    void kill();   // like a power cut

    int port() const { return port_; }
    std::string url() const;
    std::string log() const;  // everything it wrote since it was made

    void publish(const std::string& topic, const std::string& payload,
                 const std::vector<std::string>& more = {}) const;

    // Arguments for mosquitto_pub and mosquitto_sub.
    std::vector<std::string> client_command(const std::string& program,
                                            const std::vector<std::string>& more) const;

 private:
    Options options_;
    int port_;
    TempFolder folder_;
    std::unique_ptr<Child> process_;
};

// mosquitto_sub: what others see on the broker. Subscribed when the constructor returns.
class Subscriber {
 public:
    struct Received {
        std::string topic{};
        std::string payload{};  // without line breaks
        int qos{};
        bool retained{};
    };
    Subscriber(const Broker& broker, const std::string& filter, const std::vector<std::string>& more = {});

    std::vector<Received> received() const;
    std::vector<std::string> payloads() const;

 private:
    TempFolder folder_;
    Child process_;
};

}  // namespace berth::test
