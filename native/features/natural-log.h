// A natural logarithm of our own, so that every machine and every lane width gives the same bits: libm's differs from
// one C library to the next. Method and coefficients are fdlibm's (e_log.c, Sun Microsystems 1993): with
// x = 2^k·(1 + f) and s = f/(2 + f), ln(1 + f) = f − f²/2 + s·(f²/2 + R(s²)), R being a minimax polynomial with
// |error| < 2^−58.45. Its error is below 1 ulp (measured by native/test/log-accuracy.cc).
#pragma once
#include "numbers.h"

namespace redbutton::features {

/// ln x for 0 < x < ∞, subnormal x included; NaN for every other x. No branches: one path for all lanes.
template <class L>
inline typename L::V natural_log(typename L::V x) {
  using V = typename L::V;
  constexpr double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
  constexpr double lg1 = 6.666666666666735130e-01, lg2 = 3.999999999940941908e-01, lg3 = 2.857142874366239149e-01,
                   lg4 = 2.222219843214978396e-01, lg5 = 1.818357216161805012e-01, lg6 = 1.531383769920937332e-01,
                   lg7 = 1.479819860511658591e-01;

  // A subnormal has no normalised mantissa to split off: it is scaled up by 2^54 first, exactly.
  const auto subnormal = L::less(x, L::all(kSmallestNormal));
  const V normal = L::select(subnormal, x * L::all(0x1p54), x);
  V exponent, mantissa;
  L::split(normal, exponent, mantissa);
  const V k = exponent - L::select(subnormal, L::all(54.0), L::all(0.0));

  const V f = mantissa - L::all(1.0);
  const V half_square = L::all(0.5) * f * f;
  const V s = f / (L::all(2.0) + f);
  const V z = s * s;
  const V w = z * z;
  const V even = w * (L::all(lg2) + w * (L::all(lg4) + w * L::all(lg6)));
  const V odd = z * (L::all(lg1) + w * (L::all(lg3) + w * (L::all(lg5) + w * L::all(lg7))));
  const V r = odd + even;
  const V result = s * (half_square + r) + k * L::all(ln2_lo) - half_square + f + k * L::all(ln2_hi);

  const auto inside = L::both(L::less(L::all(0.0), x), L::at_most(x, L::all(kLargest)));
  return L::select(inside, result, L::all(kNoValue));
}

}  // namespace redbutton::features
