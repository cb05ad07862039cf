// Counter-free random streams with fixed results on every machine: splitmix64 to seed, xoshiro256** to draw
// (Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021; the authors put both in the public domain).
#ifndef REDBUTTON_FOREST_RANDOM_H
#define REDBUTTON_FOREST_RANDOM_H

#include <cstdint>

namespace forest {

inline uint64_t SplitMix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Random {
 public:
  // One stream a tree: what a tree draws depends on the seed and its own number alone, never on the thread that grows it.
  Random(uint64_t seed, uint64_t stream) {
    uint64_t state = seed;
    uint64_t mixed = SplitMix64(state) ^ (stream * 0xd1342543de82ef95ULL);
    for (uint64_t& word : state_) word = SplitMix64(mixed);
  }

  uint64_t Next() {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  // Uniform on [0, bound) by multiply and shift; its bias of bound / 2^32 is below 0.05 % for the rows we accept.
  static uint32_t Below(uint32_t word, uint32_t bound) {
    return static_cast<uint32_t>((static_cast<uint64_t>(word) * bound) >> 32);
  }
  uint32_t Below(uint32_t bound) { return Below(static_cast<uint32_t>(Next() >> 32), bound); }

 private:
  static uint64_t Rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

}  // namespace forest

#endif
