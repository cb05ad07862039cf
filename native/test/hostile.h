// Series that try to break the kernels: every kind of number a feed could hand over, constant runs, spikes. Seeded.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace hostile {

struct Series {
  std::vector<double> close, volume;
};

inline double value(std::mt19937_64& random) {
  static constexpr double odd[] = {0.0,
                                   -0.0,
                                   std::numeric_limits<double>::denorm_min(),
                                   1e-310,
                                   std::numeric_limits<double>::min(),
                                   1e-160,
                                   1e308,
                                   -1e308,
                                   std::numeric_limits<double>::max(),
                                   -1.0,
                                   std::numeric_limits<double>::quiet_NaN(),
                                   -std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity()};
  const uint64_t draw = random();
  if (draw % 30 == 0) return odd[random() % (sizeof odd / sizeof odd[0])];
  return 0.01 + static_cast<double>(random() >> 11) * 0x1p-53 * 1e5;
}

/// `length` values in runs of one value, of steady growth, or of anything.
inline std::vector<double> column(std::mt19937_64& random, size_t length) {
  std::vector<double> out;
  while (out.size() < length) {
    const size_t run = 1 + random() % 45;
    const uint64_t kind = random() % 3;
    double x = value(random);
    for (size_t i = 0; i < run && out.size() < length; ++i) {
      out.push_back(x);
      if (kind == 1) x *= 1.001;
      if (kind == 2) x = value(random);
    }
  }
  return out;
}

inline Series series(std::mt19937_64& random, size_t length) {
  return {column(random, length), column(random, length)};
}

}  // namespace hostile
