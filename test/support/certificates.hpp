// Certificates for one test, made with the openssl command line: an authority, a server for 127.0.0.1 and
// localhost, a client, and things that go wrong.
#pragma once

#include <string>

#include "test/support/child.hpp"

namespace berth::test {

class Certificates {
 public:
    Certificates();

    std::string ca() const { return folder_ / "ca.pem"; }
    std::string server() const { return folder_ / "server.pem"; }
    std::string server_key() const { return folder_ / "server.key"; }
    std::string stranger() const { return folder_ / "stranger.pem"; }  // a server for stranger.example
    std::string stranger_key() const { return folder_ / "stranger.key"; }
    std::string client() const { return folder_ / "client.pem"; }
    std::string client_key() const { return folder_ / "client.key"; }
    std::string expired() const { return folder_ / "expired.pem"; }  // with its key
    std::string expired_key() const { return folder_ / "expired.key"; }
    std::string other_ca() const { return folder_ / "other.pem"; }  // an authority that signed nothing here

 private:
    void make_authority(const std::string& name) const;
    void make_certificate(const std::string& name, const std::string& days,
                          const std::string& subjects) const;

    TempFolder folder_;
};

}  // namespace berth::test
