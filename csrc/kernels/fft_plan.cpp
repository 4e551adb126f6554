#include "fft_plan.hpp"

#include <bit>
#include <cmath>
#include <numbers>

namespace gradax {
namespace {

std::vector<int> factor(int64_t n) {
  std::vector<int> radices;
  for (int radix : {4, 2, 3, 5})
    for (; n % radix == 0; n /= radix) radices.push_back(radix);
  for (int radix = 7; n > 1; radix += 2)
    for (; n % radix == 0; n /= radix) radices.push_back(radix);
  return radices;
}

int64_t split_point(int64_t n) {
  auto d = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  while (d > 1 && n % d != 0) --d;
  return d;
}

}  // namespace

bool is_smooth(int64_t n) {
  for (int64_t radix = 2; radix <= largest_radix; ++radix)
    while (n % radix == 0) n /= radix;
  return n == 1;
}

std::complex<double> root_of_unity(int64_t j, int64_t n) {
  j %= n;
  // Reduced to an eighth of the circle, where sine and cosine lose nothing.
  const bool is_lower = 2 * j > n;
  if (is_lower) j = n - j;
  const bool is_left = 4 * j > n;
  const int64_t k = is_left ? n - 2 * j : 2 * j;  // the angle to the real axis is pi k / n
  const bool is_steep = 4 * k > n;
  const double angle =
      is_steep ? std::numbers::pi * static_cast<double>(n - 2 * k) / static_cast<double>(2 * n)
               : std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  const double cosine = is_steep ? std::sin(angle) : std::cos(angle);
  const double sine = is_steep ? std::cos(angle) : std::sin(angle);
  return {is_left ? -cosine : cosine, is_lower ? sine : -sine};
}

template <class R>
DirectPlan<R>::DirectPlan(int64_t length) : n(length), radices(factor(length)) {
  int64_t rest = n;
  for (int radix : radices) {
    const int64_t m = rest / radix;
    for (int64_t p = 0; p < m; ++p) {
      for (int64_t k = 1; k < radix; ++k) {
        const auto root = root_of_unity(p * k, rest);
        twiddles.push_back(static_cast<R>(root.real()));
        twiddles.push_back(static_cast<R>(root.imag()));
      }
    }
    rest = m;
    for (int64_t j = 0; radix > 5 && j < radix; ++j) {
      const auto root = root_of_unity(j, radix);
      roots.push_back(static_cast<R>(root.real()));
      roots.push_back(static_cast<R>(root.imag()));
    }
  }
}

SplitPlan::SplitPlan(int64_t length) : n(length), n1(split_point(length)), n2(length / n1) {
  for (int64_t j = 0; j <= n >> 10; ++j) coarse.push_back(root_of_unity(j << 10, n));
  for (int64_t j = 0; j < 1024; ++j) fine.push_back(root_of_unity(j, n));
}

template <class R>
ChirpPlan<R>::ChirpPlan(int64_t length)
    : n(length), m(static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * length - 1)))) {
  kernel.resize(m);
  spectrum.resize(m);
  for (int64_t j = 0; j < n; ++j) {
    // j^2 modulo 2 n, without overflow for any length that fits memory.
    const auto square = static_cast<int64_t>(static_cast<unsigned __int128>(j) * j % (2 * n));
    const std::complex<R> root(root_of_unity(square, 2 * n));
    chirp.push_back(root);
    kernel[j] = std::conj(root);
    if (j > 0) kernel[m - j] = std::conj(root);
  }
}

template <class R>
RealPlan<R>::RealPlan(int64_t n) {
  for (int64_t k = 0; k <= n / 4 + 1; ++k) roots.emplace_back(root_of_unity(k, n));
}

template struct DirectPlan<float>;
template struct DirectPlan<double>;
template struct ChirpPlan<float>;
template struct ChirpPlan<double>;
template struct RealPlan<float>;
template struct RealPlan<double>;

}  // namespace gradax
