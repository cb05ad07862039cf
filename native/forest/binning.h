// Standard scaling and binning of feature rows. Knows nothing of trees.
#ifndef REDBUTTON_FOREST_BINNING_H
#define REDBUTTON_FOREST_BINNING_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forest {

// What the graph computes before its trees, in float32: (x - mean) / std.
struct Scaling {
  std::vector<float> mean;
  std::vector<float> std;
};

// Mean and population standard deviation of each column (StandardScaler's), summed in row order, rounded to float32.
// A column that does not vary, or whose deviation vanishes in float32, is divided by 1.
Scaling FitScaling(const double* rows, size_t count, size_t width);

// One scaled value, by exactly the float32 operations of the exported graph (Sub, then Div), so that a row falls on the
// same side of each threshold here and there.
inline float ScaleValue(double x, float mean, float std) { return (static_cast<float>(x) - mean) / std; }

// Rows as bin codes. Code c of a value z: the number of thresholds below z, so "code <= b" is "z <= thresholds[b]".
struct BinnedRows {
  size_t count = 0;
  size_t width = 0;
  // Bytes from one row to the next: width, a spare byte for the grower, rounded up to 8, so that a row moves in words.
  size_t stride = 0;
  std::vector<uint8_t> codes;
  // thresholds[f]: ascending float32, at most 255; each lies at or above the largest value of its bin and below the
  // smallest of the next.
  std::vector<std::vector<float>> thresholds;
};

// Bins each column at its quantiles into at most `bins_max` (2..256) bins. Returns false, naming the row and column,
// when a value is not finite before or after scaling. Columns are shared out over `threads`.
bool BinRows(const double* rows, size_t count, size_t width, const Scaling& scaling, int bins_max, int threads,
             BinnedRows* out, size_t* bad_row, size_t* bad_column);

}  // namespace forest

#endif
