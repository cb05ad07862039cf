// Drives every entrance of the feature kernels with hostile series, for a build under AddressSanitizer and
// UndefinedBehaviorSanitizer (scripts/sanitize). Memory is allocated to the exact length, so that one element read or
// written beyond an end is found; results of all entrances and paths are compared bit for bit on the way.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../features/feature-set.h"
#include "../features/streams.h"
#include "hostile.h"

namespace f = redbutton::features;

struct Output {
  explicit Output(size_t n) : count(n), values(new double[n * f::kColumns]), valid(new uint8_t[n]) {}
  f::Rows rows() const { return {values.get(), count, valid.get()}; }
  bool equals(const Output& other) const {
    return std::memcmp(values.get(), other.values.get(), count * f::kColumns * sizeof(double)) == 0 &&
           std::memcmp(valid.get(), other.valid.get(), count) == 0;
  }
  size_t count;
  std::unique_ptr<double[]> values;
  std::unique_ptr<uint8_t[]> valid;
};

static void require(bool condition, const char* what, uint64_t seed, size_t length) {
  if (condition) return;
  std::fprintf(stderr, "%s: seed %llu, length %zu\n", what, static_cast<unsigned long long>(seed), length);
  std::exit(1);
}

static f::Candles of(const double* close, const double* volume, size_t count) { return {close, volume, count}; }

static void one(uint64_t seed, size_t length) {
  std::mt19937_64 random(seed);
  const hostile::Series series = hostile::series(random, length);
  const std::unique_ptr<double[]> close(new double[length]), volume(new double[length]);
  std::copy(series.close.begin(), series.close.end(), close.get());
  std::copy(series.volume.begin(), series.volume.end(), volume.get());
  const f::Candles candles = of(close.get(), volume.get(), length);

  const Output expected(length);
  require(f::compute(f::Path::kScalar, f::no_history(), candles, expected.rows()) == f::Status::kOk, "scalar", seed,
          length);
  for (f::Path path : {f::Path::kScalar, f::Path::kAvx2, f::Path::kNeon}) {
    const Output batch(length);
    const f::Status status = f::compute(path, f::no_history(), candles, batch.rows());
    if (!f::path_supported(path)) {
      require(status == f::Status::kPathUnsupported, "an absent path was not refused", seed, length);
      continue;
    }
    require(status == f::Status::kOk && batch.equals(expected), "a path differs", seed, length);

    f::FeatureStreams streams(2, path);
    for (size_t i = 0; i < length; ++i) {
      f::Slot slots[2] = {{0, close[i], volume[i], {}, 2}, {1, volume[i], close[i], {}, 2}};
      require(streams.push(slots, 2), "a push was refused", seed, length);
      for (size_t c = 0; c < f::kColumns; ++c)
        require(std::memcmp(&slots[0].row[c], &expected.values[c * length + i], sizeof(double)) == 0,
                "a stream differs", seed, length);
      require(slots[0].valid == expected.valid[i], "a stream's validity differs", seed, length);
    }
    f::Slot stray{std::nan(""), 1, 1, {}, 0};
    for (double symbol : {-1.0, 2.0, 1e300, std::nan(""), HUGE_VAL}) {
      stray.symbol = symbol;
      require(!streams.push(&stray, 1), "a stray symbol was taken", seed, length);
    }

    streams.reset(0);
    for (size_t from = 0; from < length;) {
      const size_t count = std::min(length - from, static_cast<size_t>(random() % 70));
      const Output chunk(count);
      require(streams.push_chunk(0, of(close.get() + from, volume.get() + from, count), chunk.rows()) == f::Status::kOk,
              "a chunk was refused", seed, length);
      for (size_t c = 0; c < f::kColumns; ++c)
        require(std::memcmp(chunk.values.get() + c * count, expected.values.get() + c * length + from,
                            count * sizeof(double)) == 0,
                "a chunk differs", seed, length);
      from += count;
    }
  }
}

int main(int argc, char** argv) {
  const uint64_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (size_t length = 0; length <= 200; ++length) one(round * 1000 + length, length);
    for (size_t length : {255, 256, 257, 511, 512, 513, 1000}) one(round * 1000 + length, length);
  }
  std::printf("features: %llu hostile series, all entrances and paths equal\n",
              static_cast<unsigned long long>(rounds * 208));
  return 0;
}
