#include "binning.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

namespace forest {

Scaling FitScaling(const double* rows, size_t count, size_t width) {
  Scaling scaling;
  scaling.mean.resize(width);
  scaling.std.resize(width);
  for (size_t f = 0; f < width; ++f) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += rows[i * width + f];
    const double mean = sum / static_cast<double>(count);
    double squares = 0;
    for (size_t i = 0; i < count; ++i) {
      const double d = rows[i * width + f] - mean;
      squares += d * d;
    }
    const float std = static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
    scaling.mean[f] = static_cast<float>(mean);
    scaling.std[f] = std >= 1e-30f ? std : 1.0f;
  }
  return scaling;
}

namespace {

// Order-preserving integer of a finite float, for the radix sort. -0 and +0 are one value and get one key.
uint32_t KeyOf(float z) {
  z += 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &z, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float ValueOf(uint32_t key) {
  const uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
  float z;
  std::memcpy(&z, &bits, sizeof z);
  return z;
}

// Least significant digit first, three digits of 11 bits; a few times faster than a comparison sort at these sizes.
void SortKeys(std::vector<uint32_t>* keys, std::vector<uint32_t>* scratch) {
  constexpr int kBits = 11;
  constexpr uint32_t kSize = 1u << kBits;
  scratch->resize(keys->size());
  std::vector<size_t> start(kSize);
  for (int shift = 0; shift < 32; shift += kBits) {
    std::fill(start.begin(), start.end(), 0);
    for (uint32_t key : *keys) ++start[(key >> shift) & (kSize - 1)];
    size_t sum = 0;
    for (size_t& s : start) {
      const size_t here = s;
      s = sum;
      sum += here;
    }
    for (uint32_t key : *keys) (*scratch)[start[(key >> shift) & (kSize - 1)]++] = key;
    keys->swap(*scratch);
  }
}

// The middle of two neighbours, rounded down to float32: it stays at or above `low` and strictly below `high`, so the
// float32 comparison of the exported graph and ours agree for every training value.
float MiddleDown(float low, float high) {
  const double middle = static_cast<double>(low) + (static_cast<double>(high) - static_cast<double>(low)) / 2;
  float rounded = static_cast<float>(middle);
  if (static_cast<double>(rounded) > middle) rounded = std::nextafter(rounded, low);
  return rounded < low ? low : rounded;
}

std::vector<float> ThresholdsOf(const std::vector<uint32_t>& sorted, int bins_max) {
  std::vector<float> thresholds;
  const size_t count = sorted.size();
  size_t distinct = count > 0 ? 1 : 0;
  for (size_t i = 1; i < count; ++i) distinct += sorted[i] != sorted[i - 1];
  if (distinct <= static_cast<size_t>(bins_max)) {
    for (size_t i = 1; i < count; ++i) {
      if (sorted[i] != sorted[i - 1]) thresholds.push_back(MiddleDown(ValueOf(sorted[i - 1]), ValueOf(sorted[i])));
    }
    return thresholds;
  }
  for (int b = 1; b < bins_max; ++b) {
    // The cut at this quantile falls after the run of equal values that holds it.
    const size_t rank = static_cast<size_t>(b) * count / static_cast<size_t>(bins_max);
    const uint32_t low = sorted[rank - 1];
    const auto next = std::upper_bound(sorted.begin() + static_cast<std::ptrdiff_t>(rank) - 1, sorted.end(), low);
    if (next == sorted.end()) break;
    const float threshold = MiddleDown(ValueOf(low), ValueOf(*next));
    if (thresholds.empty() || thresholds.back() < threshold) thresholds.push_back(threshold);
  }
  return thresholds;
}

// Branchless search over the thresholds, padded to 256 with +inf.
uint8_t CodeOf(const float* padded, float z) {
  uint32_t at = 0;
  for (uint32_t step = 128; step > 0; step >>= 1) at += (padded[at + step - 1] < z) ? step : 0;
  return static_cast<uint8_t>(at);
}

}  // namespace

bool BinRows(const double* rows, size_t count, size_t width, const Scaling& scaling, int bins_max, int threads,
             BinnedRows* out, size_t* bad_row, size_t* bad_column) {
  out->count = count;
  out->width = width;
  out->stride = (width + 1 + 7) / 8 * 8;
  out->codes.assign(count * out->stride, 0);
  out->thresholds.assign(width, {});

  std::vector<size_t> bad(width, count);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    std::vector<uint32_t> keys(count);
    std::vector<uint32_t> scratch;
    std::vector<float> scaled(count);
    for (size_t f = next.fetch_add(1); f < width; f = next.fetch_add(1)) {
      for (size_t i = 0; i < count; ++i) {
        const float z = ScaleValue(rows[i * width + f], scaling.mean[f], scaling.std[f]);
        if (!std::isfinite(z)) {
          bad[f] = i;
          break;
        }
        scaled[i] = z;
        keys[i] = KeyOf(z);
      }
      if (bad[f] < count) continue;
      SortKeys(&keys, &scratch);
      out->thresholds[f] = ThresholdsOf(keys, bins_max);
      float padded[256];
      std::fill(padded, padded + 256, INFINITY);
      std::copy(out->thresholds[f].begin(), out->thresholds[f].end(), padded);
      for (size_t i = 0; i < count; ++i) out->codes[i * out->stride + f] = CodeOf(padded, scaled[i]);
    }
  };
  std::vector<std::thread> helpers;
  const int shared = std::min<int>(threads, static_cast<int>(width));
  for (int t = 1; t < shared; ++t) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();

  for (size_t f = 0; f < width; ++f) {
    if (bad[f] < count) {
      *bad_row = bad[f];
      *bad_column = f;
      return false;
    }
  }
  return true;
}

}  // namespace forest
