#include "protocol/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace berth {

std::string hex_digest(std::string_view text, const EVP_MD* kind) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), bytes, &size, kind, nullptr) != 1) return {};
    std::string hex;
    for (unsigned int i = 0; i < size; ++i)
        hex += fmt::format("{:02x}", bytes[i]);
    return hex;
}

std::string sha256(std::string_view text) {
    return hex_digest(text, EVP_sha256());
}

}  // namespace berth
