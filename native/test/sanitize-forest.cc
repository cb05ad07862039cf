// Trains forests on hostile rows, for the sanitizers, and prints one hash of all results, for comparing machines.
// Usage: sanitize-forest [ROUNDS]
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "../forest/forest.h"
#include "../forest/random.h"

namespace {

using forest::Forest;
using forest::Place;
using forest::Random;
using forest::Status;
using forest::TrainOptions;
using forest::TrainResult;

void Fail(const char* what, int round) {
  std::fprintf(stderr, "sanitize-forest: round %d: %s\n", round, what);
  std::exit(1);
}

class Hash {
 public:
  template <typename T>
  void Add(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (size_t i = 0; i < values.size() * sizeof(T); ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3ULL;
  }
  void Add(const TrainResult& result) {
    Add(result.forest.scaling.mean);
    Add(result.forest.scaling.std);
    Add(result.forest.tree_start);
    Add(result.forest.feature);
    Add(result.forest.threshold);
    Add(result.forest.left);
    Add(result.forest.weight);
    Add(result.importance);
    for (double p : result.out_of_bag) {
      // The bits of a missing value differ between machines; that it is missing does not.
      Add(std::vector<double>{std::isnan(p) ? -1.0 : p});
    }
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325ULL;
};

double Value(Random* random, int kind) {
  const double uniform = static_cast<double>(random->Next() >> 11) / 9007199254740992.0;
  const double odd[] = {0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e30, -1e30, 1e-30, 1.0, -1.0, 3.4e37};
  switch (kind) {
    case 0:
      return uniform * 200 - 100;
    case 1:
      return std::floor(uniform * 5);
    case 2:
      return odd[random->Below(sizeof odd / sizeof odd[0])];
    case 3:
      return 42.5;
    default:
      return uniform < 0.5 ? uniform : odd[random->Below(sizeof odd / sizeof odd[0])];
  }
}

bool Never() { return false; }
void Ignore(int) {}

// A heap copy of exactly the needed size, so that a read beyond the end is seen.
template <typename T>
std::unique_ptr<T[]> Exact(const std::vector<T>& values) {
  std::unique_ptr<T[]> copy(new T[values.size()]);
  std::memcpy(copy.get(), values.data(), values.size() * sizeof(T));
  return copy;
}

void Round(int round, Hash* hash) {
  Random random(1234, static_cast<uint64_t>(round));
  const size_t widths[] = {1, 2, 7, 8, 9, 15, 16, 40, 255};
  const size_t width = widths[random.Below(9)];
  const size_t count = 2 + random.Below(round % 10 == 0 ? 3000 : 200);
  std::vector<double> rows(count * width);
  std::vector<int> kinds(width);
  for (int& kind : kinds) kind = static_cast<int>(random.Below(5));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = Value(&random, kinds[i % width]);
  std::vector<uint8_t> labels(count);
  for (uint8_t& label : labels) label = static_cast<uint8_t>(random.Below(2));
  labels[0] = 0;
  labels[1] = 1;

  TrainOptions options;
  options.trees = 1 + static_cast<int>(random.Below(12));
  options.depth_max = 1 + static_cast<int>(random.Below(15));
  options.leaf_rows_min = 1 + static_cast<int>(random.Below(25));
  options.features_per_split = static_cast<int>(random.Below(static_cast<uint32_t>(width + 1)));
  options.bins_max = 2 + static_cast<int>(random.Below(255));
  options.seed = random.Next();
  options.threads = 1;

  const auto exact_rows = Exact(rows);
  const auto exact_labels = Exact(labels);
  TrainResult result;
  Place place;
  const Status status =
      forest::Train(exact_rows.get(), exact_labels.get(), count, width, options, Ignore, Never, &result, &place);
  if (status != Status::kOk) Fail("sound rows were refused", round);
  if (!forest::WellFormed(result.forest)) Fail("the forest is not well-formed", round);
  hash->Add(result);

  TrainResult threaded;
  options.threads = 3;
  if (forest::Train(exact_rows.get(), exact_labels.get(), count, width, options, Ignore, Never, &threaded, &place) !=
      Status::kOk) {
    Fail("sound rows were refused by threads", round);
  }
  Hash one;
  Hash three;
  one.Add(result);
  three.Add(threaded);
  if (one.value() != three.value()) Fail("threads change the forest", round);

  for (double p : result.out_of_bag) {
    if (!std::isnan(p) && !(p >= 0 && p <= 1)) Fail("an out-of-bag answer is no probability", round);
  }
  // Any row at all must find a leaf.
  rows[random.Below(static_cast<uint32_t>(rows.size()))] = std::numeric_limits<double>::quiet_NaN();
  rows[random.Below(static_cast<uint32_t>(rows.size()))] = std::numeric_limits<double>::infinity();
  rows[random.Below(static_cast<uint32_t>(rows.size()))] = -1e308;
  std::vector<double> answers(count);
  forest::Predict(result.forest, Exact(rows).get(), count, answers.data());
  for (double p : answers) {
    if (!(p >= 0 && p <= 1)) Fail("an answer is no probability", round);
  }
  hash->Add(answers);
}

void Refusals() {
  std::vector<double> rows(40, 1.0);
  std::vector<uint8_t> labels(20, 1);
  TrainOptions options;
  options.threads = 2;
  options.trees = 50;
  TrainResult result;
  Place place;
  const auto train = [&](const std::function<bool()>& canceled) {
    return forest::Train(rows.data(), labels.data(), 20, 2, options, Ignore, canceled, &result, &place);
  };
  if (train(Never) != Status::kOneClass) Fail("one class was taken", -1);
  labels[3] = 0;
  int asked = 0;
  options.threads = 1;
  if (train([&] { return ++asked > 7; }) != Status::kCanceled) Fail("cancellation was ignored", -1);
  rows[17] = std::numeric_limits<double>::quiet_NaN();
  if (train(Never) != Status::kNotFinite || place.row != 8 || place.column != 1) Fail("a NaN was taken, or misplaced", -1);
  rows[17] = 1e39;
  if (train(Never) != Status::kNotFinite) Fail("a value beyond single precision was taken", -1);
  options.depth_max = 99;
  if (train(Never) != Status::kBadOption) Fail("a bad option was taken", -1);

  Forest broken;
  if (forest::WellFormed(broken)) Fail("an empty forest passed", -1);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  Hash hash;
  for (int round = 0; round < rounds; ++round) Round(round, &hash);
  Refusals();
  std::printf("forest %d rounds %016llx\n", rounds, static_cast<unsigned long long>(hash.value()));
  return 0;
}
