// The marks of the number line that the kernels share.
#pragma once

namespace redbutton::features {

/// "No value". One bit pattern on every machine: x86-64 and arm64 make differently signed NaNs by themselves.
constexpr double kNoValue = __builtin_nan("");
constexpr double kLargest = 0x1.fffffffffffffp1023;
constexpr double kSmallestNormal = 0x1p-1022;

/// The value where it is finite, else kNoValue.
template <class L>
inline typename L::V finite_or_no_value(typename L::V x) {
  return L::select(L::at_most(L::abs(x), L::all(kLargest)), x, L::all(kNoValue));
}

}  // namespace redbutton::features
