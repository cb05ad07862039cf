#include "forest.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "random.h"
#include "tree.h"

namespace forest {

namespace {

constexpr uint64_t kUnit = 1u << 24;

// What a leaf adds to the forest's answer, in units of 2^-24, for a tree with that vote.
uint32_t ShareOf(double probability, uint32_t vote) {
  return static_cast<uint32_t>(std::floor(probability * vote + 0.5));
}

// What one thread gathers; merged afterwards by integer sums, which do not depend on the order.
struct Tally {
  std::vector<uint32_t> ups;
  std::vector<uint32_t> votes;
};

void AddOutOfBag(const BinnedRows& binned, const Tree& tree, const std::vector<uint32_t>& shares, uint32_t vote,
                 int depth, const Grower& grower, Tally* tally) {
  const Node* nodes = tree.nodes.data();
  const uint8_t* codes = binned.codes.data();
  for (size_t i = 0; i < grower.outside_count(); ++i) {
    const uint32_t row = grower.outside()[i];
    const uint8_t* code = codes + static_cast<size_t>(row) * binned.stride;
    uint32_t at = 0;
    for (int level = 0; level < depth; ++level) {
      const Node node = nodes[at];
      at = static_cast<uint32_t>(node.left) + (code[node.feature] > node.bin);
    }
    tally->ups[row] += shares[at];
    tally->votes[row] += vote;
  }
}

void Flatten(const BinnedRows& binned, const std::vector<Tree>& trees, Forest* out) {
  out->tree_start.assign(1, 0);
  for (size_t t = 0; t < trees.size(); ++t) {
    const Tree& tree = trees[t];
    const uint32_t vote = VoteOf(static_cast<int>(t), static_cast<int>(trees.size()));
    for (size_t n = 0; n < tree.nodes.size(); ++n) {
      const Node& node = tree.nodes[n];
      const bool leaf = node.left == n;
      out->feature.push_back(leaf ? int16_t{-1} : static_cast<int16_t>(node.feature));
      out->threshold.push_back(leaf ? 0.0f : binned.thresholds[node.feature][node.bin]);
      out->left.push_back(leaf ? uint16_t{0} : node.left);
      const uint32_t share = leaf ? ShareOf(tree.probability[n], vote) : 0;
      out->weight.push_back(static_cast<float>(share) / static_cast<float>(kUnit));
    }
    out->tree_start.push_back(static_cast<int32_t>(out->feature.size()));
  }
}

Status Check(const uint8_t* labels, size_t count, size_t width, const TrainOptions& options, size_t* ups) {
  if (options.trees < 1 || options.trees > kTreesMax || options.depth_max < 1 || options.depth_max > kDepthMax ||
      options.leaf_rows_min < 1 || options.bins_max < 2 || options.bins_max > 256 || options.threads < 1 ||
      options.features_per_split < 0 || width < 1 || width > kWidthMax ||
      options.features_per_split > static_cast<int>(width)) {
    return Status::kBadOption;
  }
  if (count > kRowsMax) return Status::kTooManyRows;
  if (count < 2) return Status::kTooFewRows;
  *ups = 0;
  for (size_t i = 0; i < count; ++i) *ups += labels[i] != 0;
  return *ups == 0 || *ups == count ? Status::kOneClass : Status::kOk;
}

}  // namespace

uint32_t VoteOf(int tree, int trees) {
  const uint64_t t = static_cast<uint64_t>(tree);
  const uint64_t all = static_cast<uint64_t>(trees);
  return static_cast<uint32_t>(kUnit * (t + 1) / all - kUnit * t / all);
}

Status Train(const double* rows, const uint8_t* labels, size_t count, size_t width, const TrainOptions& options,
             const std::function<void(int)>& on_tree, const std::function<bool()>& canceled, TrainResult* result,
             Place* place) {
  size_t ups = 0;
  const Status checked = Check(labels, count, width, options, &ups);
  if (checked != Status::kOk) return checked;

  // Before the scaling, which one bad value would spoil for its whole column.
  for (size_t i = 0; i < count * width; ++i) {
    if (!std::isfinite(static_cast<float>(rows[i]))) {
      *place = Place{i / width, i % width};
      return Status::kNotFinite;
    }
  }

  result->forest = Forest{};
  result->forest.width = width;
  result->forest.scaling = FitScaling(rows, count, width);
  BinnedRows binned;
  if (!BinRows(rows, count, width, result->forest.scaling, options.bins_max, options.threads, &binned, &place->row,
               &place->column)) {
    return Status::kNotFinite;
  }
  std::vector<uint8_t> classes(count);
  for (size_t i = 0; i < count; ++i) classes[i] = labels[i] != 0;

  GrowOptions grow;
  grow.depth_max = options.depth_max;
  grow.leaf_rows_min = options.leaf_rows_min;
  grow.features_per_split = options.features_per_split > 0
                                ? options.features_per_split
                                : std::max(1, static_cast<int>(std::sqrt(static_cast<double>(width))));
  // Balanced: each class weighs by the other's count. That is n / (2 n_k) but for a common factor, which no split and no
  // leaf depends on, and it is a whole number, so that weights sum without rounding and equal gains stay equal.
  grow.class_weight[0] = static_cast<double>(ups);
  grow.class_weight[1] = static_cast<double>(count - ups);

  std::vector<Tree> trees(static_cast<size_t>(options.trees));
  const int threads = std::min(options.threads, options.trees);
  std::vector<Tally> tallies(static_cast<size_t>(threads));
  std::atomic<int> next{0};
  std::atomic<int> done{0};
  std::atomic<bool> stop{false};
  const auto work = [&](int thread) {
    Tally& tally = tallies[static_cast<size_t>(thread)];
    tally.ups.assign(count, 0);
    tally.votes.assign(count, 0);
    Grower grower(binned, classes.data(), grow);
    std::vector<uint32_t> shares;
    for (int t = next.fetch_add(1); t < options.trees; t = next.fetch_add(1)) {
      if (stop.load(std::memory_order_relaxed) || canceled()) {
        stop.store(true, std::memory_order_relaxed);
        return;
      }
      Tree& tree = trees[static_cast<size_t>(t)];
      Random random(options.seed, static_cast<uint64_t>(t));
      grower.Grow(&random, &tree);
      const uint32_t vote = VoteOf(t, options.trees);
      shares.clear();
      for (double probability : tree.probability) shares.push_back(ShareOf(probability, vote));
      AddOutOfBag(binned, tree, shares, vote, options.depth_max, grower, &tally);
      on_tree(done.fetch_add(1) + 1);
    }
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(work, t);
  work(0);
  for (std::thread& helper : helpers) helper.join();
  if (stop.load()) return Status::kCanceled;

  result->out_of_bag.assign(count, std::numeric_limits<double>::quiet_NaN());
  for (size_t i = 0; i < count; ++i) {
    uint64_t ups = 0;
    uint64_t votes = 0;
    for (const Tally& tally : tallies) {
      ups += tally.ups[i];
      votes += tally.votes[i];
    }
    if (votes > 0) result->out_of_bag[i] = static_cast<double>(ups) / static_cast<double>(votes);
  }

  result->importance.assign(width, 0.0);
  double importance_sum = 0;
  for (const Tree& tree : trees) {
    for (size_t f = 0; f < width; ++f) {
      result->importance[f] += tree.importance[f];
      importance_sum += tree.importance[f];
    }
  }
  if (importance_sum > 0) {
    for (double& value : result->importance) value /= importance_sum;
  }
  Flatten(binned, trees, &result->forest);
  return Status::kOk;
}

void Predict(const Forest& forest, const double* rows, size_t count, double* out) {
  std::vector<float> scaled(forest.width);
  const size_t trees = forest.tree_start.size() - 1;
  for (size_t i = 0; i < count; ++i) {
    for (size_t f = 0; f < forest.width; ++f) {
      scaled[f] = ScaleValue(rows[i * forest.width + f], forest.scaling.mean[f], forest.scaling.std[f]);
    }
    float sum = 0;
    for (size_t t = 0; t < trees; ++t) {
      const size_t start = static_cast<size_t>(forest.tree_start[t]);
      size_t at = start;
      while (forest.feature[at] >= 0) {
        // "Not at or below" sends a NaN to the right, as the exported graph does.
        const bool right = !(scaled[static_cast<size_t>(forest.feature[at])] <= forest.threshold[at]);
        at = start + forest.left[at] + right;
      }
      sum += forest.weight[at];
    }
    out[i] = static_cast<double>(sum);
  }
}

bool WellFormed(const Forest& forest) {
  const size_t nodes = forest.feature.size();
  if (forest.width < 1 || forest.width > kWidthMax || forest.scaling.mean.size() != forest.width ||
      forest.scaling.std.size() != forest.width || forest.threshold.size() != nodes || forest.left.size() != nodes ||
      forest.weight.size() != nodes || forest.tree_start.size() < 2 || forest.tree_start.front() != 0 ||
      static_cast<size_t>(forest.tree_start.back()) != nodes) {
    return false;
  }
  for (size_t t = 0; t + 1 < forest.tree_start.size(); ++t) {
    const int64_t start = forest.tree_start[t];
    const int64_t end = forest.tree_start[t + 1];
    if (start < 0 || end <= start || static_cast<size_t>(end) > nodes) return false;
    for (int64_t n = start; n < end; ++n) {
      const int16_t feature = forest.feature[static_cast<size_t>(n)];
      if (feature < 0) continue;
      const int64_t left = start + forest.left[static_cast<size_t>(n)];
      // Children stand after their parent, so a walk only goes forward and ends.
      if (static_cast<size_t>(feature) >= forest.width || left <= n || left + 1 >= end) return false;
    }
  }
  return true;
}

}  // namespace forest
