// A container engine in memory: behaves like one, remembers what it was asked, and fails or hangs when told
// to. Starts no process and knows no Docker; test/runtime holds it against the real one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"

namespace berth::test {

enum class Verb {
    Connect,
    List,
    Inspect,
    ReadBack,
    Find,
    ImagePresent,
    Pull,
    ImageLayers,
    Space,
    Create,
    Start,
    Stop,
    Kill,
    Pause,
    Unpause,
    Rename,
    Update,
    Remove,
    MoveTo,
    Stats,
    Watch
};

class FakeRuntime final : public runtime::Runtime {
 public:
    Result<runtime::EngineInfo> connect(runtime::Call call) override;
    Result<std::vector<Container>> list(runtime::Call call) override;
    Result<Container> inspect(const EngineId& engine_id, runtime::Call call) override;
    Result<ContainerSpec> read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                    runtime::Call call) override;
    Result<std::optional<EngineId>> find(const ContainerId& id, runtime::Call call) override;
    Result<bool> image_present(const std::string& reference, runtime::Call call) override;
    Result<> pull(const std::string& reference, runtime::Call call) override;
    Result<std::vector<Layer>> image_layers(const std::string& reference, runtime::Which which,
                                            runtime::Call call) override;
    Result<runtime::Space> space(runtime::Call call) override;
    Result<EngineId> create(const ContainerSpec& spec, runtime::CreateOptions options,
                            runtime::Call call) override;
    Result<> start(const EngineId& engine_id, runtime::Call call) override;
    Result<> stop(const EngineId& engine_id, runtime::StopOptions options, runtime::Call call) override;
    Result<> kill(const EngineId& engine_id, const std::string& signal, runtime::Call call) override;
    Result<> pause(const EngineId& engine_id, runtime::Call call) override;
    Result<> unpause(const EngineId& engine_id, runtime::Call call) override;
    Result<> rename(const EngineId& engine_id, const std::string& engine_name, runtime::Call call) override;
    Result<> update(const EngineId& engine_id, const runtime::UpdateOptions& options,
                    runtime::Call call) override;
    Result<> remove(const EngineId& engine_id, runtime::Call call) override;
    Result<> move_to(const EngineId& engine_id, const ContainerSpec& spec, runtime::Place place,
                     runtime::Call call) override;
    Result<Usage> stats(const EngineId& engine_id, runtime::Call call) override;
    Result<> watch(const std::function<void()>& subscribed,
                   const std::function<void(runtime::EngineEvent)>& deliver, runtime::Call call) override;

    // --- the world around it; every function here is safe from any thread -------------------------------

    // Its containers and images outlive the process: read from the file if it is there, written to it after
    // every change. The registry and what was told to fail are not kept. Throws when the file cannot be read
    // or written.
    void keep_in(const std::string& file);
    void put_image(const std::string& reference);    // is on the machine
    void break_image(const std::string& reference);  // is on the machine, but none of it can be started
    // Can be pulled; a pull tells of so many bytes.
    void put_in_registry(const std::string& reference, std::int64_t bytes = 1'000'000);
    // What the image consists of, told by its registry; without, that says nothing.
    void put_layers(const std::string& reference, std::vector<Layer> layers);
    void hide_deltas(bool on);          // which layers are missing is Unsupported until this is switched off
    void set_free(std::int64_t bytes);  // of its data folder; before that nobody can see the folder
    void remove_image(const std::string& reference);
    void hang_pulls(bool on);     // pulls report half of their bytes and then wait until this is switched off
    void hang_lists(bool on);     // lists wait until this is switched off
    void late_lists(bool on);     // lists show what is there now, whatever happens until this is switched off
    void set_reachable(bool on);  // off: every verb is Unavailable, and watches end
    // The next calls of this verb do nothing and answer this.
    void fail_next(Verb verb, Error error, int times = 1);
    // The next call of this verb is done, but answers Internal: the connection was cut.
    void lose_answer(Verb verb);
    // From now on it holds something else than it was asked for: whoever reads an instance back sees this
    // done to it.
    void hold_otherwise(std::function<void(ContainerSpec&)> change);
    // Its process ignores everything but SIGKILL.
    void make_stubborn(const EngineId& engine_id);
    // Its process ends by itself; the engine restarts it if its policy says so.
    void end_process(const EngineId& engine_id, std::int64_t exit_code);
    // A container of somebody else: invisible, but its name is taken.
    void put_foreign(const std::string& engine_name);
    // An instance from before, in whatever state; engine_id and engine_policy are filled if empty.
    EngineId put(Container container);
    void emit(const runtime::EngineEvent& event);
    void put_usage(const EngineId& engine_id, const Usage& usage);  // what stats answers
    void gather_stats(int together);  // it answers none before so many have been asked for

    // --- what became of it -----------------------------------------------------------------------------

    int calls(Verb verb) const;
    int most_pulls_at_once() const;
    runtime::StopOptions last_stop() const;  // of what ran
    bool await_calls(Verb verb, int count,
                     std::chrono::milliseconds patience = std::chrono::seconds(5)) const;
    std::vector<Container> containers() const;  // ours, in order of creation
    std::optional<Container> named(const std::string& engine_name) const;
    std::string policy_of(const EngineId& engine_id) const;  // the engine's, "" for no such container
    Resources limits_of(const EngineId& engine_id) const;
    std::vector<std::string> env_of(const EngineId& engine_id) const;  // what its process was given
    runtime::Place place_of(const EngineId& engine_id) const;
    // Starts, stops and moves that were carried out since this was last asked, in order: "start app:2",
    // "stop app:1", "apart app:2", "shared app:2", "nowhere app:1", each with the image of its container.
    std::vector<std::string> take_deeds();

 private:
    struct Instance {
        Container container{};
        std::string policy{};  // update changes these two; the spec stays what it was at create
        Resources limits{};
        std::vector<std::string> env{};
        Usage usage{};
        runtime::Place place{runtime::Place::Shared};
        bool foreign{};
        bool stubborn{};
        bool told_to_end{};  // a signal was sent in this run: the engine does not restart it
    };
    using Lock = std::unique_lock<std::mutex>;
    using Queue = std::deque<runtime::EngineEvent>;

    // Counts the call; an Error if it is not to be served.
    std::optional<Error> refused(Verb verb, const runtime::Call& call);
    std::optional<Error> over(const runtime::Call& call) const;
    Result<> pull_to_end(const std::string& reference, std::int64_t bytes, const runtime::Call& call,
                         Lock& lock);
    Instance* at(const EngineId& engine_id);
    const Instance* at(const EngineId& engine_id) const;
    bool name_taken(const std::string& engine_name) const;
    void run(Instance& instance);
    void end(Instance& instance, std::int64_t exit_code);
    void signal(Instance& instance, const std::string& name);
    void tell(runtime::EngineEventKind kind, const Container& container, std::string signal = {},
              std::int64_t exit_code = 0);
    std::string tick();
    void write_down() const;
    void note(const std::string& deed, const Instance& instance);

    mutable std::mutex mutex_;
    mutable std::condition_variable_any changed_;
    std::map<EngineId, Instance> instances_{};  // ids grow: the order of creation
    std::set<std::string> images_{};
    std::set<std::string> broken_images_{};
    std::string file_{};                              // empty: not kept
    std::map<std::string, std::int64_t> registry_{};  // bytes
    std::map<std::string, std::vector<Layer>> layers_{};
    std::optional<std::int64_t> free_{};
    std::map<Verb, std::deque<Error>> failures_{};
    std::map<Verb, int> calls_{};
    std::vector<std::string> deeds_{};
    runtime::StopOptions last_stop_{};
    std::set<Verb> lost_answers_{};
    std::function<void(ContainerSpec&)> otherwise_{};  // empty: it holds what it was asked for
    int pulling_{0};
    int most_pulling_{0};
    std::list<Queue> watchers_{};
    std::uint64_t clock_{};
    std::uint64_t last_id_{};
    bool reachable_{true};
    bool hang_pulls_{false};
    bool hang_lists_{false};
    std::optional<std::vector<Container>> late_list_{};
    int stats_together_{0};
    bool hide_deltas_{false};
};

}  // namespace berth::test
