// LU factors of larger matrices where they lie, row-major, with our own products.
//
// LAPACK wants columns: two transpositions, and products of one thread.
#include "lu_blocked.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "blocks.hpp"
#include "tiles.hpp"

namespace gradax {
namespace {

// Up to so many columns are factored one after another.
template <class T>
constexpr int64_t narrow = 64 / sizeof(T);

// target[j] -= factor * row[j].
template <class T>
GX_VECTORIZED void subtract_row(int64_t n, T factor, const T* row, T* target) {
  for (int64_t j = 0; j < n; ++j) target[j] -= factor * row[j];
}

// x = l^-1 x, where l is lower triangular with a diagonal of ones.
template <class T>
void solve_unit_lower(CallContext* ctx, const Block<T>& l, const Block<T>& x) {
  if (l.m <= narrow<T>) {
    for (int64_t i = 1; i < l.m; ++i)
      for (int64_t p = 0; p < i; ++p)
        subtract_row(x.n, l.at[i * l.ld + p], x.at + p * x.ld, x.at + i * x.ld);
    return;
  }
  const int64_t half = (l.m / 2 + narrow<T> - 1) / narrow<T> * narrow<T>, rest = l.m - half;
  const Block<T> upper = x.part(0, half, 0, x.n), lower = x.part(half, rest, 0, x.n);
  solve_unit_lower(ctx, l.part(0, half, 0, half), upper);
  subtract_product(ctx, l.part(half, rest, 0, half), upper, lower);
  solve_unit_lower(ctx, l.part(half, rest, half, rest), lower);
}

template <class T>
void exchange_rows(const Block<T>& x, const int32_t* pivots, int64_t n_pivots) {
  for (int64_t i = 0; i < n_pivots; ++i)
    if (pivots[i] != i)
      std::swap_ranges(x.at + i * x.ld, x.at + i * x.ld + x.n, x.at + pivots[i] * x.ld);
}

// Rows below row s of a narrow block lose their multiples of it; returns the row with the largest
// element in the next column.
template <class T>
GX_VECTORIZED int64_t eliminate(const Block<T>& x, int64_t s) {
  typedef T Loose __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
  const T* row = x.at + s * x.ld;
  const T divisor = row[s] == 0 ? T{1} : row[s], inverse = 1 / divisor;
  // The inverse of a subnormal number is infinite.
  const bool divides = std::fabs(divisor) < std::numeric_limits<T>::min();
  Loose pivot_row = {}, places = {};
  for (int j = 0; j < narrow<T>; ++j) places[j] = static_cast<T>(j);
  for (int64_t j = s + 1; j < x.n; ++j) pivot_row[j] = row[j];
  const auto is_here = places == static_cast<T>(s), is_behind = places > static_cast<T>(s);
  T largest = -1;
  int64_t found = s + 1;
  for (int64_t i = s + 1; i < x.m; ++i) {
    T* target = x.at + i * x.ld;
    const T factor = divides ? target[s] / divisor : target[s] * inverse;
    if (x.n == narrow<T>) {
      // Whole rows: what was stored as an element could not soon be loaded with others.
      const Loose old = *reinterpret_cast<Loose*>(target), factors = Loose{} + factor;
      const Loose changed = old - factors * pivot_row;
      *reinterpret_cast<Loose*>(target) = is_behind ? changed : (is_here ? factors : old);
    } else {
      target[s] = factor;
      for (int64_t j = s + 1; j < x.n; ++j) target[j] -= factor * pivot_row[j];
    }
    if (s + 1 < x.n && std::fabs(target[s + 1]) > largest) {
      largest = std::fabs(target[s + 1]);
      found = i;
    }
  }
  return found;
}

template <class T>
void factor_narrow(const Block<T>& x, int32_t* pivots) {
  int64_t pivot = 0;
  for (int64_t i = 1; i < x.m; ++i)
    if (std::fabs(x.at[i * x.ld]) > std::fabs(x.at[pivot * x.ld])) pivot = i;
  for (int64_t s = 0; s < x.n; ++s) {
    pivots[s] = static_cast<int32_t>(pivot);
    if (pivot != s) std::swap_ranges(x.at + s * x.ld, x.at + s * x.ld + x.n, x.at + pivot * x.ld);
    pivot = eliminate(x, s);
  }
}

// Factors a block with no more columns than rows.
template <class T>
void factor_tall(CallContext* ctx, const Block<T>& x, int32_t* pivots) {
  if (x.n <= narrow<T>) return factor_narrow(x, pivots);
  const int64_t half = (x.n / 2 + narrow<T> - 1) / narrow<T> * narrow<T>, rest = x.n - half;
  const int64_t below = x.m - half;
  const Block<T> right = x.part(0, x.m, half, rest), corner = x.part(half, below, half, rest);
  factor_tall(ctx, x.part(0, x.m, 0, half), pivots);
  exchange_rows(right, pivots, half);
  const Block<T> upper = right.part(0, half, 0, rest);
  solve_unit_lower(ctx, x.part(0, half, 0, half), upper);
  subtract_product(ctx, x.part(half, below, 0, half), upper, corner);
  factor_tall(ctx, corner, pivots + half);
  exchange_rows(x.part(half, below, 0, half), pivots + half, rest);
  for (int64_t i = half; i < x.n; ++i) pivots[i] += static_cast<int32_t>(half);
}

}  // namespace

template <class T>
void lu_blocked(CallContext* ctx, int64_t m, int64_t n, T* x, int32_t* pivots) {
  const int64_t k = std::min(m, n);
  const Block<T> whole{m, n, x, n};
  factor_tall(ctx, whole.part(0, m, 0, k), pivots);
  if (n == k) return;
  const Block<T> right = whole.part(0, m, k, n - k);
  exchange_rows(right, pivots, k);
  solve_unit_lower(ctx, whole.part(0, k, 0, k), right);
}

template void lu_blocked<float>(CallContext*, int64_t, int64_t, float*, int32_t*);
template void lu_blocked<double>(CallContext*, int64_t, int64_t, double*, int32_t*);

}  // namespace gradax
