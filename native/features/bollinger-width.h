// bb_width: 2·std20(close)/mean20(close), ddof = 1: half of the usual distance between upper and lower band.
#pragma once
#include <cstddef>

#include "numbers.h"
#include "spread.h"

namespace redbutton::features {

constexpr size_t kBollingerWarmUp = 19;

/// out[i] = width of the window that begins at element i of the blocks, which were made of the closes.
template <class L>
inline void bollinger_width(Blocks four, Blocks eight, size_t count, double* out) {
  using V = typename L::V;
  for (size_t i = 0; i < count; i += L::width) {
    const Spread<L> window = spread20<L>(four, eight, i);
    // 2·√(M/19)/(S/20) with the constants drawn together.
    const V width = L::all(40.0) * L::sqrt(window.squares * L::all(1.0 / 19.0)) / window.sum;
    // Below this the squares underflow and a spread could no longer be told from none.
    const auto sound = L::less(L::all(1e-130), L::abs(window.sum));
    L::store(out + i, finite_or_no_value<L>(L::select(sound, width, L::all(kNoValue))));
  }
}

}  // namespace redbutton::features
