// Four rows at a time. Each lane does the operations of lanes-scalar.h in the same order; IEEE 754 makes the bits equal.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace redbutton::features::avx2 {

struct Lanes {
  using V = __m256d;
  using Mask = __m256d;
  static constexpr size_t width = 4;

  static V load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, V v) { _mm256_storeu_pd(p, v); }
  static V all(double x) { return _mm256_set1_pd(x); }
  static V sqrt(V v) { return _mm256_sqrt_pd(v); }
  static V abs(V v) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), v); }
  static Mask less(V a, V b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
  static Mask at_most(V a, V b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
  static Mask both(Mask a, Mask b) { return _mm256_and_pd(a, b); }
  static V select(Mask m, V a, V b) { return _mm256_blendv_pd(b, a, m); }
  static void store_is_number(uint8_t* p, V v) {
    const uint32_t lanes = static_cast<uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(v, v, _CMP_ORD_Q)));
    // Bit i of the mask becomes byte i: the product puts a copy of it at bit 8·i.
    const uint32_t bytes = lanes * 0x00204081u & 0x01010101u;
    std::memcpy(p, &bytes, sizeof bytes);
  }

  static void split(V x, V& exponent, V& mantissa) {
    const __m256i offset = _mm256_set1_epi64x(INT64_C(0x3ff0000000000000) - INT64_C(0x3fe6a09e00000000));
    const __m256i bits = _mm256_add_epi64(_mm256_castpd_si256(x), offset);
    // There is no conversion of 64-bit integers in AVX2: the biased exponent becomes the low bits of 2^52 instead.
    const __m256i two52 = _mm256_set1_epi64x(INT64_C(0x4330000000000000));
    const __m256i biased = _mm256_or_si256(_mm256_srli_epi64(bits, 52), two52);
    exponent = _mm256_sub_pd(_mm256_castsi256_pd(biased), _mm256_set1_pd(0x1p52 + 1023));
    const __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi64x(INT64_C(0x000fffffffffffff)));
    mantissa = _mm256_castsi256_pd(_mm256_add_epi64(fraction, _mm256_set1_epi64x(INT64_C(0x3fe6a09e00000000))));
  }
};

}  // namespace redbutton::features::avx2
