// How many rounds a test of random cases plays.
#pragma once

namespace berth::test {

// The thread sanitizer makes each many times slower, and rare cases are for the others to find: a fifth
// there.
constexpr int rounds(int usual) {
#if defined(__SANITIZE_THREAD__)
    return usual / 5;
#else
    return usual;
#endif
}

}  // namespace berth::test
