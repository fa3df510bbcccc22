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
    using Part = SoftwareRecord::Part;
    struct Listener {  // on the loop, in order
        std::function<void(const Part& part, const twin::OperationStatus&)> says{};
    };

    // `ca_file`: authorities for downloads, empty: the system's.
    Software(Loop& loop, Workers& workers, Verbs& verbs, std::string ca_file, Listener listener);

    // Takes its place in the line, and begins there once it is let go. `bytes`: of what asked for it, which
    // it costs at least for as long as it waits.
    using Place = std::uint64_t;
    Place install(twin::Install install, std::size_t bytes);
    Place remove(twin::RemoveSoftware remove, std::size_t bytes);
    void let_go(Place place, const Part& first);  // `first`: of its parts

    std::size_t waiting() const { return waiting_.size(); }  // behind the first
    // Whether so many more bytes may wait.
    bool has_room(std::size_t bytes) const;

 private:
    struct Installing {
        twin::Install install{};
        Part first{};
        std::size_t module{};
        std::vector<ContainerSpec> specs{};
        std::vector<ContainerId> made{};
    };
    struct Removing {
        twin::RemoveSoftware remove{};
        Part part{};
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
        Place place{};
        std::size_t bytes{};
        std::function<void(const Part&)> begin{};
        std::optional<Part> part{};  // let go
    };
    Place line_up(std::size_t bytes, std::function<void(const Part&)> begin);
    void begin_first();  // in a task of its own
    void end();

    void install_module(const Install& install);
    static Fetched fetch(const std::vector<twin::Artifact>& artifacts, const std::string& ca_file,
                         const std::stop_token& stop);
    void on_fetched(const Install& install, const Fetched& fetched);
    void create_next(const Install& install);
    void start_next(const Install& install, std::size_t next);
    void fail_module(const Install& install, twin::Progress ending, const std::string& message);
    void next_module(const Install& install);
    static std::string log_name(const Install& install);
    void say(const Install& install, twin::Progress progress, const std::string& message = {});

    void remove_next(const Remove& remove);
    void end_remove(const Remove& remove);
    void say(const Remove& remove, twin::Progress progress, std::vector<twin::Dependency> software,
             const std::string& message = {});

    Loop& loop_;
    Workers& workers_;
    Verbs& verbs_;
    const std::string ca_file_;
    Listener listener_;
    Place last_place_{0};
    std::optional<Action> first_;  // under way, once it is let go
    std::deque<Action> waiting_;
    std::size_t waiting_bytes_{0};
};

}  // namespace berth::service
