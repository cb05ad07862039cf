// The streaming entrance: a window for each of several symbols, fed one candle at a time or a chunk at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "feature-set.h"

namespace redbutton::features {

/// One candle to push and the row that comes back; one cell of the memory shared with JavaScript (all doubles, so that
/// a single Float64Array carries it). `symbol` numbers the streams from 0; `valid` becomes 1 or 0.
struct Slot {
  double symbol;
  double close;
  double volume;
  double row[kColumns];
  double valid;
};
static_assert(sizeof(Slot) == 14 * sizeof(double), "the slot's layout is known to src/adapters/native/features.ts");

class FeatureStreams {
 public:
  FeatureStreams(size_t symbols, Path path) : histories_(symbols, no_history()), path_(path) {}

  /// Pushes the candle of each slot in turn and fills in its row. False, with nothing pushed, when a slot names no stream.
  bool push(Slot* slots, size_t count);
  /// Pushes a chunk of one symbol's candles.
  Status push_chunk(size_t symbol, Candles candles, Rows rows);
  void reset(size_t symbol) { histories_[symbol] = no_history(); }
  size_t symbols() const { return histories_.size(); }

 private:
  std::vector<History> histories_;
  Path path_;
};

}  // namespace redbutton::features
