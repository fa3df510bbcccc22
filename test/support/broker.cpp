#include "test/support/broker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <sstream>
#include <stdexcept>

#include "test/support/loopback.hpp"
#include "test/support/wait.hpp"

namespace berth::test {

namespace {

bool accepts(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return connected;
}

}  // namespace

Broker::Broker(Options options) : options_(std::move(options)), port_(free_port()) {
    std::ostringstream config;
    // As root it would change to a user who may not read the folder.
    config << "user root\nlistener " << port_ << " 127.0.0.1\nlog_type all\nset_tcp_nodelay true\n";
    if (options_.username.empty()) {
        config << "allow_anonymous true\n";
    } else {
        run_command(
            {"mosquitto_passwd", "-b", "-c", folder_ / "passwords", options_.username, options_.password});
        config << "allow_anonymous false\npassword_file " << folder_ / "passwords" << "\n";
    }
    if (!options_.acl.empty()) {
        write_file(folder_ / "acl", options_.acl);
        config << "acl_file " << folder_ / "acl" << "\n";
    }
    if (const auto* all = options_.certificates; all != nullptr) {
        config << "cafile " << all->ca() << "\ncertfile "
               << (options_.as_stranger ? all->stranger() : all->server()) << "\nkeyfile "
               << (options_.as_stranger ? all->stranger_key() : all->server_key()) << "\nrequire_certificate "
               << (options_.require_certificate ? "true" : "false") << "\n";
    }
    if (options_.persistent) config << "persistence true\npersistence_location " << folder_ / "" << "\n";
    config << options_.more;
    write_file(folder_ / "mosquitto.conf", config.str());
}

Broker::~Broker() = default;

void Broker::start() {
    process_ = std::make_unique<Child>(
        std::vector<std::string>{"mosquitto", "-c", folder_ / "mosquitto.conf"}, folder_ / "log");
    const bool up = eventually([this] { return accepts(port_) || !process_->running(); });
    if (!up || !process_->running()) throw std::runtime_error("mosquitto does not start: " + log());
}

void Broker::stop() {
    process_->signal(SIGTERM);
    process_->wait();
    process_.reset();
}

void Broker::kill() {
    process_.reset();
}

std::string Broker::url() const {
    return (options_.certificates == nullptr ? "tcp://127.0.0.1:" : "ssl://127.0.0.1:") +
           std::to_string(port_);
}

std::string Broker::log() const {
    return read_file(folder_ / "log");
}

std::vector<std::string> Broker::client_command(const std::string& program,
                                                const std::vector<std::string>& more) const {
    std::vector<std::string> command{program, "-h", "127.0.0.1", "-p", std::to_string(port_)};
    if (!options_.username.empty())
        command.insert(command.end(), {"-u", options_.username, "-P", options_.password});
    if (options_.certificates != nullptr) {
        command.insert(command.end(),
                       {"--cafile", options_.certificates->ca(), "--cert", options_.certificates->client(),
                        "--key", options_.certificates->client_key()});
    }
    command.insert(command.end(), more.begin(), more.end());
    return command;
}

void Broker::publish(const std::string& topic, const std::string& payload,
                     const std::vector<std::string>& more) const {
    const TempFolder folder;  // a file: payloads may be larger than a command line
    write_file(folder / "payload", payload);
    std::vector<std::string> arguments{"-V", "5", "-q", "1", "-t", topic, "-f", folder / "payload"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    run_command(client_command("mosquitto_pub", arguments));
}

namespace {

std::vector<std::string> subscriber_command(const Broker& broker, const std::string& filter,
                                            const std::vector<std::string>& more) {
    // -d tells when the subscription is acknowledged.
    std::vector<std::string> arguments{"-d", "-q", "1", "-t", filter, "-F", "MESSAGE %q %r %t %p"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto command = broker.client_command("mosquitto_sub", arguments);
    command.insert(command.begin(), {"stdbuf", "-oL"});  // what it writes is read while it runs
    return command;
}

}  // namespace

Subscriber::Subscriber(const Broker& broker, const std::string& filter, const std::vector<std::string>& more)
    : process_(subscriber_command(broker, filter, more), folder_ / "output") {
    const auto output = folder_ / "output";
    if (!eventually([&] { return read_file(output).find("Subscribed (mid") != std::string::npos; }))
        throw std::runtime_error("mosquitto_sub does not subscribe: " + read_file(output));
}

std::vector<Subscriber::Received> Subscriber::received() const {
    std::vector<Received> all;
    std::istringstream lines(read_file(folder_ / "output"));
    for (std::string line; std::getline(lines, line) && !lines.eof();) {  // a last line may be half written
        if (!line.starts_with("MESSAGE ")) continue;
        std::istringstream words(line.substr(8));
        Received message;
        words >> message.qos >> message.retained >> message.topic;
        words.ignore(1);
        std::getline(words, message.payload);
        all.push_back(std::move(message));
    }
    return all;
}

std::vector<std::string> Subscriber::payloads() const {
    std::vector<std::string> all;
    for (auto& message : received())
        all.push_back(std::move(message.payload));
    return all;
}

}  // namespace berth::test
