// A random forest of binary classification trees, grown in parallel; results depend on the seed, never on the threads.
#ifndef REDBUTTON_FOREST_FOREST_H
#define REDBUTTON_FOREST_FOREST_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "binning.h"

namespace forest {

struct TrainOptions {
  int trees = 300;
  int depth_max = 6;         // 1..15
  int leaf_rows_min = 20;
  int features_per_split = 0;  // 0: floor(sqrt(width))
  int bins_max = 256;        // 2..256
  int threads = 1;
  uint64_t seed = 42;
};

constexpr int kTreesMax = 10000;
constexpr int kDepthMax = 15;
constexpr size_t kWidthMax = 255;

// The flat form of a forest, ready for export. Nodes of tree t: [tree_start[t], tree_start[t+1]); child numbers count
// from the tree's first node, the right child is left + 1. For a leaf `feature` is -1 and `left` 0.
//
// P(class 1) of a row is the sum of its leaves' weights. The trees' votes are whole multiples of 2^-24 that sum to 1, and a
// leaf's weight is its tree's vote times its probability, rounded to such a multiple: so every partial sum is exact in
// float32, and neither the order of summation nor the engine can change a bit of the answer.
struct Forest {
  size_t width = 0;
  Scaling scaling;
  std::vector<int32_t> tree_start;
  std::vector<int16_t> feature;
  std::vector<float> threshold;
  std::vector<uint16_t> left;
  std::vector<float> weight;
};

struct TrainResult {
  Forest forest;
  // P(class 1) of each training row by the trees that did not see it; NaN where every tree did.
  std::vector<double> out_of_bag;
  // Mean decrease in impurity by feature, summing to 1 (all 0 where no tree has a split).
  std::vector<double> importance;
};

enum class Status { kOk, kCanceled, kNotFinite, kOneClass, kTooManyRows, kTooFewRows, kBadOption };

// Where a kNotFinite value stands.
struct Place {
  size_t row = 0;
  size_t column = 0;
};

// Trains on `count` rows of `width` values, row after row, and labels 0 or 1. `on_tree` is told the number of finished
// trees, from any of the threads; `canceled` is asked before each tree.
Status Train(const double* rows, const uint8_t* labels, size_t count, size_t width, const TrainOptions& options,
             const std::function<void(int)>& on_tree, const std::function<bool()>& canceled, TrainResult* result,
             Place* place);

// The vote of one tree, 1 / trees in units of 2^-24, rounded so that all votes sum to 2^24.
uint32_t VoteOf(int tree, int trees);

// P(class 1) of each row. The forest must be well-formed: see WellFormed.
void Predict(const Forest& forest, const double* rows, size_t count, double* out);

// Whether every index of a forest of unknown origin stays inside it and every walk ends.
bool WellFormed(const Forest& forest);

}  // namespace forest

#endif
