// What transforms of one length share: factors, roots of unity, chirps. Plans are kept for ever.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace gradax {

// The largest prime factor that passes handle themselves, and the longest length in one buffer.
inline constexpr int64_t largest_radix = 61, longest_direct = 4096;

// exp(-2 pi i j / n), correctly rounded but for the last bit.
std::complex<double> root_of_unity(int64_t j, int64_t n);

// A transform by Stockham passes. Pass with radix r, after s points were combined, has
// m = n / (r s) groups of r - 1 twiddles: real and imaginary parts in turn.
template <class R>
struct DirectPlan {
  int64_t n;
  std::vector<int> radices;
  std::vector<R> twiddles;
  std::vector<R> roots;  // for each radix above 5 in turn: its r roots

  explicit DirectPlan(int64_t length);
};

// A long transform as n1 * n2, with roots of n to multiply with in between.
struct SplitPlan {
  int64_t n, n1, n2;
  std::vector<std::complex<double>> coarse, fine;

  explicit SplitPlan(int64_t length);
  // exp(-2 pi i j / n) for 0 <= j < n.
  std::complex<double> root(int64_t j) const { return coarse[j >> 10] * fine[j & 1023]; }
};

// Any length as a convolution of a smooth length m, whose kernel's transform is `spectrum`.
template <class R>
struct ChirpPlan {
  int64_t n, m;
  std::vector<std::complex<R>> chirp, kernel, spectrum;
  std::once_flag has_spectrum;

  explicit ChirpPlan(int64_t length);
};

// exp(-2 pi i k / n) for k <= n / 4 + 1, to take a real transform from a complex one of half
// length.
template <class R>
struct RealPlan {
  std::vector<std::complex<R>> roots;

  explicit RealPlan(int64_t n);
};

bool is_smooth(int64_t n);

// The plan of one kind for length n; built on first use.
template <class Plan>
Plan& find_plan(int64_t n) {
  static std::mutex mutex;
  static auto* plans = new std::unordered_map<int64_t, std::unique_ptr<Plan>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Plan>& plan = (*plans)[n];
  if (!plan) plan = std::make_unique<Plan>(n);
  return *plan;
}

}  // namespace gradax
