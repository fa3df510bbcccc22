// A process that a test starts and that ends with the object, at the latest.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace berth::test {

class TempFolder {
 public:
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
    std::filesystem::path path_;
};

class Child {
 public:
    // Looked up in PATH; standard output and error go to the file. Throws when it cannot be started.
    Child(const std::vector<std::string>& command, const std::string& output_file);
    ~Child();  // SIGKILL
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void signal(int number) const;
    bool running();
    pid_t pid() const { return pid_; }  // -1 once it has ended
    int wait(std::chrono::milliseconds patience =
                 std::chrono::seconds(60));  // exit status, -signal; throws when late

 private:
    pid_t pid_;
    int status_{0};
};

// Runs to the end; throws with the output unless the exit status is 0. Returns the output.
std::string run_command(const std::vector<std::string>& command);

std::string read_file(const std::string& path);  // empty when there is none
void write_file(const std::string& path, const std::string& text);

int free_port();  // on loopback; free at the time of the call

}  // namespace berth::test
