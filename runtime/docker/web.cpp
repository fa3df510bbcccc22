#include "runtime/docker/web.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace berth::runtime::docker {
namespace {

using WebHeaders = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

struct Incoming {  // filled by curl's callbacks
    WebReply reply{};
    bool too_large{false};
    bool heard{false};
    std::array<char, CURL_ERROR_SIZE> detail{};
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* user) {
    auto& incoming = *static_cast<Incoming*>(user);
    const std::size_t length = size * count;
    incoming.too_large = incoming.reply.body.size() + length > kMaxWebBody;
    if (incoming.too_large) return 0;
    incoming.reply.body.append(bytes, length);
    return length;
}

// Of every answer on the way: what a redirection said does not count.
std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* user) {
    constexpr std::string_view kName = "www-authenticate:";
    constexpr std::size_t kMostChallenges = 8;
    constexpr std::size_t kMaxChallenge = 8192;
    auto& challenges = static_cast<Incoming*>(user)->reply.challenges;
    std::string_view line(bytes, size * count);
    static_cast<Incoming*>(user)->heard = true;
    if (line.starts_with("HTTP/")) challenges.clear();
    const auto same = [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); };
    const bool is_it =
        line.size() > kName.size() && std::equal(kName.begin(), kName.end(), line.begin(), same);
    if (is_it && challenges.size() < kMostChallenges && line.size() <= kMaxChallenge) {
        auto value = line.substr(kName.size());
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        challenges.emplace_back(value.substr(0, value.find_last_not_of(" \t\r\n") + 1));
    }
    return line.size();
}

WebHeaders list_of(const std::vector<std::string>& headers) {
    curl_slist* list = nullptr;
    for (const auto& header : headers)
        list = curl_slist_append(list, header.c_str());
    return {list, &curl_slist_free_all};
}

void set_up(CURL* easy, const WebRequest& request, const curl_slist* headers, Incoming& incoming) {
    constexpr long kMostRedirects = 5;
    const char* const protocols = request.trust == Trust::Blind ? "http,https" : "https";
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMostRedirects);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a name look-up that hangs holds nobody up
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, incoming.detail.data());
    if (request.trust == Trust::Blind) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");  // they are near, on this machine or its network
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!request.username.empty()) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(easy, CURLOPT_USERNAME, request.username.c_str());
        curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
    }
}

std::optional<CURLcode> outcome_in(CURLM* multi) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
    return std::nullopt;
}

Error no_answer(CURLcode code, const Incoming& incoming) {
    if (incoming.too_large)
        return fail(Errc::TooLarge, fmt::format("an answer of more than {} bytes", kMaxWebBody));
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return fail(Errc::Unavailable, "it wants to be asked without TLS");
    const char* const detail = incoming.detail.data();
    return fail(Errc::Unavailable, *detail != '\0' ? detail : curl_easy_strerror(code));
}

// Its first answer, or its part in agreeing on TLS.
bool was_there(CURL* easy, const Incoming& incoming) {
    curl_off_t agreed = 0;
    curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &agreed);
    return incoming.heard || agreed > 0;
}

}  // namespace

// The multi handle can be woken by another thread, so that a stop ends an exchange at once.
struct Web::Client {
    Client() = default;
    ~Client() {
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    CURLM* multi{curl_multi_init()};
    CURL* easy{curl_easy_init()};
};

namespace {

class Joined {  // an easy handle, while it belongs to a multi handle
 public:
    Joined(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy) { curl_multi_add_handle(multi_, easy_); }
    ~Joined() { curl_multi_remove_handle(multi_, easy_); }
    Joined(const Joined&) = delete;
    Joined& operator=(const Joined&) = delete;

 private:
    CURLM* multi_;
    CURL* easy_;
};

}  // namespace

Web::Web() {
    static std::once_flag once;  // curl's own state; the engine's client may have made it already
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    client_ = std::make_unique<Client>();
}

Web::~Web() = default;

Result<WebReply> Web::get(const WebRequest& request, const Call& call) {
    const auto deadline = std::min(call.deadline, steady_clock::now() + kWebPatience);
    if (client_->multi == nullptr || client_->easy == nullptr)
        return fail(Errc::Internal, "no HTTP client could be made");
    const auto headers = list_of(request.headers);
    Incoming incoming;
    heard_ = false;
    set_up(client_->easy, request, headers.get(), incoming);
    const Joined joined(client_->multi, client_->easy);  // ends before what its handle points to
    const std::stop_callback wake(call.stop, [multi = client_->multi] { curl_multi_wakeup(multi); });
    for (;;) {
        if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) return fail(Errc::Timeout, "it took too long to answer");
        int running = 0;
        if (const auto code = curl_multi_perform(client_->multi, &running); code != CURLM_OK)
            return fail(Errc::Internal, fmt::format("curl: {}", curl_multi_strerror(code)));
        if (const auto code = outcome_in(client_->multi)) {
            heard_ = was_there(client_->easy, incoming);
            if (*code != CURLE_OK) return no_answer(*code, incoming);
            long status = 0;
            char* url = nullptr;
            curl_easy_getinfo(client_->easy, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(client_->easy, CURLINFO_EFFECTIVE_URL, &url);
            incoming.reply.status = static_cast<int>(status);
            incoming.reply.url = url != nullptr ? url : "";
            return std::move(incoming.reply);
        }
        curl_multi_poll(client_->multi, nullptr, 0, static_cast<int>(left.count()), nullptr);
    }
}

}  // namespace berth::runtime::docker
