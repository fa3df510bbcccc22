// Look-ups of names that hang, as with a name server that does not answer. For the whole process, also for
// the libraries in it.
#pragma once

namespace berth::test {

class SlowLookup {
 public:
    SlowLookup();   // from now on they wait
    ~SlowLookup();  // and go on
    SlowLookup(const SlowLookup&) = delete;
    SlowLookup& operator=(const SlowLookup&) = delete;
};

}  // namespace berth::test
