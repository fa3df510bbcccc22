// Steps: whether there is room for what is to be pulled, before the pulls and while they run.
#include <algorithm>
#include <utility>

#include "protocol/forms.hpp"
#include "service/log.hpp"
#include "service/steps.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::milliseconds kSurveyLimit{120'000};  // what is not known by then is unknown

}  // namespace

void Steps::look_for_room(std::vector<std::string> images) {
    // What is refused anyway needs no room.
    if (config_.require_qualified)
        std::erase_if(images, [](const std::string& image) { return !is_qualified_image(image); });
    room_ = admission_of(images);
}

Steps::Room Steps::admission_of(const std::vector<std::string>& images) {
    auto room = std::make_shared<Admission>();
    auto found = std::make_shared<Survey>();  // carried from the worker to the loop
    submit(
        Lane::Surveys, {}, kSurveyLimit,
        [this, images, room, found](const runtime::Call& call) -> Result<> {
            const std::stop_callback forward(call.stop, [room] { room->stop.request_stop(); });
            runtime::Call asking = call;
            asking.stop = room->stop.get_token();
            auto surveyed = survey(runtime_, images, config_.reserve_bytes, asking);
            if (!surveyed) return surveyed.error();
            *found = *std::move(surveyed);
            return {};
        },
        [this, images, room, found](Result<> looked) {
            // It is there, and cannot tell: whoever needs an image asks again.
            if (!looked && looked.error().code == Errc::Unavailable && world_.ready()) {
                log::info("room for images not checked: {}", looked.error().message);
                found->missing.insert(images.begin(), images.end());
                looked = Result<>();
            }
            room->found = std::move(*found);
            for (const auto& image : room->found.missing)
                if (!room->found.sizes.contains(image)) room->watched.insert(image);
            const auto& refused = room->found.refused;
            answer(room, looked && refused ? Result<>(*refused) : looked);
        });
    return room;
}

void Steps::answer(const Room& room, Result<> result) {
    if (result && room->stop.stop_requested()) result = fail(Errc::Interrupted, "interrupted");
    room->answer = result;
    for (const auto& then : std::exchange(room->waiting, {}))
        then(result, room);
}

void Steps::when_admitted(const Room& room, Admitted then) {
    if (!room) return then({}, room);
    if (room->answer) return then(*room->answer, room);
    room->waiting.push_back(std::move(then));
}

// Of an image whose registry did not tell: what its pull has told so far is its size. The pull that makes it
// too much for the room ends; those before it go on.
void Steps::on_total(const std::shared_ptr<Fetch>& fetch, std::int64_t bytes) {
    auto& found = fetch->room->found;
    auto& size = found.sizes[fetch->image];
    if (size.empty()) size.push_back({fetch->image, 0});
    size.front().bytes = std::max(size.front().bytes, bytes);
    const auto fits = reconcile::admit(reconcile::need_of(found.sizes), reconcile::Told::All, found.room);
    if (fits || fetch->refused) return;
    fetch->refused = fits.error();
    fetch->room->cancelled.insert(fetch->image);
    fetch->stop.request_stop();
}

}  // namespace berth::service
