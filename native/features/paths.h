// The same function compiled once for each lane type. Which of them exist depends on the machine compiled for.
#pragma once
#include "feature-set.h"

namespace redbutton::features {
namespace scalar {
void compute(const History& history, Candles candles, Rows rows);
}
namespace avx2 {
void compute(const History& history, Candles candles, Rows rows);
}
namespace neon {
void compute(const History& history, Candles candles, Rows rows);
}
}  // namespace redbutton::features
