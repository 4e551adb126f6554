// Products with a vector, compiled for AVX-512; called after `has_tiles` only.
#include "tiles.hpp"

#if defined(__x86_64__)

#include "intrinsics.hpp"

#include <algorithm>

#include "target_avx512.hpp"

#include "simd_avx512.hpp"

namespace gradax {
namespace {

// y[i] (+)= the product of row i and x, for `rows` rows at once. The order of the sum follows from
// k alone.
template <int rows, class T>
void dot_rows(int64_t k, const T* matrix, int64_t ld, const T* x, T* y, bool accumulate) {
  using S = Simd<T>;
  constexpr int64_t lanes = S::lanes;
  typename S::Vector even[rows], odd[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) even[i] = odd[i] = S::zero();
  int64_t q = 0;
  for (; q + 2 * lanes <= k; q += 2 * lanes) {
    const auto left = S::load(x + q), right = S::load(x + q + lanes);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      even[i] = S::fma(S::load(matrix + i * ld + q), left, even[i]);
      odd[i] = S::fma(S::load(matrix + i * ld + q + lanes), right, odd[i]);
    }
  }
  for (; q < k; q += lanes) {
    const auto mask = first_lanes<T>(k - q);
    const auto left = S::load(x + q, mask);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
      even[i] = S::fma(S::load(matrix + i * ld + q, mask), left, even[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    const T sum = S::sum(S::add(even[i], odd[i]));
    y[i] = accumulate ? y[i] + sum : sum;
  }
}

template <class T>
void multiply_rows(int64_t m, int64_t k, const T* matrix, int64_t ld, const T* x, T* y,
                   bool accumulate) {
  int64_t i = 0;
  for (; i + 8 <= m; i += 8) dot_rows<8>(k, matrix + i * ld, ld, x, y + i, accumulate);
  for (; i + 2 <= m; i += 2) dot_rows<2>(k, matrix + i * ld, ld, x, y + i, accumulate);
  if (i < m) dot_rows<1>(k, matrix + i * ld, ld, x, y + i, accumulate);
}

// y += the sum of `rows` rows, each times its element of x; one term after another.
template <int rows, class T>
void add_rows(int64_t n, const T* matrix, int64_t ld, const T* x, int64_t step, T* y) {
  using S = Simd<T>;
  typename S::Vector factors[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) factors[i] = S::all(x[i * step]);
  for (int64_t j = 0; j < n; j += S::lanes) {
    const auto mask = first_lanes<T>(n - j);
    auto sum = S::load(y + j, mask);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      prefetch(matrix + (i + rows) * ld + j);
      sum = S::fma(factors[i], S::load(matrix + i * ld + j, mask), sum);
    }
    S::store(y + j, sum, mask);
  }
}

template <class T>
void multiply_columns(int64_t k, int64_t n, const T* matrix, int64_t ld, const T* x, int64_t step,
                      T* y, bool accumulate) {
  // The results stay in the first cache.
  const int64_t strip = 2048 / sizeof(T);
  for (int64_t j = 0; j < n; j += strip) {
    const int64_t here = std::min(strip, n - j);
    if (!accumulate) std::fill_n(y + j, here, T{});
    int64_t q = 0;
    for (; q + 8 <= k; q += 8)
      add_rows<8>(here, matrix + q * ld + j, ld, x + q * step, step, y + j);
    for (; q < k; ++q) add_rows<1>(here, matrix + q * ld + j, ld, x + q * step, step, y + j);
  }
}

}  // namespace

template <class T>
bool multiply_vector(const Product<T>& p) {
  if (p.n == 1) {
    if (p.ldc != 1) return false;
    const int64_t step = p.trans_b ? 1 : p.ldb;
    if (p.trans_a) {
      multiply_columns(p.k, p.m, p.a, p.lda, p.b, step, p.c, p.accumulate);
      return true;
    }
    if (step != 1) return false;
    multiply_rows(p.m, p.k, p.a, p.lda, p.b, p.c, p.accumulate);
    return true;
  }
  const int64_t step = p.trans_a ? p.lda : 1;
  if (!p.trans_b) {
    multiply_columns(p.k, p.n, p.b, p.ldb, p.a, step, p.c, p.accumulate);
    return true;
  }
  if (step != 1) return false;
  multiply_rows(p.n, p.k, p.b, p.ldb, p.a, p.c, p.accumulate);
  return true;
}

template bool multiply_vector<float>(const Product<float>&);
template bool multiply_vector<double>(const Product<double>&);

}  // namespace gradax

#include "target_end.hpp"

#else

namespace gradax {

template <class T>
bool multiply_vector(const Product<T>&) {
  return false;
}

template bool multiply_vector<float>(const Product<float>&);
template bool multiply_vector<double>(const Product<double>&);

}  // namespace gradax

#endif
