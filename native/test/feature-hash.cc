// Prints one hash a path over all features of a file of candles (timestamp_ms,open,high,low,close,volume) and of seeded
// hostile series, computed as a batch. Equal hashes mean equal bits: scripts/check-arm64 compares machines with it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../features/feature-set.h"
#include "hostile.h"

namespace f = redbutton::features;

static uint64_t hash = 0;

static void mix(const void* data, size_t bytes) {
  // FNV-1a.
  const auto* p = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static hostile::Series read(const char* name) {
  hostile::Series series;
  std::FILE* file = std::fopen(name, "r");
  if (!file) {
    std::perror(name);
    std::exit(2);
  }
  char line[1024];
  while (std::fgets(line, sizeof line, file)) {
    double cells[6];
    char* at = line;
    int count = 0;
    for (; count < 6; ++count) {
      char* end;
      cells[count] = std::strtod(at, &end);
      if (end == at) break;
      at = end + (*end == ',');
    }
    if (count < 6) continue;  // The head.
    series.close.push_back(cells[4]);
    series.volume.push_back(cells[5]);
  }
  std::fclose(file);
  return series;
}

static size_t add(f::Path path, const hostile::Series& series) {
  const size_t n = series.close.size();
  std::vector<double> values(n * f::kColumns);
  std::vector<uint8_t> valid(n);
  if (f::compute(path, f::no_history(), {series.close.data(), series.volume.data(), n}, {values.data(), n, valid.data()}) !=
      f::Status::kOk)
    std::exit(2);
  mix(values.data(), values.size() * sizeof(double));
  mix(valid.data(), valid.size());
  size_t rows = 0;
  for (uint8_t byte : valid) rows += byte;
  return rows;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: feature-hash CANDLES.csv...\n");
    return 2;
  }
  const struct {
    f::Path path;
    const char* name;
  } paths[] = {{f::Path::kScalar, "scalar"}, {f::Path::kAvx2, "avx2"}, {f::Path::kNeon, "neon"}};
  for (const auto& [path, name] : paths) {
    if (!f::path_supported(path)) continue;
    hash = UINT64_C(0xcbf29ce484222325);
    size_t rows = 0;
    for (int i = 1; i < argc; ++i) rows += add(path, read(argv[i]));
    std::mt19937_64 random(20260101);
    for (size_t length = 0; length <= 600; ++length) rows += add(path, hostile::series(random, length));
    std::printf("%s %016llx %zu\n", name, static_cast<unsigned long long>(hash), rows);
  }
  return 0;
}
