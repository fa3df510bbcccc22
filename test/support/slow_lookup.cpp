#include "test/support/slow_lookup.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>

namespace berth::test {
namespace {

std::atomic<bool> is_slow{false};

}  // namespace

SlowLookup::SlowLookup() {
    is_slow = true;
}

SlowLookup::~SlowLookup() {
    is_slow = false;
    is_slow.notify_all();
}

}  // namespace berth::test

// Stands before the one of the C library.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
    berth::test::is_slow.wait(true);
    static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(name, service, hints, found);
}
