#include "feature-set.h"

#include <cstring>

#include "numbers.h"
#include "paths.h"

namespace redbutton::features {
namespace {

/// Whether two pieces of memory share a byte.
bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const uintptr_t a0 = reinterpret_cast<uintptr_t>(a), b0 = reinterpret_cast<uintptr_t>(b);
  return a_bytes > 0 && b_bytes > 0 && a0 < b0 + b_bytes && b0 < a0 + a_bytes;
}

bool output_overlaps_input(Candles candles, Rows rows) {
  const size_t in_bytes = candles.count * sizeof(double);
  const size_t out_bytes = ((kColumns - 1) * rows.stride + candles.count) * sizeof(double);
  return overlap(candles.close, in_bytes, rows.values, out_bytes) ||
         overlap(candles.volume, in_bytes, rows.values, out_bytes) ||
         overlap(candles.close, in_bytes, rows.valid, candles.count) ||
         overlap(candles.volume, in_bytes, rows.valid, candles.count) ||
         overlap(rows.values, out_bytes, rows.valid, candles.count);
}

/// Drops the oldest values for the newest ones.
template <size_t N>
void shift_in(double (&history)[N], const double* newest, size_t count) {
  if (count >= N) {
    std::memcpy(history, newest + (count - N), sizeof history);
    return;
  }
  std::memmove(history, history + count, (N - count) * sizeof(double));
  std::memcpy(history + N - count, newest, count * sizeof(double));
}

}  // namespace

History no_history() {
  History history;
  for (double& x : history.close) x = kNoValue;
  for (double& x : history.volume) x = kNoValue;
  for (double& x : history.log_return) x = kNoValue;
  return history;
}

bool path_supported(Path path) {
  switch (path) {
    case Path::kScalar:
      return true;
    case Path::kAvx2:
#if defined(__x86_64__)
      return __builtin_cpu_supports("avx2");
#else
      return false;
#endif
    case Path::kNeon:
#if defined(__aarch64__)
      return true;
#else
      return false;
#endif
  }
  return false;
}

Path best_path() {
  if (path_supported(Path::kAvx2)) return Path::kAvx2;
  if (path_supported(Path::kNeon)) return Path::kNeon;
  return Path::kScalar;
}

Status compute(Path path, const History& history, Candles candles, Rows rows) {
  if (!path_supported(path)) return Status::kPathUnsupported;
  if (candles.count == 0) return Status::kOk;
  if (output_overlaps_input(candles, rows)) return Status::kOverlap;
  switch (path) {
#if defined(__x86_64__)
    case Path::kAvx2:
      avx2::compute(history, candles, rows);
      return Status::kOk;
#endif
#if defined(__aarch64__)
    case Path::kNeon:
      neon::compute(history, candles, rows);
      return Status::kOk;
#endif
    default:
      scalar::compute(history, candles, rows);
      return Status::kOk;
  }
}

void advance(History& history, Candles candles, Rows rows) {
  if (candles.count == 0) return;
  shift_in(history.close, candles.close, candles.count);
  shift_in(history.volume, candles.volume, candles.count);
  shift_in(history.log_return, rows.values + kLogReturn * rows.stride, candles.count);
}

}  // namespace redbutton::features
