#include "service/lock.hpp"

#include <sys/stat.h>

#include <optional>

#include "test/service/config_support.hpp"
#include "test/support/catch.hpp"

namespace berth::service::test {

TEST_CASE("a second instance is kept out and told who is there", "[service]") {
    const Folder folder;
    const auto run_dir = folder.path("run/berth");
    {
        const auto first = Lock::take(run_dir);
        REQUIRE(first);
        const auto second = Lock::take(run_dir);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == Errc::Conflict);
        CHECK_THAT(second.error().message,
                   ContainsSubstring("process " + std::to_string(::getpid()) + " holds"));
        CHECK_THAT(second.error().message, ContainsSubstring(run_dir + "/lock"));
    }
    CHECK(Lock::take(run_dir));
    struct stat status{};
    REQUIRE(::stat(run_dir.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0711);
}

TEST_CASE("a lock that cannot be made says what stands in the way", "[service]") {
    const Folder folder;
    folder.write("file", "");
    const auto lock = Lock::take(folder.path("file/run"));
    REQUIRE_FALSE(lock);
    CHECK_THAT(lock.error().message, ContainsSubstring(folder.path("file/run")));
}

}  // namespace berth::service::test
