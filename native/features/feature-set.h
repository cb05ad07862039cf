// Feature set v1 over plain memory. Nothing here knows of Node: boundary.h is the only way in from JavaScript.
//
// A row is a pure function of its last 20 candles: each window is summed by a fixed expression over that window alone.
// So a whole series, a stream and a stream restarted anywhere give the same bits, and so do all paths and machines.
#pragma once
#include <cstddef>
#include <cstdint>

namespace redbutton::features {

/// Candles a row is computed from, itself included.
constexpr size_t kWindow = 20;
/// Candles before a row that it needs: the first complete row is row 19.
constexpr size_t kWarmUp = kWindow - 1;

/// Columns of a row, in the order of FEATURE_COLUMNS in src/core/feature-set.ts.
enum Column : size_t {
  kLogReturn, kRsi, kBollingerWidth, kVolatility, kVolumeZscore, kLag1, kLag2, kLag3, kLag5, kLag10, kColumns
};

enum class Status { kOk, kPathUnsupported, kOverlap };

/// How many rows are computed at a time. All paths give the same bits.
enum class Path { kScalar, kAvx2, kNeon };

/// Log returns before a row that it needs, for lag_10.
constexpr size_t kLogReturnsBefore = 10;

/// The candles before the first one given. Absent ones are NaN, which makes the rows that need them empty.
struct History {
  double close[kWarmUp];
  double volume[kWarmUp];
  /// Of the newest of these closes. A function of two closes each, kept because a logarithm is the most expensive step of a row.
  double log_return[kLogReturnsBefore];
};

/// The history of a series that begins here.
History no_history();

struct Candles {
  const double* close;
  const double* volume;
  size_t count;
};

/// Where rows go: column c of row i at values[c·stride + i]; valid[i] is 1 where every column of row i has a value.
/// A column without a value is NaN.
struct Rows {
  double* values;
  size_t stride;
  uint8_t* valid;
};

/// Whether this machine runs the path.
bool path_supported(Path path);
/// The fastest path of this machine.
Path best_path();

/// Computes the rows of `candles`, which follow `history`. Output must not overlap input. Allocates nothing; uses
/// about 25 KB of stack.
Status compute(Path path, const History& history, Candles candles, Rows rows);

/// The history after these candles, whose rows are computed.
void advance(History& history, Candles candles, Rows rows);

}  // namespace redbutton::features
