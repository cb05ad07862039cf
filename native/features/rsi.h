// rsi: 100 − 100/(1 + mean14(gain)/mean14(loss)) over plain (not Wilder's) means.
//
// Written as 100·Σgain/Σ|change|, which is the same since Σ|change| = Σgain + Σloss, and has every edge right without
// a branch: no loss gives x/x = 1 and so exactly 100, no gain exactly 0, neither 0/0 and so no value.
#pragma once
#include <cstddef>

#include "numbers.h"
#include "spread.h"

namespace redbutton::features {

constexpr size_t kRsiWarmUp = 14;

/// Scratch of the tile: sums of 2 and of 4 changes, each of the gains and of the absolute changes.
struct RsiScratch {
  double *gain2, *move2, *gain4, *move4;
};

/// out[i] = RSI of the row whose newest close is close[i]; reads close[−14 .. count − 1], rounded up to whole vectors.
template <class L>
inline void rsi(const double* close, size_t count, RsiScratch scratch, double* out) {
  using V = typename L::V;
  const V zero = L::all(0.0);
  const double* first = close - 13;
  for (size_t i = 0, by = step<L>(count, 2); i < count + 12; i += by) {
    const V before = L::load(first + i - 1), middle = L::load(first + i), after = L::load(first + i + 1);
    const V a = middle - before, b = after - middle;
    L::store(scratch.gain2 + i, L::select(L::less(zero, a), a, zero) + L::select(L::less(zero, b), b, zero));
    L::store(scratch.move2 + i, L::abs(a) + L::abs(b));
  }
  for (size_t i = 0, by = step<L>(count, 4); i < count + 8; i += by) {
    L::store(scratch.gain4 + i, L::load(scratch.gain2 + i) + L::load(scratch.gain2 + i + 2));
    L::store(scratch.move4 + i, L::load(scratch.move2 + i) + L::load(scratch.move2 + i + 2));
  }
  // Fourteen changes: 4 + 4 + 4 + 2.
  const auto sum14 = [](const double* four, const double* two, size_t i) {
    return ((L::load(four + i) + L::load(four + i + 4)) + L::load(four + i + 8)) + L::load(two + i + 12);
  };
  for (size_t i = 0; i < count; i += L::width) {
    const V gain = sum14(scratch.gain4, scratch.gain2, i);
    const V move = sum14(scratch.move4, scratch.move2, i);
    // A sum of moves that overflowed would give a finite but false ratio. NaN closes are caught here too.
    const auto sound = L::at_most(move, L::all(kLargest));
    L::store(out + i, finite_or_no_value<L>(L::select(sound, L::all(100.0) * (gain / move), L::all(kNoValue))));
  }
}

}  // namespace redbutton::features
