#include "test/support/child.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "test/support/loopback.hpp"

extern char** environ;

namespace berth::test {

TempFolder::TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Child::Child(const std::vector<std::string>& command, const std::string& output_file) : pid_(-1) {
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    std::vector<char*> arguments;
    for (const auto& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const int error = posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), command[0]);
}

Child::~Child() {
    if (!running()) return;
    signal(SIGKILL);
    waitpid(pid_, &status_, 0);
}

void Child::signal(int number) const {
    if (pid_ > 0) kill(pid_, number);
}

bool Child::running() {
    if (pid_ <= 0) return false;
    if (waitpid(pid_, &status_, WNOHANG) == 0) return true;
    pid_ = -1;
    return false;
}

int Child::wait(std::chrono::milliseconds patience) {
    if (running()) {
        const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
        pollfd ended{.fd = fd, .events = POLLIN, .revents = 0};
        poll(&ended, 1, static_cast<int>(patience.count()));
        close(fd);
        if (running()) throw std::runtime_error("a process did not end in time");
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

std::string run_command(const std::vector<std::string>& command) {
    const TempFolder folder;
    const auto output = folder / "output";
    Child child(command, output);
    const int status = child.wait();
    auto text = read_file(output);
    if (status != 0) throw std::runtime_error(command[0] + " failed: " + text);
    return text;
}

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback();
    socklen_t length = sizeof address;
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    close(fd);
    if (!bound) throw std::system_error(errno, std::generic_category(), "free_port");
    return ntohs(address.sin_port);
}

}  // namespace berth::test
