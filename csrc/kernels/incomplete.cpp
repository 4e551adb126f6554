// Incomplete gamma and beta functions: power series, continued fractions, and for large shapes,
// where those take too many steps, Gauss-Legendre quadrature of the density about its mode.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "special.hpp"

namespace gradax::special {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = 3.14159265358979323846;
constexpr double large_shape = 1000;
constexpr int most_steps = 20000;
constexpr double epsilon = 1e-17;

double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);  // lgamma writes a global
}

// log(1 + u) - u without the cancellation at small u.
double log1p_less(double u) {
  if (std::fabs(u) > 0.2) return std::log1p(u) - u;
  const double s = u / (2 + u), z = s * s;
  double tail = 0;
  for (int k = 12; k >= 1; --k) tail = tail * z + 2.0 / (2 * k + 1);
  return s * z * tail - s * u;
}

// log gamma(a + 1) - (a log a - a + log(2 pi a) / 2), for a not small.
double stirling_rest(double a) {
  const double y = 1 / (a * a);
  return (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / a;
}

// x^a e^-x / gamma(a + 1).
double power_factor(double a, double x) {
  if (a < 10) return std::exp(a * std::log(x) - x - log_gamma(a + 1));
  const double spread = a * log1p_less((x - a) / a);
  return std::exp(spread - stirling_rest(a)) / std::sqrt(2 * pi * a);
}

struct Pair {
  double value, slope;  // a quantity and its derivative with respect to a
};

// The sum of x^n / ((a + 1) … (a + n)).
Pair power_series(double a, double x) {
  double term = 1, dterm = 0, total = 1, slope = 0;
  for (int n = 1; n < most_steps; ++n) {
    const double ratio = x / (a + n);
    dterm = ratio * (dterm - term / (a + n));
    term *= ratio;
    total += term;
    slope += dterm;
    if (term < epsilon * total && std::fabs(dterm) <= epsilon * std::fabs(slope)) break;
  }
  return {total, slope};
}

// gamma(a, x) / (x^a e^-x), by Lentz's evaluation of its continued fraction.
Pair upper_fraction(double a, double x) {
  double b = x + 1 - a, db = -1;
  const double tiny = 1e-300;
  double c = 1 / tiny, dc = 0;
  double d = 1 / b, dd = -db * d * d;
  double h = d, dh = dd;
  for (int n = 1; n < most_steps; ++n) {
    const double top = -n * (n - a), dtop = n;
    b += 2;
    const double below = top * d + b, dbelow = dtop * d + top * dd + db;
    d = 1 / (std::fabs(below) < tiny ? tiny : below);
    dd = -dbelow * d * d;
    const double next = b + top / c;
    dc = db + dtop / c - top * dc / (c * c);
    c = std::fabs(next) < tiny ? tiny : next;
    const double step = d * c, dstep = dd * c + d * dc;
    dh = dh * step + h * dstep;
    h *= step;
    if (std::fabs(step - 1) < 1e-16 && std::fabs(dstep) < 1e-16 * std::fabs(dh / h)) break;
  }
  return {h, dh};
}

constexpr int n_nodes = 48;

struct Quadrature {
  std::array<double, n_nodes> node, weight;  // on 0 … 1
  Quadrature() {
    for (int i = 0; i < n_nodes; ++i) {
      double x = std::cos(pi * (i + 0.75) / (n_nodes + 0.5)), slope = 1;
      for (int round = 0; round < 20; ++round) {
        double p = 1, before = 0;
        for (int k = 1; k <= n_nodes; ++k) {
          const double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
          before = p;
          p = next;
        }
        slope = n_nodes * (x * p - before) / (x * x - 1);
        x -= p / slope;
      }
      node[i] = (1 + x) / 2;
      weight[i] = 1 / ((1 - x * x) * slope * slope);
    }
  }
};

struct Tail {
  double mass, slope;  // the integrals of the density and of its derivative with respect to a
  bool upper;          // from x on; otherwise up to x
};

// Integrates the density over the shorter side of x, relative to the density at x.
Tail relative_tail(double a, double x) {
  static const Quadrature rule;
  const bool upper = x > a;
  const double reach = 14 * std::sqrt(a) + 50;
  const double end = upper ? x + reach : std::max(0.0, x - reach);
  // log t - digamma(a), with digamma(a) = log a - 1/(2a) - 1/(12 a^2) + …
  const double shift = 1 / (2 * a) + 1 / (12 * a * a) - 1 / (120 * a * a * a * a);
  const auto exponent = [a](double t) { return (a - 1) * std::log(t) - t; };
  double mass = 0, slope = 0;
  for (int panel = 0; panel < 2; ++panel) {
    const double from = x + (end - x) * 0.5 * panel, width = (end - x) * 0.5;
    for (int i = 0; i < n_nodes; ++i) {
      const double t = from + width * rule.node[i], u = (t - x) / x;
      if (t <= 0) continue;
      const double spread = std::fabs(u) < 0.5 ? (a - 1) * log1p_less(u) + ((a - 1) - x) * u
                                               : exponent(t) - exponent(x);
      const double density = std::exp(spread) * rule.weight[i] * std::fabs(width);
      mass += density;
      slope += density * (std::log1p((t - a) / a) + shift);
    }
  }
  return {mass, slope, upper};
}

double density(double a, double x) { return power_factor(a, x) * a / x; }

bool is_invalid(double a, double x) {
  return std::isnan(a) || std::isnan(x) || a < 0 || x < 0 || (a == 0 && x == 0);
}

// P or Q, whichever is the smaller; `upper` tells which.
double smaller_part(double a, double x, bool& upper) {
  if (a > large_shape) {
    const Tail tail = relative_tail(a, x);
    upper = tail.upper;
    return std::min(1.0, tail.mass * density(a, x));
  }
  upper = x > 1 && x > a;
  if (upper) return power_factor(a, x) * a * upper_fraction(a, x).value;
  return power_factor(a, x) * power_series(a, x).value;
}

double incomplete(double a, double x, bool wants_upper) {
  if (is_invalid(a, x)) return nan;
  if (x == 0 || a == inf) return wants_upper ? 1 : 0;
  if (a == 0 || x == inf) return wants_upper ? 0 : 1;
  bool upper = false;
  const double part = smaller_part(a, x, upper);
  return upper == wants_upper ? part : 1 - part;
}

// (dP/da) / (dP/dx).
double slope_ratio(double a, double x) {
  if (a > large_shape) {
    const Tail tail = relative_tail(a, x);
    return tail.upper ? -tail.slope : tail.slope;
  }
  const double log_x = std::log(x);
  if (x > 1 && x > a) {
    const Pair f = upper_fraction(a, x);
    return -x * (f.value * (log_x - digamma(a)) + f.slope);
  }
  const Pair s = power_series(a, x);
  return (s.value * (log_x - digamma(a + 1)) + s.slope) * x / a;
}

// The continued fraction of the incomplete beta function.
double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  const auto guarded = [tiny](double v) { return std::fabs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), h = d;
  for (int m = 1; m < most_steps; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    const double step = d * c;
    h *= step;
    if (std::fabs(step - 1) < 1e-16) break;
  }
  return h;
}

}  // namespace

double igamma(double a, double x) { return incomplete(a, x, false); }

double igammac(double a, double x) { return incomplete(a, x, true); }

double igamma_slope(double a, double x) {
  if (is_invalid(a, x) || a == 0) return nan;
  if (x == 0 || x == inf || a == inf) return 0;
  return slope_ratio(a, x) * density(a, x);
}

double gamma_sample_slope(double a, double x) {
  if (is_invalid(a, x) || a == 0) return nan;
  return x == 0 ? 0 : -slope_ratio(a, x);
}

double betainc(double a, double b, double x) {
  if (std::isnan(a) || std::isnan(b) || std::isnan(x)) return nan;
  if (a < 0 || b < 0 || x < 0 || x > 1 || (a == 0 && b == 0)) return nan;
  if (x == 0 || x == 1) return x;
  if (a == 0 || b == 0) return a == 0 ? 1 : 0;
  if (std::isinf(a) || std::isinf(b)) return std::isinf(a) && std::isinf(b) ? nan : std::isinf(b);
  const double log_front =
      log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace gradax::special
