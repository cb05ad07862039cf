// vol_zscore: (volume − mean20(volume))/std20(volume), ddof = 1; the window includes the row itself.
#pragma once
#include <cstddef>

#include "numbers.h"
#include "spread.h"

namespace redbutton::features {

constexpr size_t kVolumeZscoreWarmUp = 19;

/// out[i] = z-score of volume[i] in the window that begins at element i of the blocks and ends with volume[i].
template <class L>
inline void volume_zscore(const double* volume, Blocks four, Blocks eight, size_t count, double* out) {
  using V = typename L::V;
  for (size_t i = 0; i < count; i += L::width) {
    const Spread<L> window = spread20<L>(four, eight, i);
    const V score = (L::all(20.0) * L::load(volume + i) - window.sum) /
                    (L::all(20.0) * L::sqrt(window.squares * L::all(1.0 / 19.0)));
    // Equal volumes have no score (0/0). Squares that overflowed or underflowed would give a false one.
    const auto sound =
        L::both(L::less(L::all(1e-280), window.squares), L::at_most(window.squares, L::all(kLargest)));
    L::store(out + i, finite_or_no_value<L>(L::select(sound, score, L::all(kNoValue))));
  }
}

}  // namespace redbutton::features
