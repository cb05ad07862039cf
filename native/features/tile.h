// The rows of a series in tiles small enough that everything between input and output stays in the first-level cache.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bollinger-width.h"
#include "feature-set.h"
#include "lags.h"
#include "log-return.h"
#include "rsi.h"
#include "spread.h"
#include "volatility.h"
#include "volume-zscore.h"

namespace redbutton::features {

/// Rows a tile. The scratch below is then about 22 KB.
constexpr size_t kTileRows = 256;
/// Passes run on to whole vectors, and read a neighbour further: room for both behind the last row.
constexpr size_t kSlack = 8;

static_assert(kLogReturnsBefore == kLagLargest && kVolatilityWarmUp <= kLogReturnsBefore &&
                  kLogReturnWarmUp + kLogReturnsBefore <= kWarmUp && kRsiWarmUp <= kWarmUp && kBollingerWarmUp == kWarmUp &&
                  kVolumeZscoreWarmUp == kWarmUp,
              "every indicator lives on the window");

/// memcpy, kept out of line: for a small known size GCC writes a `rep movs`, which takes longer than half a row.
template <class L>
[[gnu::noinline, gnu::noclone]] void copy(double* to, const double* from, size_t count) {
  std::memcpy(to, from, count * sizeof(double));
}

template <class L>
class Tile {
 public:
  /// Takes what came before the first row.
  void begin(const History& history) {
    copy<L>(close_, history.close, kWarmUp);
    copy<L>(volume_, history.volume, kWarmUp);
    copy<L>(log_return_, history.log_return, kLogReturnsBefore);
  }

  /// Takes candles 0 .. count − 1, behind those that came before.
  void put_in(Candles candles, size_t first, size_t count) {
    copy<L>(close(), candles.close + first, count);
    copy<L>(volume(), candles.volume + first, count);
  }

  /// Computes rows 0 .. count − 1 from the candles put in.
  void run(size_t count) {
    // What lies behind the last row is computed along and thrown away; NaN keeps it quick and defined.
    for (size_t i = 0; i < kSlack; ++i) close()[count + i] = volume()[count + i] = kNoValue;
    log_return<L>(close(), count, log_return_ + kLogReturnsBefore);
    rsi<L>(close(), count, {a_, b_, c_, d_}, rsi_);

    const Blocks four{a_, b_}, eight{c_, d_};
    blocks_of_4<L>(log_return_ + 1, count, 10, four);
    volatility<L>(log_return_ + 1, four, count, volatility_);
    blocks_of_4<L>(close_, count, kWindow, four);
    blocks_of_8<L>(four, count, eight);
    bollinger_width<L>(four, eight, count, bollinger_);
    blocks_of_4<L>(volume_, count, kWindow, four);
    blocks_of_8<L>(four, count, eight);
    volume_zscore<L>(volume(), four, eight, count, zscore_);
    mark_valid(count);
  }

  /// Copies rows 0 .. count − 1 to rows `first` onward of the caller's.
  void copy_out(size_t count, Rows rows, size_t first) const {
    const double* own = log_return_ + kLogReturnsBefore;
    const double* columns[kColumns] = {own, rsi_, bollinger_, volatility_, zscore_};
    for (size_t k = 0; k < kLagCount; ++k) columns[kLag1 + k] = lag(own, kLags[k]);
    for (size_t c = 0; c < kColumns; ++c)
      copy<L>(rows.values + c * rows.stride + first, columns[c], count);
    std::memcpy(rows.valid + first, valid_, count);
  }

  /// Makes the newest of `count` rows those that came before the next tile.
  void step(size_t count) {
    std::memmove(close_, close_ + count, kWarmUp * sizeof(double));
    std::memmove(volume_, volume_ + count, kWarmUp * sizeof(double));
    std::memmove(log_return_, log_return_ + count, kLogReturnsBefore * sizeof(double));
  }

 private:
  double* close() { return close_ + kWarmUp; }
  double* volume() { return volume_ + kWarmUp; }

  /// A row is valid when all ten are numbers. Volatility is one only if the ten newest log returns are, so lag_10 is the
  /// only other log return to ask. Finite numbers never add up to NaN.
  void mark_valid(size_t count) {
    for (size_t i = 0; i < count; i += L::width) {
      const auto sum = L::load(rsi_ + i) + L::load(bollinger_ + i) + L::load(volatility_ + i) +
                       L::load(zscore_ + i) + L::load(lag(log_return_ + kLogReturnsBefore, kLagLargest) + i);
      L::store_is_number(valid_ + i, sum);
    }
  }

  static constexpr size_t kLength = kWarmUp + kTileRows + kSlack;
  double close_[kLength], volume_[kLength], log_return_[kLength];
  /// Scratch in turn of the RSI and of the spreads.
  double a_[kLength], b_[kLength], c_[kLength], d_[kLength];
  double rsi_[kTileRows + kSlack], bollinger_[kTileRows + kSlack], volatility_[kTileRows + kSlack],
      zscore_[kTileRows + kSlack];
  uint8_t valid_[kTileRows + kSlack];
};

/// The whole series, tile after tile.
template <class L>
inline void compute_rows(const History& history, Candles candles, Rows rows) {
  Tile<L> tile;
  tile.begin(history);
  for (size_t first = 0; first < candles.count; first += kTileRows) {
    const size_t left = candles.count - first;
    const size_t count = left < kTileRows ? left : kTileRows;
    tile.put_in(candles, first, count);
    tile.run(count);
    tile.copy_out(count, rows, first);
    if (count < left) tile.step(count);
  }
}

}  // namespace redbutton::features
