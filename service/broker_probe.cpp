#include "service/broker_probe.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

namespace berth::service {

namespace {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* resource) const {
        Free(resource);
    }
};
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Addresses = std::unique_ptr<addrinfo, Freed<freeaddrinfo>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freed<SSL_free>>;

struct Socket {
    int fd{-1};
    Socket() = default;
    explicit Socket(int opened) : fd(opened) {}
    Socket(Socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    Socket& operator=(Socket&&) = delete;
    ~Socket() {
        if (fd >= 0) ::close(fd);
    }
};

std::string words(int error_number) {
    return std::generic_category().message(error_number);
}

// The oldest error is the cause, the later ones only say who passed it on.
std::string openssl_error() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "unknown TLS error" : reason;
}

Error bad_file(std::string_view option, const std::string& path, std::string_view why) {
    return fail(Errc::Invalid, fmt::format("{} '{}': {}", option, path, why));
}

Result<Certificate> read_certificate(std::string_view option, const std::string& path) {
    const File file(std::fopen(path.c_str(), "re"));
    if (!file) return bad_file(option, path, words(errno));
    Certificate certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!certificate) return bad_file(option, path, "holds no PEM certificate");
    return certificate;
}

Result<> check_dates(const MqttConfig& config, const Certificate& certificate) {
    constexpr std::string_view kOption = "mqtt.tls.cert_file";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0)
        return bad_file(kOption, config.cert_file, "the certificate has expired");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0)
        return bad_file(kOption, config.cert_file, "the certificate is not valid yet (is the clock right?)");
    return {};
}

Result<> check_key(const MqttConfig& config, const Certificate& certificate) {
    constexpr std::string_view kOption = "mqtt.tls.key_file";
    const File file(std::fopen(config.key_file.c_str(), "re"));
    if (!file) return bad_file(kOption, config.key_file, words(errno));
    // An encrypted key would make OpenSSL ask on the terminal: no password, no question.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    const Key key(PEM_read_PrivateKey(file.get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (!key) return bad_file(kOption, config.key_file, "holds no unencrypted PEM key");
    if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        return bad_file(kOption, config.key_file, fmt::format("does not belong to '{}'", config.cert_file));
    }
    return {};
}

void set_patience(int fd, std::chrono::milliseconds patience) {
    const auto ms = patience.count();
    const timeval time{.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);  // bounds connect, too
}

// A connected socket, or none and why.
Socket connect_tcp(const BrokerAddress& address, std::chrono::milliseconds patience, std::string& why) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const auto port = std::to_string(address.port);
    if (const int error = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list); error != 0) {
        why = fmt::format("host '{}' not found: {}", address.host, gai_strerror(error));
        return {};
    }
    const Addresses addresses(list);
    for (const auto* candidate = list; candidate != nullptr; candidate = candidate->ai_next) {
        Socket socket(::socket(candidate->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (socket.fd < 0) continue;
        set_patience(socket.fd, patience);
        if (::connect(socket.fd, candidate->ai_addr, candidate->ai_addrlen) == 0) return socket;
        const bool late = errno == EINPROGRESS || errno == EAGAIN;
        why = late ? "no answer" : words(errno);
    }
    return {};
}

Context make_context(const MqttConfig& config) {
    Context context(SSL_CTX_new(TLS_client_method()));
    if (!context) return {};
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_file(context.get(), config.ca_file.c_str()) != 1) return {};
    if (config.cert_file.empty()) return context;
    if (SSL_CTX_use_certificate_chain_file(context.get(), config.cert_file.c_str()) != 1) return {};
    if (SSL_CTX_use_PrivateKey_file(context.get(), config.key_file.c_str(), SSL_FILETYPE_PEM) != 1) return {};
    return context;
}

void expect_host(SSL* session, const std::string& host) {
    auto* parameters = SSL_get0_param(session);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return;
    SSL_set1_host(session, host.c_str());
    SSL_set_tlsext_host_name(session, host.c_str());
}

std::string describe_handshake(const SSL* session, const MqttConfig& config, bool late) {
    const auto verified = SSL_get_verify_result(session);
    if (verified == X509_V_OK) return late ? "no answer to the TLS handshake" : "TLS: " + openssl_error();
    ERR_clear_error();
    return fmt::format("the broker's certificate is not accepted: {} (trusted: '{}')",
                       X509_verify_cert_error_string(verified), config.ca_file);
}

std::string probe_tls(const Socket& socket, const BrokerAddress& address, const MqttConfig& config) {
    const auto context = make_context(config);
    if (!context) return "TLS: " + openssl_error();
    const Session session(SSL_new(context.get()));
    if (!session) return "TLS: " + openssl_error();
    expect_host(session.get(), address.host);
    SSL_set_fd(session.get(), socket.fd);
    if (SSL_connect(session.get()) != 1) {
        return describe_handshake(session.get(), config, errno == EAGAIN);
    }
    // With TLS 1.3 a broker refuses our certificate only after the handshake; silence means that it does not.
    set_patience(socket.fd, std::chrono::milliseconds(300));
    char byte{};
    const int got = SSL_read(session.get(), &byte, 1);
    if (got <= 0 && SSL_get_error(session.get(), got) == SSL_ERROR_SSL) {
        return "the broker refuses our certificate: " + openssl_error();
    }
    return {};
}

}  // namespace

Result<> check_tls_files(const MqttConfig& config) {
    if (auto ca = read_certificate("mqtt.tls.ca_file", config.ca_file); !ca) return ca.error();
    if (config.cert_file.empty() != config.key_file.empty()) {
        return fail(Errc::Invalid, "mqtt.tls.cert_file and mqtt.tls.key_file: give both or neither");
    }
    if (config.cert_file.empty()) return {};
    const auto certificate = read_certificate("mqtt.tls.cert_file", config.cert_file);
    if (!certificate) return certificate.error();
    if (auto in_force = check_dates(config, *certificate); !in_force) return in_force;
    return check_key(config, *certificate);
}

std::string probe_broker(const BrokerAddress& address, const MqttConfig& config,
                         std::chrono::milliseconds patience) {
    std::string why;
    const auto socket = connect_tcp(address, patience, why);
    if (socket.fd < 0) return why;
    return address.tls ? probe_tls(socket, address, config) : std::string{};
}

}  // namespace berth::service
