// log_return: ln(close_t / close_{t−1}).
#pragma once
#include <cstddef>

#include "natural-log.h"
#include "numbers.h"

namespace redbutton::features {

/// Candles before a row that its value needs.
constexpr size_t kLogReturnWarmUp = 1;

/// out[i] = log return of close[i] against close[i − 1]; reads close[−1 .. count − 1], rounded up to whole vectors.
template <class L>
inline void log_return(const double* close, size_t count, double* out) {
  for (size_t i = 0; i < count; i += L::width)
    L::store(out + i, natural_log<L>(L::load(close + i) / L::load(close + i - 1)));
}

}  // namespace redbutton::features
