// The plain lane type: one row at a time. It defines what every other lane type must reproduce bit for bit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace redbutton::features::scalar {

struct Lanes {
  using V = double;
  using Mask = bool;
  static constexpr size_t width = 1;

  static V load(const double* p) { return *p; }
  static void store(double* p, V v) { *p = v; }
  static V all(double x) { return x; }
  static V sqrt(V v) { return __builtin_sqrt(v); }
  static V abs(V v) { return __builtin_fabs(v); }
  static Mask less(V a, V b) { return a < b; }
  static Mask at_most(V a, V b) { return a <= b; }
  static Mask both(Mask a, Mask b) { return a && b; }
  /// a where the mask is set, else b.
  static V select(Mask m, V a, V b) { return m ? a : b; }
  /// One byte a lane: 1 where the lane is a number, 0 where it is NaN.
  static void store_is_number(uint8_t* p, V v) { *p = v == v ? 1 : 0; }

  /// x = mantissa · 2^exponent with √½ ≤ mantissa < √2, for x normal and positive (anything else gives garbage, no trap).
  static void split(V x, V& exponent, V& mantissa) {
    uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits += UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e00000000);
    exponent = static_cast<double>(static_cast<int64_t>(bits >> 52 & 0xfff) - 1023);
    bits = (bits & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e00000000);
    std::memcpy(&mantissa, &bits, sizeof bits);
  }
};

}  // namespace redbutton::features::scalar
