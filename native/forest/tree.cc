#include "tree.h"

#include <algorithm>
#include <cstring>

namespace forest {

namespace {

constexpr int kBins = 256;
// A draw beyond this many copies of one row is dropped, so that weight and label share a byte. With at most 127 rows it
// cannot happen, with more its probability is below 1e-200.
constexpr uint8_t kCopiesMax = 127;

// By way of 32 bits, which vector units convert everywhere.
double Count0(uint64_t cell) { return static_cast<int32_t>((cell >> kCountBits) & kCountMask); }
double Count1(uint64_t cell) { return static_cast<int32_t>(cell >> (2 * kCountBits)); }
size_t RowsOf(uint64_t cell) { return static_cast<size_t>(cell & kCountMask); }

// Histogram of three drawn features at once: the article's nine features draw three, so this is the hot loop. `Stride`
// is the record's length as a constant, 0 for one known only at run time.
template <size_t Stride>
void FillThree(const uint8_t* record, size_t rows, size_t stride, size_t weight_at, const uint64_t* addend,
               const int* features, uint64_t* histograms) {
  const size_t step = Stride != 0 ? Stride : stride;
  uint64_t* a = histograms;
  uint64_t* b = histograms + kBins;
  uint64_t* c = histograms + 2 * kBins;
  const size_t fa = static_cast<size_t>(features[0]);
  const size_t fb = static_cast<size_t>(features[1]);
  const size_t fc = static_cast<size_t>(features[2]);
  for (size_t i = 0; i < rows; ++i, record += step) {
    const uint64_t add = addend[record[weight_at]];
    a[record[fa]] += add;
    b[record[fb]] += add;
    c[record[fc]] += add;
  }
}

// Stable two-way partition without a branch on the data: each record is written to both ends' cursors, one of which
// moves on. Records of the left side move down in place, those of the right side wait in `scratch`.
template <size_t Stride>
size_t PartitionRecords(uint8_t* begin, size_t rows, size_t stride, int feature, int bin, uint8_t* scratch) {
  const size_t step = Stride != 0 ? Stride : stride;
  uint8_t* left = begin;
  uint8_t* right = scratch;
  const uint8_t* record = begin;
  for (size_t i = 0; i < rows; ++i, record += step) {
    const size_t goes_right = record[feature] > bin;
    // `left` never passes `record`; where they are the same place the copy is onto itself.
    std::memmove(right, record, step);
    std::memmove(left, record, step);
    right += step & (0 - goes_right);
    left += step & (goes_right - 1);
  }
  std::memcpy(left, scratch, static_cast<size_t>(right - scratch));
  return static_cast<size_t>(left - begin) / step;
}

}  // namespace

Grower::Grower(const BinnedRows& binned, const uint8_t* labels, const GrowOptions& options)
    : binned_(binned), labels_(labels), options_(options) {
  for (uint64_t byte = 0; byte < 256; ++byte) {
    const uint64_t weight = byte >> 1;
    addend_[byte] = 1ULL | (weight << (byte & 1 ? 2 * kCountBits : kCountBits));
  }
  weights_.resize(binned.count);
  records_.resize((binned.count + 1) * binned.stride);
  scratch_.resize((binned.count + 1) * binned.stride);
  outside_.resize(binned.count + 1);
  histograms_.resize(static_cast<size_t>(std::max(options.features_per_split, 3)) * kBins);
  order_.resize(binned.width);
}

void Grower::DrawBootstrap(Random* random) {
  const uint32_t count = static_cast<uint32_t>(binned_.count);
  std::fill(weights_.begin(), weights_.end(), uint8_t{0});
  const auto draw = [&](uint32_t word) {
    uint8_t& weight = weights_[Random::Below(word, count)];
    weight = static_cast<uint8_t>(weight + (weight < kCopiesMax));
  };
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    const uint64_t word = random->Next();
    draw(static_cast<uint32_t>(word));
    draw(static_cast<uint32_t>(word >> 32));
  }
  if (count & 1) draw(static_cast<uint32_t>(random->Next() >> 32));
}

// In-bag rows become records that move through the tree as a whole: codes, then weight and label in the spare byte. So
// every pass over a node reads memory in order and gathers nothing. Returns the sum of all cells.
template <size_t Stride>
uint64_t Grower::SplitBag() {
  const size_t step = Stride != 0 ? Stride : binned_.stride;
  const size_t width = binned_.width;
  const uint8_t* source = binned_.codes.data();
  uint8_t* record = records_.data();
  uint32_t* outside = outside_.data();
  uint64_t total = 0;
  for (size_t i = 0; i < binned_.count; ++i, source += step) {
    const uint8_t weight = weights_[i];
    const uint8_t byte = static_cast<uint8_t>(weight << 1 | labels_[i]);
    const size_t inside = weight != 0;
    std::memcpy(record, source, step);
    record[width] = byte;
    total += addend_[byte] & (0 - static_cast<uint64_t>(inside));
    record += step & (0 - inside);
    *outside = static_cast<uint32_t>(i);
    outside += 1 - inside;
  }
  outside_count_ = static_cast<size_t>(outside - outside_.data());
  return total;
}

void Grower::Grow(Random* random, Tree* tree) {
  DrawBootstrap(random);

  const uint64_t total = binned_.stride == 16 ? SplitBag<16>() : SplitBag<0>();

  tree->nodes.assign(1, Node{0, 255, 0});
  tree->probability.assign(1, 0.0);
  tree->importance.assign(binned_.width, 0.0);
  GrowNode(records_.data(), RowsOf(total), total, 0, 0, random, tree);

  double sum = 0;
  for (double value : tree->importance) sum += value;
  if (sum > 0) {
    for (double& value : tree->importance) value /= sum;
  }
}

// Weighted Gini impurity of a cell times its weight: w * (1 - p0^2 - p1^2) = 2 * a * b / w.
double Grower::Impurity(uint64_t cell, double* weight) const {
  const double a = options_.class_weight[0] * Count0(cell);
  const double b = options_.class_weight[1] * Count1(cell);
  *weight = a + b;
  return *weight > 0 ? 2 * a * b / *weight : 0;
}

void Grower::GrowNode(uint8_t* begin, size_t rows, uint64_t total, int depth, uint16_t node, Random* random,
                      Tree* tree) {
  const double a = options_.class_weight[0] * Count0(total);
  const double b = options_.class_weight[1] * Count1(total);
  tree->nodes[node] = Node{0, 255, node};
  tree->probability[node] = a + b > 0 ? b / (a + b) : 0.5;

  const bool pure = !(a > 0) || !(b > 0);
  if (pure || depth >= options_.depth_max || rows < 2 * static_cast<size_t>(options_.leaf_rows_min)) return;
  const Split split = FindSplit(begin, rows, total, random);
  if (split.feature < 0) return;

  const uint64_t right = total - split.left;
  double weight;
  tree->importance[static_cast<size_t>(split.feature)] +=
      Impurity(total, &weight) - Impurity(split.left, &weight) - Impurity(right, &weight);

  const uint16_t left = static_cast<uint16_t>(tree->nodes.size());
  tree->nodes[node] = Node{static_cast<uint8_t>(split.feature), static_cast<uint8_t>(split.bin), left};
  tree->nodes.resize(tree->nodes.size() + 2);
  tree->probability.resize(tree->nodes.size());
  const size_t left_rows = RowsOf(split.left);
  // Children at the last depth are leaves, told by the histogram alone: their rows need not be parted.
  if (depth + 1 < options_.depth_max) Partition(begin, rows, split.feature, split.bin);
  GrowNode(begin, left_rows, split.left, depth + 1, left, random, tree);
  GrowNode(begin + left_rows * binned_.stride, rows - left_rows, right, depth + 1, static_cast<uint16_t>(left + 1),
           random, tree);
}

// Sibling subtraction, the usual saving, does not pay here: siblings draw their features independently, so a parent
// rarely holds the histogram that its child needs.
void Grower::Fill(const uint8_t* begin, size_t rows, const int* features, int feature_count) {
  std::fill_n(histograms_.data(), static_cast<size_t>(feature_count) * kBins, uint64_t{0});
  const size_t stride = binned_.stride;
  const size_t weight_at = binned_.width;
  int done = 0;
  for (; done + 3 <= feature_count; done += 3) {
    uint64_t* target = histograms_.data() + static_cast<size_t>(done) * kBins;
    if (stride == 16) {
      FillThree<16>(begin, rows, stride, weight_at, addend_, features + done, target);
    } else {
      FillThree<0>(begin, rows, stride, weight_at, addend_, features + done, target);
    }
  }
  for (; done < feature_count; ++done) {
    uint64_t* target = histograms_.data() + static_cast<size_t>(done) * kBins;
    const uint8_t* record = begin;
    const size_t feature = static_cast<size_t>(features[done]);
    for (size_t i = 0; i < rows; ++i, record += stride) target[record[feature]] += addend_[record[weight_at]];
  }
}

// With two classes the Gini gain of a cut is, but for a factor that the node fixes,
// (b_left * W - B * w_left)^2 / (w_left * w_right), b the weight of class 1 and w of both: one division a cut.
//
// Three plain loops instead of one clever one: running sums of the occupied bins (a cut after an empty bin parts the rows
// as the one before it does), then gains, which the compiler turns into vector code, then the first largest of them.
bool Grower::Search(const uint64_t* histogram, int feature, uint64_t total, Split* best) const {
  const int bins = static_cast<int>(binned_.thresholds[static_cast<size_t>(feature)].size()) + 1;
  uint64_t sums[kBins];
  uint8_t at[kBins];
  uint64_t sum = 0;
  int occupied = 0;
  for (int bin = 0; bin < bins; ++bin) {
    const uint64_t cell = histogram[bin];
    sum += cell;
    sums[occupied] = sum;
    at[occupied] = static_cast<uint8_t>(bin);
    occupied += cell != 0;
  }
  if (occupied < 2) return false;

  const size_t rows = RowsOf(total);
  const size_t leaf_min = static_cast<size_t>(options_.leaf_rows_min);
  int low = 0;
  while (low < occupied && RowsOf(sums[low]) < leaf_min) ++low;
  int high = occupied;
  while (high > low && rows - RowsOf(sums[high - 1]) < leaf_min) --high;

  const double cw0 = options_.class_weight[0];
  const double cw1 = options_.class_weight[1];
  const double all1 = cw1 * Count1(total);
  const double all = cw0 * Count0(total) + all1;
  double gains[kBins];
  for (int i = low; i < high; ++i) {
    const double left1 = cw1 * Count1(sums[i]);
    const double left = cw0 * Count0(sums[i]) + left1;
    const double distance = left1 * all - all1 * left;
    gains[i] = distance * distance / (left * (all - left));
  }
  for (int i = low; i < high; ++i) {
    if (gains[i] > best->gain) *best = Split{gains[i], feature, at[i], sums[i]};
  }
  return true;
}

Grower::Split Grower::FindSplit(const uint8_t* begin, size_t rows, uint64_t total, Random* random) {
  const int width = static_cast<int>(binned_.width);
  for (int f = 0; f < width; ++f) order_[static_cast<size_t>(f)] = f;
  const auto draw = [&](int at) {
    const int chosen = at + static_cast<int>(random->Below(static_cast<uint32_t>(width - at)));
    std::swap(order_[static_cast<size_t>(at)], order_[static_cast<size_t>(chosen)]);
  };
  Split best{0, -1, 0, 0};
  bool varies = false;
  int drawn = 0;
  // As scikit-learn does: more features are drawn only while all drawn ones are constant in this node.
  while (!varies && drawn < width) {
    const int wanted = drawn == 0 ? std::min(options_.features_per_split, width) : 1;
    for (int k = 0; k < wanted; ++k) draw(drawn + k);
    const int* features = order_.data() + drawn;
    Fill(begin, rows, features, wanted);
    for (int k = 0; k < wanted; ++k) {
      varies |= Search(histograms_.data() + static_cast<size_t>(k) * kBins, features[k], total, &best);
    }
    drawn += wanted;
  }
  return best;
}

size_t Grower::Partition(uint8_t* begin, size_t rows, int feature, int bin) {
  if (binned_.stride == 16) return PartitionRecords<16>(begin, rows, 16, feature, bin, scratch_.data());
  return PartitionRecords<0>(begin, rows, binned_.stride, feature, bin, scratch_.data());
}

}  // namespace forest
