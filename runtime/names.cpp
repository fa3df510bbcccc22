#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "runtime/runtime.hpp"

namespace berth::runtime {
namespace {

bool is_hex(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

bool is_uuid(const ContainerId& id) {
    if (id.size() != 36) return false;
    for (std::size_t i = 0; i < id.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? id[i] != '-' : !is_hex(id[i])) return false;
    }
    return true;
}

bool is_letter_or_digit(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 128;
}

bool is_name_character(char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
}

// What is left of a name once everything the engine refuses is cut off; the engine wants a letter or a digit
// first.
std::string_view without_refused_start(std::string_view name) {
    const auto first = std::ranges::find_if(name, is_letter_or_digit);
    return name.substr(static_cast<std::size_t>(first - name.begin()));
}

bool engine_accepts(std::string_view name) {
    return name.size() >= 2 && is_letter_or_digit(name.front()) &&
           std::ranges::all_of(name, is_name_character);
}

std::string_view base_of(const ContainerSpec& spec) {
    const auto base = without_refused_start(spec.name);
    return base.empty() ? "berth" : base;
}

std::string suffixed(const ContainerSpec& spec, std::string_view suffix) {
    return fmt::format("{}{}{}", base_of(spec), suffix, id8(spec.id));
}

// That name, also as it is where somebody else had it.
bool is_called(const std::string& engine_name, const std::string& name, const ContainerSpec& spec) {
    return engine_name == name || engine_name == name + "-" + id8(spec.id);
}

bool cut_end(std::string& name, std::string_view end) {
    if (!name.ends_with(end)) return false;
    name.resize(name.size() - end.size());
    return true;
}

}  // namespace

std::string id8(const ContainerId& id) {
    if (is_uuid(id)) return id.substr(0, 8);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(id.data(), id.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        return "00000000";
    return fmt::format("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
}

std::string plain_name(const ContainerSpec& spec) {
    return engine_accepts(spec.name) ? spec.name : suffixed(spec, "-");
}

std::string staged_name(const ContainerSpec& spec) {
    return suffixed(spec, ".staged-");
}

std::string old_name(const ContainerSpec& spec) {
    return suffixed(spec, ".old-");
}

bool is_old_name(const std::string& engine_name, const ContainerSpec& spec) {
    return is_called(engine_name, old_name(spec), spec);
}

std::string name_by_engine(const std::string& engine_name, const ContainerSpec& spec) {
    // First of all: a component may itself be called web.old.
    for (const auto& form : {plain_name(spec), staged_name(spec), old_name(spec)})
        if (is_called(engine_name, form, spec)) return spec.name;
    std::string name = engine_name;
    bool is_suffixed = false;
    while (cut_end(name, "-" + id8(spec.id)))  // twice where somebody else had the name
        is_suffixed = true;
    if (is_suffixed && !cut_end(name, ".staged")) cut_end(name, ".old");
    return name.empty() || name == base_of(spec) ? spec.name : name;
}

}  // namespace berth::runtime
