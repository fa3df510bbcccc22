#include "test/support/certificates.hpp"

namespace berth::test {

Certificates::Certificates() {
    make_authority("ca");
    make_authority("other");
    make_certificate("server", "2", "IP:127.0.0.1,DNS:localhost");
    make_certificate("stranger", "2", "DNS:stranger.example");
    make_certificate("client", "2", "DNS:client");
    make_certificate("expired", "0", "DNS:client");
}

void Certificates::make_authority(const std::string& name) const {
    run_command({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-days", "2", "-subj", "/CN=test " + name, "-keyout", folder_ / (name + ".key"),
                 "-out", folder_ / (name + ".pem")});
}

void Certificates::make_certificate(const std::string& name, const std::string& days,
                                    const std::string& subjects) const {
    const auto request = folder_ / (name + ".csr");
    const auto extensions = folder_ / (name + ".ext");
    write_file(extensions, "subjectAltName=" + subjects + "\n");
    run_command({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", "/CN=" + name, "-keyout", folder_ / (name + ".key"), "-out", request});
    run_command({"openssl", "x509", "-req", "-in", request, "-CA", ca(), "-CAkey", folder_ / "ca.key",
                 "-CAcreateserial", "-days", days, "-extfile", extensions, "-out",
                 folder_ / (name + ".pem")});
}

}  // namespace berth::test
