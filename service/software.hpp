// Software modules that the cloud installs and removes: descriptors are fetched and checked, containers made
// and started, each step is said. One action at a time; nothing is rolled back.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/twin/software.hpp"
#include "service/loop.hpp"
#include "service/verbs.hpp"
#include "service/workers.hpp"

namespace berth::service {

class Software {
 public:
    struct Listener {  // on the loop, in order; with the asker that was given
        std::function<void(const std::string& asker, const twin::OperationStatus&)> says{};
    };

    // `ca_file`: authorities for downloads, empty: the system's.
    Software(Loop& loop, Workers& workers, Verbs& verbs, std::string ca_file, Listener listener);

    // `bytes`: of what asked for it, which it costs at least for as long as it waits.
    void install(twin::Install install, std::string asker, std::size_t bytes);
    void remove(twin::RemoveSoftware remove, std::string asker, std::size_t bytes);

    std::size_t waiting() const { return waiting_.size(); }  // behind the one under way
    // Whether so many more bytes may wait.
    bool has_room(std::size_t bytes) const;

 private:
    struct Installing {
        twin::Install install{};
        std::string asker{};
        std::size_t module{};
        std::vector<ContainerSpec> specs{};
        std::vector<ContainerId> made{};
    };
    struct Removing {
        twin::RemoveSoftware remove{};
        std::string asker{};
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

    struct Waiting {
        std::function<void()> action{};
        std::size_t bytes{};
    };
    void begin(std::function<void()> action, std::size_t bytes);
    void end();  // the next one begins in a task of its own, whatever ended this one

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
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_{0};
    bool busy_{false};
};

}  // namespace berth::service
