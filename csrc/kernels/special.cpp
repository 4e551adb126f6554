#include "special.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "dtype_codes.hpp"
#include "kernels.hpp"
#include "parallel.hpp"

namespace gradax {
namespace special {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = 3.14159265358979323846;

// B(2k) / (2k)! for k = 1 …: the terms of the Euler-Maclaurin formula.
constexpr std::array<double, 12> bernoulli = {
    1.0 / 12,
    -1.0 / 720,
    1.0 / 30240,
    -1.0 / 1209600,
    1.0 / 47900160,
    -691.0 / 1307674368000.0,
    1.0 / 74724249600.0,
    -3617.0 / 10670622842880000.0,
    43867.0 / 5109094217170944000.0,
    -174611.0 / 802857662698291200000.0,
    77683.0 / 14101100039391805440000.0,
    -236364091.0 / 1693824136731743669452800000.0,
};

}  // namespace

double digamma(double x) {
  if (std::isnan(x) || x == -inf || x == 0) return nan;
  double reflected = 0;
  if (x < 0) {
    const double rest = x - std::nearbyint(x);
    if (rest == 0) return nan;
    reflected = -pi / std::tan(pi * rest);
    x = 1 - x;
  }
  double sum = 0;
  for (; x < 12; x += 1) sum += 1 / x;
  const double y = 1 / (x * x);
  const double tail =
      y *
      (1.0 / 12 -
       y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760))))));
  return std::log(x) - 0.5 / x - tail - sum + reflected;
}

double zeta(double s, double q) {
  if (std::isnan(s) || std::isnan(q) || s < 1) return nan;
  if (s == 1) return inf;
  if (q <= 0) {
    if (q == std::floor(q)) return inf;
    if (s != std::floor(s)) return nan;  // a power of a negative number
  }
  if (q > 1e8) return (1 / (s - 1) + 1 / (2 * q)) * std::pow(q, 1 - s);
  double sum = 0, a = q;
  // The formula below converges once a is large beside s; before that the terms are summed.
  for (int steps = 0; a < 10 + s / 2 && steps < 100000; ++steps, a += 1) {
    const double term = std::pow(a, -s);
    sum += term;
    if (a > 1 && term < 1e-17 * std::fabs(sum)) return sum;
  }
  const double power = std::pow(a, -s);
  sum += power * a / (s - 1) + 0.5 * power;
  double factor = s * power / a;
  for (size_t k = 0; k < bernoulli.size(); ++k) {
    const double term = bernoulli[k] * factor;
    sum += term;
    if (std::fabs(term) < 1e-17 * std::fabs(sum)) break;
    const double next = s + 2.0 * static_cast<double>(k);
    factor *= (next + 1) * (next + 2) / (a * a);
  }
  return sum;
}

double polygamma(double m, double x) {
  if (!(m >= 0) || m != std::floor(m)) return nan;
  if (m == 0) return digamma(x);
  const double sign = std::fmod(m, 2) == 0 ? -1 : 1;
  return sign * std::tgamma(m + 1) * zeta(m + 1, x);
}

}  // namespace special

namespace {

using Two = double (*)(double, double);
// In the order of the codes that gradax/lax/gamma.py and incomplete.py give; 6 is betainc.
constexpr Two functions[] = {
    special::polygamma, special::zeta,         special::igamma,
    special::igammac,   special::igamma_slope, special::gamma_sample_slope,
};
constexpr int64_t grain = 256;

template <class T>
void apply_special(CallContext* ctx, void* const* ins, void* out, int64_t code, int64_t n) {
  const T* x = static_cast<const T*>(ins[0]);
  const T* y = static_cast<const T*>(ins[1]);
  T* result = static_cast<T*>(out);
  parallel_for(ctx, n, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const double value = code == 6
                               ? special::betainc(x[i], y[i], static_cast<const T*>(ins[2])[i])
                               : functions[code](x[i], y[i]);
      result[i] = static_cast<T>(value);
    }
  });
}

}  // namespace
}  // namespace gradax

GX_KERNEL(special) {
  using namespace gradax;
  const bool is_double = static_cast<Dtype>(params[1]) == Dtype::F64;
  if (is_double)
    apply_special<double>(ctx, ins, outs[0], params[0], params[2]);
  else
    apply_special<float>(ctx, ins, outs[0], params[0], params[2]);
}
