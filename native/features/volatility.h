// volatility: std10(log_return)·√252, ddof = 1. The constant belongs to the feature version, whatever the timeframe.
#pragma once
#include <cstddef>

#include "numbers.h"
#include "spread.h"

namespace redbutton::features {

constexpr size_t kVolatilityWarmUp = 10;

/// out[i] = volatility of the window log_returns[i .. i + 9]; `four` are the blocks made of log_returns.
template <class L>
inline void volatility(const double* log_returns, Blocks four, size_t count, double* out) {
  for (size_t i = 0; i < count; i += L::width) {
    const Spread<L> window = spread10<L>(log_returns, four, i);
    // √(M/9)·√252 = √(28·M).
    L::store(out + i, finite_or_no_value<L>(L::sqrt(L::all(28.0) * window.squares)));
  }
}

}  // namespace redbutton::features
