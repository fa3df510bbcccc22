#include "runtime/docker/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace berth::runtime::docker {
namespace {

using std::chrono::milliseconds;

struct Global {  // once per process, before the first handle
    Global() { curl_global_init(CURL_GLOBAL_DEFAULT); }
    ~Global() { curl_global_cleanup(); }
    Global(const Global&) = delete;
    Global& operator=(const Global&) = delete;
};

struct EasyFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiFree {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

// The multi handle holds the kept-alive connection and can be woken from another thread, which an easy handle
// by itself cannot: a stop or a deadline ends an exchange at once and not at the next tick of a second.
struct Handles {
    std::unique_ptr<CURLM, MultiFree> multi{curl_multi_init()};
    std::unique_ptr<CURL, EasyFree> easy{curl_easy_init()};
    bool busy{false};
};

// This thread's handles; fresh ones for a call made from inside a stream's callback.
class Lease {
 public:
    Lease() {
        thread_local Handles of_thread;
        if (of_thread.busy) own_ = std::make_unique<Handles>();
        handles_ = own_ ? own_.get() : &of_thread;
        handles_->busy = true;
    }
    ~Lease() {
        curl_multi_remove_handle(multi(), easy());
        handles_->busy = false;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    CURLM* multi() const { return handles_->multi.get(); }
    CURL* easy() const { return handles_->easy.get(); }

 private:
    std::unique_ptr<Handles> own_{};
    Handles* handles_{};
};

struct Received {  // filled by curl's callbacks, read between them
    std::string data{};
    std::string api_version{};
    bool headers_done{false};
    bool too_large{false};
    steady_clock::time_point last_byte{steady_clock::now()};
};

std::size_t on_data(char* bytes, std::size_t size, std::size_t count, void* user) {
    auto& received = *static_cast<Received*>(user);
    const std::size_t length = size * count;
    received.last_byte = steady_clock::now();
    if (received.data.size() + length > kMaxBody) {
        received.too_large = true;
        return 0;
    }
    received.data.append(bytes, length);
    return length;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
    constexpr std::string_view kName = "api-version:";
    auto& received = *static_cast<Received*>(user);
    const std::string_view line(bytes, size * count);
    received.last_byte = steady_clock::now();
    if (line == "\r\n") received.headers_done = true;
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    if (line.size() > kName.size() &&
        std::equal(kName.begin(), kName.end(), line.begin(), [&](char b, char a) { return same(a, b); })) {
        auto value = line.substr(kName.size());
        while (!value.empty() && value.front() == ' ')
            value.remove_prefix(1);
        while (!value.empty() && (value.back() == '\r' || value.back() == '\n'))
            value.remove_suffix(1);
        received.api_version = value;
    }
    return line.size();
}

HeaderList headers_of(const Request& request) {
    curl_slist* list = curl_slist_append(nullptr, "Expect:");  // curl would wait a second for its answer
    list = curl_slist_append(list, request.body.empty() ? "Content-Type:" : "Content-Type: application/json");
    for (const auto& header : request.headers)
        list = curl_slist_append(list, header.c_str());
    return HeaderList(list);
}

void prepare(CURL* easy, const std::string& socket, const std::string& url, const Request& request,
             const curl_slist* headers, Received& received) {
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // http_proxy of the environment is not for the engine
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &received);
    if (request.method == "POST") {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.method != "GET") {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
}

std::optional<Error> given_up(const Call& call, const Request& request, const Received& received) {
    if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
    const auto now = steady_clock::now();
    if (now >= call.deadline) return fail(Errc::Timeout, "the engine took too long");
    if (request.idle.count() > 0 && now - received.last_byte >= request.idle)
        return fail(Errc::Timeout, fmt::format("nothing received for {} s", request.idle.count() / 1000));
    return std::nullopt;
}

int poll_ms(const Call& call, const Request& request, const Received& received) {
    constexpr milliseconds kLongest{60'000};
    const auto now = steady_clock::now();
    auto wait = kLongest;
    if (call.deadline - now < wait) wait = std::chrono::ceil<milliseconds>(call.deadline - now);
    if (request.idle.count() > 0)
        wait = std::min(wait, std::chrono::ceil<milliseconds>(received.last_byte + request.idle - now));
    return static_cast<int>(std::max(wait, milliseconds{0}).count());
}

// Cuts what arrives into lines. Of one that is too long nothing is kept but that its end is still to come.
class Lines {
 public:
    explicit Lines(const Stream& stream) : stream_(stream) {}

    // Hands over every complete line and leaves the rest for the next piece.
    Result<> take(std::string& data) {
        std::string arrived;
        std::swap(arrived, data);  // the callback may take long, and must not see what it looks at change
        std::size_t begin = 0;
        for (auto end = arrived.find('\n'); end != std::string::npos; end = arrived.find('\n', begin)) {
            const std::string_view line(arrived.data() + begin, end - begin);
            begin = end + 1;
            if (std::exchange(skipping_, false)) continue;
            if (auto taken = hand_over(line); !taken) return taken;
        }
        if (skipping_) return {};
        data = arrived.substr(begin);
        if (data.size() <= kMaxLine) return {};
        data.clear();
        skipping_ = true;
        return too_long();
    }

    // The stream is over: what is left is its last line.
    Result<> finish(std::string& data) {
        const auto rest = std::exchange(data, {});
        return hand_over(rest);
    }

 private:
    Result<> hand_over(std::string_view line) const {
        if (line.size() > kMaxLine) return too_long();
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        return line.empty() ? Result<>{} : stream_.line(line);
    }

    Result<> too_long() const {
        if (!stream_.skipped) return fail(Errc::TooLarge, "the engine sent a line of more than 1 MiB");
        stream_.skipped();
        return {};
    }

    const Stream& stream_;
    bool skipping_{false};
};

Error transport_error(CURLcode code, const std::string& socket, const Received& received) {
    if (received.too_large) return fail(Errc::TooLarge, "the engine's answer is larger than 64 MiB");
    if (code == CURLE_COULDNT_CONNECT)
        return fail(Errc::Unavailable, fmt::format("no engine answers at {}", socket));
    return fail(Errc::Unavailable, fmt::format("the connection to the engine at {} broke: {}", socket,
                                               curl_easy_strerror(code)));
}

int status_of(CURL* easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

std::optional<CURLcode> ended(CURLM* multi) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
    return std::nullopt;
}

}  // namespace

Http::Http(std::string socket) : socket_(std::move(socket)) {
    static const Global global;
}

Result<Reply> Http::send(const Request& request, const Call& call) const {
    return exchange(request, nullptr, call);
}

Result<Reply> Http::stream(const Request& request, const Stream& stream, const Call& call) const {
    return exchange(request, &stream, call);
}

Result<Reply> Http::exchange(const Request& request, const Stream* stream, const Call& call) const {
    const auto headers = headers_of(request);
    const std::string url = "http://localhost" + request.target;
    Received received;
    const Lease lease;  // given back before what its handle points to is gone
    if (auto error = given_up(call, request, received)) return *error;
    prepare(lease.easy(), socket_, url, request, headers.get(), received);
    curl_multi_add_handle(lease.multi(), lease.easy());
    const std::stop_callback wake(call.stop, [multi = lease.multi()] { curl_multi_wakeup(multi); });

    std::optional<Lines> lines;  // once the stream is open
    for (;;) {
        int running = 0;
        if (const auto code = curl_multi_perform(lease.multi(), &running); code != CURLM_OK)
            return fail(Errc::Internal, fmt::format("curl: {}", curl_multi_strerror(code)));
        const Reply so_far{.status = status_of(lease.easy()), .api_version = {}, .body = {}};
        if (stream && received.headers_done && so_far.ok()) {
            if (!lines) {
                lines.emplace(*stream);
                if (stream->opened) stream->opened();
            }
            if (auto taken = lines->take(received.data); !taken) return taken.error();
        }
        if (const auto code = ended(lease.multi())) {
            if (*code != CURLE_OK) return transport_error(*code, socket_, received);
            if (lines)
                if (auto taken = lines->finish(received.data); !taken) return taken.error();
            return Reply{.status = so_far.status,
                         .api_version = std::move(received.api_version),
                         .body = std::move(received.data)};
        }
        if (auto error = given_up(call, request, received)) return *error;
        curl_multi_poll(lease.multi(), nullptr, 0, poll_ms(call, request, received), nullptr);
    }
}

std::string url_escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte < 128 && (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~');
        if (plain)
            escaped += c;
        else
            escaped += fmt::format("%{:02X}", byte);
    }
    return escaped;
}

}  // namespace berth::runtime::docker
