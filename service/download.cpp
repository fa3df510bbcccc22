#include "service/download.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "protocol/digest.hpp"

namespace berth::service {
namespace {

constexpr long kMostRedirects = 5;

struct Download {
    std::string text{};
    std::size_t most{};
    std::stop_token stop{};
    bool too_large{};
};

std::size_t take_in(char* data, std::size_t, std::size_t size, void* context) {
    auto& download = *static_cast<Download*>(context);
    download.too_large = download.text.size() + size > download.most;
    if (download.too_large) return 0;
    download.text.append(data, size);
    return size;
}

int go_on(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Download*>(context)->stop.stop_requested() ? 1 : 0;
}

Error error_of(CURLcode code, long status, const Download& download, const char* detail) {
    if (download.too_large)
        return fail(Errc::TooLarge, fmt::format("is larger than {} bytes", download.most));
    switch (code) {
        case CURLE_ABORTED_BY_CALLBACK: return fail(Errc::Interrupted, "interrupted");
        case CURLE_OPERATION_TIMEDOUT: return fail(Errc::Timeout, "takes too long");
        case CURLE_UNSUPPORTED_PROTOCOL:
            return fail(Errc::Unsupported,
                        "only http and https are supported, and from https no redirection to http");
        case CURLE_HTTP_RETURNED_ERROR:
            return fail(Errc::Unavailable, fmt::format("the server answers with status {}", status));
        default: break;
    }
    return fail(Errc::Unavailable, *detail != '\0' ? detail : curl_easy_strerror(code));
}

struct Digest {
    const char* name;
    const EVP_MD* (*kind)();
    const std::string& wanted;
};

bool is_https(std::string_view url) {
    constexpr std::string_view kHttps = "https:";
    return std::equal(kHttps.begin(), kHttps.end(), url.begin(),
                      url.begin() + static_cast<std::ptrdiff_t>(std::min(url.size(), kHttps.size())),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

}  // namespace

std::string presentable(const std::string& url) {
    std::string shown = url.substr(0, url.find_first_of("?#"));
    const auto scheme = shown.find("://");
    const auto host = scheme == shown.npos ? 0 : scheme + 3;
    const auto at = shown.rfind('@', shown.find('/', host));
    if (at != shown.npos && at >= host) shown.erase(host, at + 1 - host);
    return shown;
}

Result<std::string> download(const std::string& url, const std::string& ca_file, std::stop_token stop,
                             DownloadLimits limits) {
    static std::once_flag once;  // curl's own state; the engine's client may have made it already
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
    if (!curl) return fail(Errc::Internal, "no HTTP client could be made");
    Download download{{}, limits.bytes, std::move(stop), false};
    std::array<char, CURL_ERROR_SIZE> detail{};
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    if (is_https(url)) curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limits.time.count()));
    curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, kMostRedirects);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take_in);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &download);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &go_on);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &download);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, detail.data());
    if (!ca_file.empty()) {
        curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ca_file.c_str());
        // Else the folder that curl was built with is searched too: every public authority.
        curl_easy_setopt(curl.get(), CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    const CURLcode code = curl_easy_perform(curl.get());
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        return fail(error_of(code, status, download, detail.data()), "download of " + presentable(url));
    if (status < 200 || status > 299)
        return fail(Errc::Unavailable, fmt::format("download of {}: the server answers with status {}",
                                                   presentable(url), status));
    return std::move(download.text);
}

Result<> check(std::string_view text, const twin::Checksums& checksums) {
    const Digest digests[] = {{"md5", &EVP_md5, checksums.md5},
                              {"sha1", &EVP_sha1, checksums.sha1},
                              {"sha256", &EVP_sha256, checksums.sha256}};
    for (const auto& [name, kind, wanted] : digests) {
        if (wanted.empty()) continue;
        const auto actual = hex_digest(text, kind());
        if (wanted.size() > actual.size())
            return fail(Errc::Internal,
                        fmt::format("internal runtime error: a {} checksum has {} digits, not {}", name,
                                    actual.size(), wanted.size()));
        std::string small = wanted;
        std::transform(small.begin(), small.end(), small.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (small.find_first_not_of("0123456789abcdef") != small.npos)
            return fail(Errc::Invalid, fmt::format("{} checksum: expected hex digits", name));
        if (small != actual) return fail(Errc::Conflict, fmt::format("{} checksum does not match", name));
        return {};
    }
    if (!checksums.other.empty())
        return fail(Errc::Invalid,
                    fmt::format("checksum '{}' is of an unknown kind; expected MD5, SHA1 or SHA256",
                                checksums.other));
    return {};
}

}  // namespace berth::service
