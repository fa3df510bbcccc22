// What every Runtime keeps. Built twice: with FakeRuntime, and with DockerRuntime on a real engine.
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "test/runtime/bench.hpp"
#include "test/runtime/builders.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace std::chrono_literals;
using berth::test::Bench;
using berth::test::make_bench;

namespace {

constexpr auto kLongest = 120s;  // a busy machine takes its time; nothing waits longer than it has to

EngineId made(Bench& bench, const ContainerSpec& spec, const CreateOptions& options = {}) {
    const auto id = bench.runtime().create(spec, options, {});
    INFO((id ? "" : id.error().message));
    REQUIRE(id);
    return *id;
}

EngineId started(Bench& bench, const ContainerSpec& spec) {
    auto id = made(bench, spec);
    const auto done = bench.runtime().start(id, {});
    INFO((done ? "" : done.error().message));
    REQUIRE(done);
    return id;
}

Container seen(Bench& bench, const EngineId& id) {
    const auto container = bench.runtime().inspect(id, {});
    INFO((container ? "" : container.error().message));
    REQUIRE(container);
    return *container;
}

std::optional<Container> listed(Bench& bench, const ContainerId& id) {
    const auto list = bench.runtime().list({});
    REQUIRE(list);
    for (const auto& container : *list)
        if (container.spec.id == id) return container;
    return std::nullopt;
}

// Takes the events of one watch from another thread.
class Watcher {
 public:
    explicit Watcher(Runtime& runtime)
        : thread_([this, &runtime](std::stop_token stop) {
              auto ended = runtime.watch([this] { add({}, true); },
                                         [this](EngineEvent e) { add(std::move(e), false); }, {.stop = stop});
              const std::lock_guard lock(mutex_);
              ended_ = std::move(ended);
          }) {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, kLongest, [this] { return subscribed_; }));
    }

    // The kinds told of this container until one of kind `last` is there.
    std::vector<EngineEvent> until(const EngineId& id, EngineEventKind last) {
        std::unique_lock lock(mutex_);
        std::vector<EngineEvent> mine;
        const bool there = changed_.wait_for(lock, kLongest, [&] {
            mine.clear();
            std::ranges::copy_if(events_, std::back_inserter(mine),
                                 [&](const auto& e) { return e.engine_id == id; });
            return std::ranges::any_of(mine, [&](const auto& e) { return e.kind == last; });
        });
        REQUIRE(there);
        return mine;
    }

    Result<> stop() {
        thread_.request_stop();
        thread_.join();
        return *ended_;
    }

 private:
    void add(EngineEvent event, bool subscription) {
        const std::lock_guard lock(mutex_);
        if (subscription)
            subscribed_ = true;
        else
            events_.push_back(std::move(event));
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<EngineEvent> events_{};
    bool subscribed_{false};
    std::optional<Result<>> ended_{};
    std::jthread thread_;
};

std::vector<EngineEventKind> kinds(const std::vector<EngineEvent>& events) {
    std::vector<EngineEventKind> all;
    for (const auto& event : events)
        all.push_back(event.kind);
    return all;
}

}  // namespace

TEST_CASE("connect says what answers", "[runtime]") {
    const auto bench = make_bench();
    const auto info = bench->runtime().connect({});
    REQUIRE(info);
    CHECK_THAT(info->name, ContainsSubstring("Engine"));
    CHECK_THAT(info->api_version, StartsWith("1.4"));
}

TEST_CASE("create makes one instance per id, and says so again", "[CM-12][CM-13][runtime]") {
    const auto bench = make_bench();
    auto spec = bench->spec("web");
    spec.env = {"A=1"};
    const auto id = made(*bench, spec, {.engine_name = staged_name(spec), .replaces = "the-old-one"});
    CHECK(made(*bench, spec) == id);
    CHECK(*bench->runtime().find(spec.id, {}) == id);

    const auto in_list = listed(*bench, spec.id);
    REQUIRE(in_list);
    for (const auto& container : {*in_list, seen(*bench, id)}) {
        CHECK(container.spec == spec);
        CHECK(container.engine_id == id);
        CHECK(container.engine_name == staged_name(spec));
        CHECK(container.replaces == "the-old-one");
        CHECK(container.state.status == Status::Created);
        CHECK_FALSE(container.state.created.empty());
        CHECK_FALSE(container.started_before);
    }
}

TEST_CASE("what an engine was asked for reads back as it was asked for", "[BX-03][runtime]") {
    const auto bench = make_bench();
    auto asked = bench->spec("web");
    asked.env = {"A=1", "B=", "GONE"};
    asked.io.tty = true;
    asked.devices = {{"/dev/null", "/dev/berth", "rw"}};
    asked.extra_capabilities = {"CAP_NET_ADMIN"};
    asked.mounts = {{"/tmp", "/from-the-machine", "rprivate"}};
    asked.extra_hosts = {"cache:10.0.0.5", "machine:host_ip", "db:container_db-host"};
    asked.ports = {{"127.0.0.1", 18010, 18015, 80, "tcp"}, {"0.0.0.0", 0, 0, 81, "udp"}};
    asked.restart = {"on-failure", 4, 0};
    asked.log = {"json-file", 3, "1M", "", "non-blocking", "64k"};
    asked.resources = {"64M", "32M", "128M"};
    const auto id = started(*bench, asked);
    const auto held = [&bench, &id](const ContainerSpec& spec) {
        const auto found = bench->runtime().read_back(id, spec, {});
        INFO((found ? "" : found.error().message));
        REQUIRE(found);
        return *found;
    };
    CHECK((held(asked) == asked));

    auto changed = asked;
    changed.restart = {"always", 0, 0};
    changed.resources = {"96M", "", "-1"};
    REQUIRE(bench->runtime().update(id, {changed.restart, changed.resources}, {}));
    CHECK((held(changed) == changed));

    auto other = changed;
    other.host_name = "another";
    CHECK(held(other).host_name == asked.host_name);
    const auto nothing = bench->runtime().read_back(bench->nobody(), asked, {});
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code == Errc::NotFound);
}

TEST_CASE("two containers of one name live side by side", "[CM-12][CM-13][runtime]") {
    const auto bench = make_bench();
    const auto first = bench->spec("twin");
    auto second = bench->spec("twin");
    second.name = first.name;
    const auto first_id = made(*bench, first);
    const auto second_id = made(*bench, second);
    CHECK(first_id != second_id);
    CHECK(seen(*bench, first_id).engine_name == first.name);
    CHECK(seen(*bench, second_id).engine_name == first.name + "-" + id8(second.id));
}

TEST_CASE("an image that is not there is named", "[runtime]") {
    const auto bench = make_bench();
    auto spec = bench->spec("web");
    spec.image = "berth-test/nothing:1";
    CHECK_FALSE(*bench->runtime().image_present(spec.image, {}));
    CHECK(*bench->runtime().image_present("berth-test/sleeper:1", {}));
    const auto id = bench->runtime().create(spec, {}, {});
    REQUIRE_FALSE(id);
    CHECK(id.error().code == Errc::NotFound);
    CHECK_THAT(id.error().message, ContainsSubstring("image berth-test/nothing:1: not found"));
    CHECK_FALSE(*bench->runtime().find(spec.id, {}));
}

TEST_CASE("start runs a container, once", "[runtime]") {
    const auto bench = make_bench();
    const auto id = started(*bench, bench->spec("web"));
    const auto first = seen(*bench, id);
    CHECK(first.state.status == Status::Running);
    CHECK(first.state.pid > 0);
    CHECK_FALSE(first.state.started_at.empty());
    CHECK(first.started_before);
    REQUIRE(bench->runtime().start(id, {}));
    CHECK(seen(*bench, id).state.pid == first.state.pid);

    REQUIRE(bench->runtime().pause(id, {}));
    CHECK(bench->runtime().start(id, {}).error().code == Errc::Conflict);
    CHECK(bench->runtime().start(bench->nobody(), {}).error().code == Errc::NotFound);
}

TEST_CASE("stop ends a container with its own signal and can be repeated", "[CM-16][runtime]") {
    const auto bench = make_bench();
    const auto id = started(*bench, bench->spec("web"));
    Watcher watcher(bench->runtime());
    REQUIRE(bench->runtime().stop(id, {.grace = kLongest, .force = false}, {}));
    const auto events = watcher.until(id, EngineEventKind::Die);
    CHECK(kinds(events) == std::vector{EngineEventKind::Kill, EngineEventKind::Die});
    CHECK((events[0].signal == "15" || events[0].signal == "SIGTERM"));
    const auto after = seen(*bench, id);
    CHECK(after.state.status == Status::Exited);
    CHECK(after.state.pid == -1);
    CHECK_FALSE(after.state.finished_at.empty());

    CHECK(bench->runtime().stop(id, {}, {}));
    CHECK(bench->runtime().stop(bench->nobody(), {}, {}));
    CHECK(watcher.stop().error().code == Errc::Interrupted);
}

TEST_CASE("only force ends a container that ignores its signal", "[CM-16][runtime]") {
    const auto bench = make_bench();
    const auto id = bench->start_stubborn();
    const auto refused = bench->runtime().stop(id, {.grace = 100ms, .force = false}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Timeout);
    CHECK(seen(*bench, id).state.status == Status::Running);
    REQUIRE(bench->runtime().stop(id, {.grace = 100ms, .force = true}, {}));
    CHECK(seen(*bench, id).state.status == Status::Exited);
    CHECK(seen(*bench, id).state.exit_code == 137);
}

TEST_CASE("SIGKILL does not wait for the grace", "[CM-16][runtime]") {
    const auto bench = make_bench();
    const auto id = bench->start_stubborn();
    const auto began = steady_clock::now();
    REQUIRE(bench->runtime().stop(id, {.signal = "SIGKILL", .grace = 600s, .force = false}, {}));
    CHECK(steady_clock::now() - began < 300s);
    CHECK(seen(*bench, id).state.exit_code == 137);
}

TEST_CASE("a paused container can be stopped", "[CM-16][CM-18][runtime]") {
    const auto bench = make_bench();
    const auto id = started(*bench, bench->spec("web"));
    REQUIRE(bench->runtime().pause(id, {}));
    REQUIRE(bench->runtime().stop(id, {.grace = kLongest, .force = false}, {}));
    CHECK(seen(*bench, id).state.status == Status::Exited);
}

TEST_CASE("kill needs a running container", "[runtime]") {
    const auto bench = make_bench();
    const auto id = made(*bench, bench->spec("web"));
    CHECK(bench->runtime().kill(id, "SIGTERM", {}).error().code == Errc::Conflict);
    CHECK(bench->runtime().kill(bench->nobody(), "SIGTERM", {}).error().code == Errc::NotFound);
    Watcher watcher(bench->runtime());
    REQUIRE(bench->runtime().start(id, {}));
    REQUIRE(bench->runtime().kill(id, "SIGKILL", {}));
    const auto events = watcher.until(id, EngineEventKind::Die);
    CHECK(events.back().exit_code == 137);
}

TEST_CASE("pause and unpause can be repeated and say what they cannot do", "[CM-18][runtime]") {
    const auto bench = make_bench();
    const auto id = made(*bench, bench->spec("web"));
    auto& runtime = bench->runtime();
    CHECK(runtime.pause(id, {}).error().code == Errc::Conflict);
    CHECK(runtime.unpause(id, {}).error().code == Errc::Conflict);
    Watcher watcher(runtime);
    REQUIRE(runtime.start(id, {}));
    CHECK(runtime.unpause(id, {}));
    REQUIRE(runtime.pause(id, {}));
    CHECK(runtime.pause(id, {}));
    const auto paused = seen(*bench, id);
    CHECK(paused.state.status == Status::Paused);
    CHECK(paused.state.pid > 0);
    REQUIRE(runtime.unpause(id, {}));
    CHECK(seen(*bench, id).state.status == Status::Running);
    const auto events = watcher.until(id, EngineEventKind::Unpause);
    CHECK(kinds(events) ==
          std::vector{EngineEventKind::Start, EngineEventKind::Pause, EngineEventKind::Unpause});
    CHECK(runtime.pause(bench->nobody(), {}).error().code == Errc::NotFound);
}

TEST_CASE("rename changes the name for people and nothing else", "[CM-12][CM-19][runtime]") {
    const auto bench = make_bench();
    const auto spec = bench->spec("web");
    const auto id = started(*bench, spec);
    const auto other = bench->spec("other");
    made(*bench, other);
    Watcher watcher(bench->runtime());
    REQUIRE(bench->runtime().rename(id, old_name(spec), {}));
    CHECK(bench->runtime().rename(id, old_name(spec), {}));
    const auto after = seen(*bench, id);
    CHECK(after.engine_name == old_name(spec));
    CHECK(after.spec == spec);
    CHECK(after.state.status == Status::Running);
    CHECK(watcher.until(id, EngineEventKind::Rename).back().name == old_name(spec));
    CHECK(bench->runtime().rename(id, other.name, {}).error().code == Errc::Conflict);
    CHECK(bench->runtime().rename(bench->nobody(), "x1", {}).error().code == Errc::NotFound);
}

TEST_CASE("remove takes a container away in whatever state", "[CM-21][runtime]") {
    const auto bench = make_bench();
    const auto running = bench->spec("running");
    const auto created = bench->spec("created");
    const auto paused = bench->spec("paused");
    const std::vector ids = {started(*bench, running), made(*bench, created), started(*bench, paused)};
    REQUIRE(bench->runtime().pause(ids[2], {}));
    Watcher watcher(bench->runtime());
    for (const auto& id : ids) {
        REQUIRE(bench->runtime().remove(id, {}));
        CHECK(watcher.until(id, EngineEventKind::Destroy).back().kind == EngineEventKind::Destroy);
        CHECK(bench->runtime().inspect(id, {}).error().code == Errc::NotFound);
        CHECK(bench->runtime().remove(id, {}));
    }
    CHECK_FALSE(listed(*bench, running.id));
    CHECK_FALSE(*bench->runtime().find(running.id, {}));
}

TEST_CASE("a container starts apart, comes to the others and leaves them", "[BX-22][runtime]") {
    const auto bench = make_bench();
    auto& runtime = bench->runtime();
    const auto spec = bench->spec("web");
    const auto id = made(*bench, spec);
    const auto move_twice = [&](Place place) {
        for (int i = 0; i < 2; ++i) {
            const auto moved = runtime.move_to(id, spec, place, {});
            INFO((moved ? "" : moved.error().message));
            REQUIRE(moved);
        }
    };
    CHECK(bench->is_on_bridge(id));
    move_twice(Place::Apart);
    CHECK_FALSE(bench->is_on_bridge(id));
    REQUIRE(runtime.start(id, {}));
    const auto pid = seen(*bench, id).state.pid;
    move_twice(Place::Apart);
    CHECK_FALSE(bench->is_on_bridge(id));
    move_twice(Place::Shared);
    CHECK(bench->is_on_bridge(id));
    move_twice(Place::Apart);  // only for what does not run
    CHECK(bench->is_on_bridge(id));
    move_twice(Place::Nowhere);
    CHECK_FALSE(bench->is_on_bridge(id));
    CHECK(seen(*bench, id).state.pid == pid);

    REQUIRE(runtime.stop(id, {}, {}));
    move_twice(Place::Shared);
    CHECK(bench->is_on_bridge(id));
    REQUIRE(runtime.start(id, {}));
    CHECK(bench->is_on_bridge(id));
    CHECK(runtime.move_to(bench->nobody(), spec, Place::Shared, {}).error().code == Errc::NotFound);
}

TEST_CASE("a policy of no keeps a container down, and the old one brings it back", "[CM-20][runtime]") {
    const auto bench = make_bench();
    const auto spec = bench->spec("web");
    const auto id = started(*bench, spec);
    CHECK(bench->policy_of(id) == "unless-stopped");
    Watcher watcher(bench->runtime());
    REQUIRE(bench->runtime().update(id, {.restart = RestartPolicy{.type = "no"}}, {}));
    CHECK(bench->policy_of(id) == "no");
    CHECK(seen(*bench, id).engine_policy == "no");
    CHECK(listed(*bench, spec.id)->engine_policy.empty());  // only an inspection tells it
    bench->end_process(id, 3);
    CHECK(watcher.until(id, EngineEventKind::Die).back().exit_code == 3);
    CHECK(seen(*bench, id).state.status == Status::Exited);
    CHECK(seen(*bench, id).state.exit_code == 3);

    REQUIRE(bench->runtime().update(id, {.restart = spec.restart}, {}));
    CHECK(bench->policy_of(id) == "unless-stopped");
    CHECK(seen(*bench, id).engine_policy == "unless-stopped");
    CHECK(seen(*bench, id).state.status == Status::Exited);  // a new policy starts nothing
    REQUIRE(bench->runtime().start(id, {}));
    Watcher second(bench->runtime());
    bench->end_process(id, 3);
    CHECK(kinds(second.until(id, EngineEventKind::Start)) ==
          std::vector{EngineEventKind::Die, EngineEventKind::Start});
    CHECK(seen(*bench, id).state.restart_count == 1);
    CHECK(seen(*bench, id).spec == spec);
}

TEST_CASE("stats are of what runs, also while it is paused", "[CM-40][runtime]") {
    const auto bench = make_bench();
    auto& runtime = bench->runtime();
    const auto id = made(*bench, bench->spec("web"));
    CHECK(runtime.stats(id, {}).error().code == Errc::Conflict);
    REQUIRE(runtime.start(id, {}));
    const auto first = runtime.stats(id, {});
    REQUIRE(first);
    REQUIRE(runtime.pause(id, {}));
    const auto later = runtime.stats(id, {});
    REQUIRE(later);
    CHECK(later->cpu.value_or(CpuUse{}).container >= first->cpu.value_or(CpuUse{}).container);
    REQUIRE(runtime.unpause(id, {}));
    REQUIRE(runtime.stop(id, {.grace = kLongest, .force = false}, {}));
    CHECK(runtime.stats(id, {}).error().code == Errc::Conflict);
    CHECK(runtime.stats(bench->nobody(), {}).error().code == Errc::NotFound);
}

TEST_CASE("a pull tells its progress and brings the image", "[CM-32][runtime]") {
    const auto bench = make_bench();
    const auto reference = bench->image_of_registry();
    CHECK_FALSE(*bench->runtime().image_present(reference, {}));
    std::vector<Progress> told;
    const auto pulled =
        bench->runtime().pull(reference, {.progress = [&](const Progress& p) { told.push_back(p); }});
    INFO((pulled ? "" : pulled.error().message));
    REQUIRE(pulled);
    CHECK(*bench->runtime().image_present(reference, {}));
    REQUIRE_FALSE(told.empty());
    CHECK(std::ranges::is_sorted(told, {}, &Progress::current_bytes));
    CHECK(told.back().current_bytes == told.back().total_bytes);
    CHECK(told.back().total_bytes > 0);
    CHECK(bench->runtime().pull(reference, {}));
}

TEST_CASE("a pull of what does not exist says so", "[CM-32][runtime]") {
    const auto bench = make_bench();
    const auto pulled = bench->runtime().pull(bench->no_image_of_registry(), {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code == Errc::NotFound);
    CHECK_THAT(pulled.error().message, StartsWith("image " + bench->no_image_of_registry() + ": "));
}

TEST_CASE("events come in order while the stream is open", "[runtime]") {
    const auto bench = make_bench();
    Watcher watcher(bench->runtime());
    const auto spec = bench->spec("web");
    const auto id = made(*bench, spec);
    auto& runtime = bench->runtime();
    REQUIRE(runtime.start(id, {}));
    REQUIRE(runtime.stop(id, {}, {}));
    REQUIRE(runtime.start(id, {}));
    REQUIRE(runtime.remove(id, {}));
    const auto events = watcher.until(id, EngineEventKind::Destroy);
    using enum EngineEventKind;
    CHECK(kinds(events) == std::vector{Create, Start, Kill, Die, Start, Kill, Die, Destroy});
    for (const auto& event : events) {
        CHECK(event.id == spec.id);
        CHECK_FALSE(event.name.empty());
        CHECK(event.time.size() == std::string("2026-11-24T23:31:37.069744662Z").size());
    }
    CHECK(std::ranges::is_sorted(events, {}, &EngineEvent::time));
}

TEST_CASE("what is not ours does not exist, but keeps its name", "[CM-12][runtime]") {
    const auto bench = make_bench();
    const auto spec = bench->spec("web");
    Watcher watcher(bench->runtime());
    bench->put_foreign(spec.name);
    const auto id = made(*bench, spec);
    CHECK(seen(*bench, id).engine_name == spec.name + "-" + id8(spec.id));
    const auto list = bench->runtime().list({});
    REQUIRE(list);
    CHECK(std::ranges::none_of(*list, [&](const auto& c) { return c.engine_name == spec.name; }));
    for (const auto& event : watcher.until(id, EngineEventKind::Create))
        CHECK(event.engine_id == id);
}

TEST_CASE("a stop token and a deadline end every verb", "[runtime]") {
    const auto bench = make_bench();
    const auto id = bench->start_stubborn();
    auto& runtime = bench->runtime();
    std::stop_source stopped;
    stopped.request_stop();
    const Call not_any_more{.stop = stopped.get_token()};
    const Call too_late{.deadline = steady_clock::now() - 1s};
    CHECK(runtime.list(not_any_more).error().code == Errc::Interrupted);
    CHECK(runtime.list(too_late).error().code == Errc::Timeout);
    CHECK(runtime.start(id, not_any_more).error().code == Errc::Interrupted);
    CHECK(runtime.pull("berth-test/sleeper:1", too_late).error().code == Errc::Timeout);
    CHECK(runtime.watch({}, [](EngineEvent) {}, {.deadline = steady_clock::now() + 50ms}).error().code ==
          Errc::Timeout);

    const auto began = steady_clock::now();
    CHECK(runtime.stop(id, {.grace = 600s}, {.deadline = steady_clock::now() + 100ms}).error().code ==
          Errc::Timeout);
    std::stop_source stop;
    std::jthread stopper([&] {
        Watcher watcher(runtime);
        stop.request_stop();
    });
    CHECK(runtime.stop(id, {.grace = 600s}, {.stop = stop.get_token()}).error().code == Errc::Interrupted);
    CHECK(steady_clock::now() - began < 300s);
    CHECK(seen(*bench, id).state.status == Status::Running);
}
