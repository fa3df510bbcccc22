// Disks that go wrong: a small file system of its own for a folder, and one without room.
#pragma once

#include <cstdint>
#include <string>

namespace berth::test {

// Turns read-only when told to, as a failing disk does. Takes no more of the machine's disk than what is
// written.
class SmallDisk {
 public:
    explicit SmallDisk(std::string folder);  // whose former content is hidden; the image stands beside it
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    void become_read_only() const;
    void mount_again(const std::string& how) const;  // "ro" or "rw", by hand and for a while
    // While nobody has a file on it open: it can be written to again, and what was flushed is there.
    void repair() const;

 private:
    std::string folder_;
    std::string image_;
};

// Takes the room of a small disk but for so many bytes, for as long as it lives.
class Filler {
 public:
    explicit Filler(const std::string& folder, std::uintmax_t leave = 0);
    ~Filler();
    Filler(const Filler&) = delete;
    Filler& operator=(const Filler&) = delete;

 private:
    std::string file_;
};

}  // namespace berth::test
