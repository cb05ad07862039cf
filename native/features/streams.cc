#include "streams.h"

namespace redbutton::features {

bool FeatureStreams::push(Slot* slots, size_t count) {
  const double limit = static_cast<double>(histories_.size());
  for (size_t i = 0; i < count; ++i) {
    // Written so that NaN fails too; a fraction is cut off by the conversion below and never leaves the range.
    if (!(slots[i].symbol >= 0 && slots[i].symbol < limit)) return false;
  }
  for (size_t i = 0; i < count; ++i) {
    Slot& slot = slots[i];
    History& history = histories_[static_cast<size_t>(slot.symbol)];
    uint8_t valid = 0;
    const Candles candle{&slot.close, &slot.volume, 1};
    const Rows row{slot.row, 1, &valid};
    // One row has nothing to fill wide lanes with, and the bits are the same.
    compute(Path::kScalar, history, candle, row);
    advance(history, candle, row);
    slot.valid = valid;
  }
  return true;
}

Status FeatureStreams::push_chunk(size_t symbol, Candles candles, Rows rows) {
  const Status status = compute(path_, histories_[symbol], candles, rows);
  if (status == Status::kOk) advance(histories_[symbol], candles, rows);
  return status;
}

}  // namespace redbutton::features
