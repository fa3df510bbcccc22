// Catch2 2.13 (Debian 12) or 3.x (Debian 13).
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) {
    return Catch::Contains(text);
}
using Catch::StartsWith;
#endif

#include "protocol/result.hpp"

// A Result that fails a test says why.
template <class T>
struct Catch::StringMaker<berth::Result<T>> {
    static std::string convert(const berth::Result<T>& result) {
        return result ? "success" : "failed: " + result.error().message;
    }
};
