// Measures the error of natural_log against a logarithm of about 113 bits, in units in the last place, over every
// stretch of the number line that matters. Prints the worst; exits 1 at 1 ulp and above, or when a lane type differs.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>

#if defined(__x86_64__)
#include <quadmath.h>
using Wide = __float128;
static Wide reference(double x) { return logq(static_cast<Wide>(x)); }
#else
static_assert(sizeof(long double) == 16, "needs a quadruple-precision long double");
using Wide = long double;
static Wide reference(double x) { return logl(static_cast<Wide>(x)); }
#endif

#include "../features/lanes-scalar.h"
#include "../features/natural-log.h"
#if defined(__AVX2__)
#include "../features/lanes-avx2.h"
using Wide4 = redbutton::features::avx2::Lanes;
#elif defined(__aarch64__)
#include "../features/lanes-neon.h"
using Wide4 = redbutton::features::neon::Lanes;
#else
using Wide4 = redbutton::features::scalar::Lanes;
#endif

namespace f = redbutton::features;

static double log_scalar(double x) { return f::natural_log<f::scalar::Lanes>(x); }

static bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

static bool lanes_agree(double x, double expected) {
  double in[4] = {x, 1.5, x, 0.25}, out[4];
  for (size_t i = 0; i < 4; i += Wide4::width) Wide4::store(out + i, f::natural_log<Wide4>(Wide4::load(in + i)));
  return same_bits(out[0], expected) && same_bits(out[2], expected);
}

/// |computed − exact| in units of the spacing of doubles at the exact value.
static double error_ulp(double x) {
  const Wide exact = reference(x);
  const double rounded = std::fabs(static_cast<double>(exact));
  const double spacing = std::nextafter(rounded, HUGE_VAL) - rounded;
  const Wide difference = static_cast<Wide>(log_scalar(x)) - exact;
  return std::fabs(static_cast<double>(difference / static_cast<Wide>(spacing)));
}

int main(int argc, char** argv) {
  const long long draws = argc > 1 ? std::atoll(argv[1]) : 1000000;
  std::mt19937_64 random(1);
  double worst_of_all = 0;
  bool sound = true;
  const auto measure = [&](const char* name, auto draw) {
    double worst = 0, where = 1;
    for (long long i = 0; i < draws; ++i) {
      const double x = draw();
      const double error = error_ulp(x);
      if (error > worst) worst = error, where = x;
      if (!lanes_agree(x, log_scalar(x))) sound = false, std::printf("lanes differ at %a\n", x);
    }
    std::printf("%-28s worst %.4f ulp at %.17g\n", name, worst, where);
    if (worst > worst_of_all) worst_of_all = worst;
  };
  const auto uniform = [&](double lo, double hi) { return lo + (hi - lo) * (random() >> 11) * 0x1p-53; };

  measure("ratios of closes, 1 ± 1e-3", [&] { return uniform(0.999, 1.001); });
  measure("next to 1", [&] { return 1 + (static_cast<double>(random() % 2048) - 1024) * 0x1p-52; });
  measure("0.5 to 2", [&] { return uniform(0.5, 2); });
  measure("round the reduction's seams", [&] { return uniform(0.70, 0.72) * (random() % 2 ? 1 : 2); });
  measure("every positive normal", [&] {
    for (;;) {
      const uint64_t bits = random() >> 1;
      double x;
      std::memcpy(&x, &bits, sizeof x);
      if (std::isnormal(x)) return x;
    }
  });
  measure("subnormal", [&] {
    const uint64_t bits = (random() >> 12) | 1;
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  });

  for (double x : {0.0, -0.0, -1.0, -5e-324, HUGE_VAL, -HUGE_VAL, std::nan("")})
    if (!std::isnan(log_scalar(x)) || !lanes_agree(x, f::kNoValue)) sound = false, std::printf("a value at %g\n", x);
  if (!same_bits(log_scalar(1.0), 0.0)) sound = false, std::printf("log 1 is not 0\n");
  std::printf("worst of all %.4f ulp\n", worst_of_all);
  return sound && worst_of_all < 1 ? 0 : 1;
}
