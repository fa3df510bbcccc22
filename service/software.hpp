// Software modules that the cloud installs and removes: descriptors are fetched and checked, containers made
// and started, each step is said. One action at a time; nothing is rolled back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/twin/software.hpp"
#include "service/loop.hpp"
#include "service/software_record.hpp"
#include "service/verbs.hpp"
#include "service/workers.hpp"

namespace berth::service {

class Software {
 public:
    // `ca_file`: authorities for downloads, empty: the system's.
    Software(Loop& loop, Workers& workers, Verbs& verbs, std::string ca_file, SoftwareRecord& record);

    // `thing`: that asks for it. `bytes`: of what asks, which it costs at least for as long as it waits.
    // `accepted`: it is recorded, and begins when its place in the line has come.
    using Accepted = std::function<void()>;
    void install(twin::Install install, const std::string& thing, std::size_t bytes, Accepted accepted);
    void remove(twin::RemoveSoftware remove, const std::string& thing, std::size_t bytes, Accepted accepted);

    std::size_t waiting() const { return waiting_.size(); }  // behind the first
    // Whether so many more bytes may wait.
    bool has_room(std::size_t bytes) const;

 private:
    struct Installing {
        twin::Install install{};
        std::uint64_t action{};
        std::size_t module{};
        std::vector<ContainerSpec> specs{};
        std::vector<ContainerId> made{};
    };
    struct Removing {
        twin::RemoveSoftware remove{};
        std::uint64_t action{};
        std::size_t next{};
        std::vector<twin::Dependency> removed{};
        std::vector<twin::Dependency> failed{};
        std::vector<twin::Dependency> rejected{};
        std::vector<std::string> errors{};
    };
    using Install = std::shared_ptr<Installing>;  // shared: by the continuations of its steps
    using Remove = std::shared_ptr<Removing>;
    struct Fetched {
        std::vector<ContainerSpec> specs{};
        std::string failure{};
        twin::Progress ending{twin::Progress::FinishedError};
    };

    struct Action {
        std::uint64_t number{};
        std::size_t bytes{};
        std::function<void()> begin{};
        bool is_recorded{};
    };
    std::uint64_t accept(twin::KeptAction kept, std::size_t bytes, Accepted accepted,
                         std::function<void()> begin);
    void on_recorded(std::uint64_t action);
    void begin_first();  // in a task of its own
    void end();

    void install_module(const Install& install);
    static Fetched fetch(const std::vector<twin::Artifact>& artifacts, const std::string& ca_file,
                         const std::stop_token& stop);
    void on_fetched(const Install& install, const Fetched& fetched);
    void create_next(const Install& install);
    void start_next(const Install& install, std::size_t next);
    void fail_module(const Install& install, twin::Progress ending, const std::string& message);
    void end_module(const Install& install, twin::Progress ending, const std::string& message = {});
    static std::string log_name(const Install& install);
    static twin::OperationStatus status_of(const Install& install, twin::Progress progress);
    void say(const Install& install, twin::Progress progress);

    void remove_next(const Remove& remove);
    void end_remove(const Remove& remove);
    static twin::OperationStatus status_of(const Remove& remove, twin::Progress progress,
                                           std::vector<twin::Dependency> software);

    Loop& loop_;
    Workers& workers_;
    Verbs& verbs_;
    const std::string ca_file_;
    SoftwareRecord& record_;
    std::optional<Action> first_;  // under way, once it is recorded
    std::deque<Action> waiting_;
    std::size_t waiting_bytes_{0};
};

}  // namespace berth::service
