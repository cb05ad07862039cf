// Two rows at a time. Each lane does the operations of lanes-scalar.h in the same order; IEEE 754 makes the bits equal.
#pragma once
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace redbutton::features::neon {

struct Lanes {
  using V = float64x2_t;
  using Mask = uint64x2_t;
  static constexpr size_t width = 2;

  static V load(const double* p) { return vld1q_f64(p); }
  static void store(double* p, V v) { vst1q_f64(p, v); }
  static V all(double x) { return vdupq_n_f64(x); }
  static V sqrt(V v) { return vsqrtq_f64(v); }
  static V abs(V v) { return vabsq_f64(v); }
  static Mask less(V a, V b) { return vcltq_f64(a, b); }
  static Mask at_most(V a, V b) { return vcleq_f64(a, b); }
  static Mask both(Mask a, Mask b) { return vandq_u64(a, b); }
  static V select(Mask m, V a, V b) { return vbslq_f64(m, a, b); }
  static void store_is_number(uint8_t* p, V v) {
    const uint64x2_t number = vceqq_f64(v, v);
    p[0] = static_cast<uint8_t>(vgetq_lane_u64(number, 0) & 1);
    p[1] = static_cast<uint8_t>(vgetq_lane_u64(number, 1) & 1);
  }

  static void split(V x, V& exponent, V& mantissa) {
    const uint64x2_t offset = vdupq_n_u64(UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e00000000));
    const uint64x2_t bits = vaddq_u64(vreinterpretq_u64_f64(x), offset);
    exponent = vcvtq_f64_u64(vshrq_n_u64(bits, 52)) - vdupq_n_f64(1023);
    const uint64x2_t fraction = vandq_u64(bits, vdupq_n_u64(UINT64_C(0x000fffffffffffff)));
    mantissa = vreinterpretq_f64_u64(vaddq_u64(fraction, vdupq_n_u64(UINT64_C(0x3fe6a09e00000000))));
  }
};

}  // namespace redbutton::features::neon
