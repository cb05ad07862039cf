// Grows one tree over binned rows: histograms, split search, partition. Knows nothing of threads or of scaling.
#ifndef REDBUTTON_FOREST_TREE_H
#define REDBUTTON_FOREST_TREE_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binning.h"
#include "random.h"

namespace forest {

// Children of a split stand side by side: `left`, `left + 1`. A leaf points at itself and its bin is 255, which no code
// exceeds, so a walk of fixed length needs no branch: node = left + (code > bin).
struct Node {
  uint8_t feature;
  uint8_t bin;
  uint16_t left;
};

struct Tree {
  std::vector<Node> nodes;
  // P(class 1) of each node under the balanced weights; meant for leaves.
  std::vector<double> probability;
  // Weighted impurity decrease by feature, normalised to sum 1 (all 0 for a tree without a split).
  std::vector<double> importance;
};

struct GrowOptions {
  int depth_max;
  // Smallest number of distinct in-bag rows a leaf may hold, counted as scikit-learn counts them.
  int leaf_rows_min;
  int features_per_split;
  double class_weight[2];
};

// A node's rows are summed into cells of three packed counters: distinct rows (bits 0-20), bootstrap weight of class 0
// (21-41) and of class 1 (42-63). One 64-bit addition updates all three, and sums are exact, so independent of order.
constexpr int kCountBits = 21;
constexpr uint64_t kCountMask = (1ULL << kCountBits) - 1;
constexpr size_t kRowsMax = kCountMask;

// Grows trees one after another, keeping its buffers. One grower a thread.
class Grower {
 public:
  Grower(const BinnedRows& binned, const uint8_t* labels, const GrowOptions& options);

  // Draws the bootstrap, grows the tree, and leaves the out-of-bag row numbers in `outside()`.
  void Grow(Random* random, Tree* tree);

  const uint32_t* outside() const { return outside_.data(); }
  size_t outside_count() const { return outside_count_; }

 private:
  struct Split {
    double gain;
    int feature;
    int bin;
    uint64_t left;
  };

  void DrawBootstrap(Random* random);
  template <size_t Stride>
  uint64_t SplitBag();
  void GrowNode(uint8_t* begin, size_t rows, uint64_t total, int depth, uint16_t node, Random* random, Tree* tree);
  // Reads the histograms of `features` in one pass over the node's rows.
  void Fill(const uint8_t* begin, size_t rows, const int* features, int feature_count);
  // Best cut of one filled histogram. Returns false when the feature is constant in the node.
  bool Search(const uint64_t* histogram, int feature, uint64_t total, Split* best) const;
  Split FindSplit(const uint8_t* begin, size_t rows, uint64_t total, Random* random);
  size_t Partition(uint8_t* begin, size_t rows, int feature, int bin);
  double Impurity(uint64_t cell, double* weight) const;

  const BinnedRows& binned_;
  const uint8_t* labels_;
  GrowOptions options_;
  // What a record's weight byte (2 * weight + label) adds to a cell.
  uint64_t addend_[256];
  std::vector<uint8_t> weights_;
  std::vector<uint8_t> records_;
  std::vector<uint8_t> scratch_;
  std::vector<uint32_t> outside_;
  size_t outside_count_ = 0;
  std::vector<uint64_t> histograms_;
  std::vector<int> order_;
};

}  // namespace forest

#endif
