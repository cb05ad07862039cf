// Sum and sum of squared deviations of a window, by pairwise combination (Chan, Golub, LeVeque 1983): two blocks of equal
// length n combine to S = Sa + Sb, M = Ma + Mb + (Sa − Sb)²/(2n). It is as exact as the two-pass formula and has two
// virtues here. The expression is a fixed tree over the window alone, yet neighbouring rows share its branches, so a
// window of 20 costs a handful of operations and nothing is ever carried from row to row. And a window of equal
// values has M = 0 exactly, since every difference in the tree is 0.
#pragma once
#include <cstddef>

namespace redbutton::features {

template <class L>
struct Spread {
  typename L::V sum;      ///< Σx
  typename L::V squares;  ///< Σ(x − mean)²
};

/// Blocks of 2 beginning at x.
template <class L>
inline Spread<L> spread2(const double* x) {
  const auto a = L::load(x), b = L::load(x + 1);
  const auto d = a - b;
  return {a + b, L::all(0.5) * (d * d)};
}

/// Two blocks of equal length; `half_inverse` is 1/(2n), a power of two.
template <class L>
inline Spread<L> combine(Spread<L> a, Spread<L> b, double half_inverse) {
  const auto d = a.sum - b.sum;
  return {a.sum + b.sum, a.squares + b.squares + L::all(half_inverse) * (d * d)};
}

/// Spreads of every block of 4 in a tile: element i covers x[i..i+3].
struct Blocks {
  double* sum;
  double* squares;

  template <class L>
  Spread<L> at(size_t i) const {
    return {L::load(sum + i), L::load(squares + i)};
  }
  template <class L>
  void put(size_t i, Spread<L> s) const {
    L::store(sum + i, s.sum);
    L::store(squares + i, s.squares);
  }
};

/// Distance of the blocks that a pass computes. Rows side by side need every block; a single row only each `apart`-th.
template <class L>
inline size_t step(size_t rows, size_t apart) {
  return rows == 1 && apart > L::width ? apart : L::width;
}

/// The blocks that windows need which begin at x[0] .. x[rows − 1] and are `window` long.
template <class L>
inline void blocks_of_4(const double* x, size_t rows, size_t window, Blocks out) {
  const size_t by = step<L>(rows, 4);
  for (size_t i = 0; i + 4 < rows + window; i += by)
    out.put<L>(i, combine<L>(spread2<L>(x + i), spread2<L>(x + i + 2), 0.25));
}

/// The same in blocks of 8, for windows of 20.
template <class L>
inline void blocks_of_8(Blocks four, size_t rows, Blocks out) {
  const size_t by = step<L>(rows, 8);
  for (size_t i = 0; i < rows + 8; i += by)
    out.put<L>(i, combine<L>(four.at<L>(i), four.at<L>(i + 4), 0.125));
}

/// Window of 20 beginning at element i: 16 + 4, with n·m/(n + m) = 16·4/20.
template <class L>
inline Spread<L> spread20(Blocks four, Blocks eight, size_t i) {
  const Spread<L> a = combine<L>(eight.at<L>(i), eight.at<L>(i + 8), 0.0625);
  const Spread<L> b = four.at<L>(i + 16);
  const auto d = L::all(0.0625) * a.sum - L::all(0.25) * b.sum;
  return {a.sum + b.sum, a.squares + b.squares + L::all(3.2) * (d * d)};
}

/// Window of 10 beginning at element i: 8 + 2, with 8·2/10. `x` is what the blocks were made of.
template <class L>
inline Spread<L> spread10(const double* x, Blocks four, size_t i) {
  const Spread<L> a = combine<L>(four.at<L>(i), four.at<L>(i + 4), 0.125);
  const Spread<L> b = spread2<L>(x + i + 8);
  const auto d = L::all(0.125) * a.sum - L::all(0.5) * b.sum;
  return {a.sum + b.sum, a.squares + b.squares + L::all(1.6) * (d * d)};
}

}  // namespace redbutton::features
