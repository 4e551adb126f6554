#include "lanes.hpp"

#include <cmath>

#include "matrices.hpp"
#include "tiles.hpp"

namespace gradax {
namespace {

// Overwrites the lower triangles; tells by `failed` which matrices are not positive definite.
template <class T>
GX_VECTORIZED void factor_cholesky(int64_t n, T* matrices, bool* failed) {
  using Vector = typename Lanes<T>::Vector;
  constexpr int lanes = group_lanes<T>;
  auto* x = reinterpret_cast<Vector*>(matrices);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = j; i < n; ++i) {
      Vector sum = x[i * n + j];
      for (int64_t p = 0; p < j; ++p) sum -= x[i * n + p] * x[j * n + p];
      x[i * n + j] = sum;
    }
    const T* corner = matrices + (j * n + j) * lanes;
    for (int l = 0; l < lanes; ++l) failed[l] |= !(corner[l] > 0);
    take_roots<T>(x + j * n + j);
    const Vector inverse = T{1} / x[j * n + j];
    for (int64_t i = j + 1; i < n; ++i) x[i * n + j] *= inverse;
  }
}

// Finds the row of the largest element of column s from s on, as a number of type T.
template <class T, class Vector>
GX_INLINE void find_pivots(int64_t s, int64_t m, int64_t n, const Vector* x, Vector* at) {
  const Vector first = x[s * n + s];
  Vector largest = first < 0 ? -first : first, found = Vector{} + static_cast<T>(s);
  for (int64_t i = s + 1; i < m; ++i) {
    const Vector element = x[i * n + s], size = element < 0 ? -element : element;
    const auto is_larger = size > largest;
    found = is_larger ? Vector{} + static_cast<T>(i) : found;
    largest = is_larger ? size : largest;
  }
  *at = found;
}

// Exchanges row s and the row that `at` names.
template <class T, class Vector>
GX_INLINE void exchange_rows(int64_t s, int64_t m, int64_t n, Vector* x, const Vector* at) {
  const Vector wanted = *at;
  for (int64_t j = 0; j < n; ++j) {
    const Vector old = x[s * n + j];
    Vector found = old;
    for (int64_t i = s + 1; i < m; ++i) {
      const auto here = wanted == Vector{} + static_cast<T>(i);
      const Vector element = x[i * n + j];
      found = here ? element : found;
      x[i * n + j] = here ? old : element;
    }
    x[s * n + j] = found;
  }
}

// Factors with pivots; `pivots` gets min(m, n) rows' numbers.
template <class T>
GX_VECTORIZED void factor_lu(int64_t m, int64_t n, T* matrices, T* pivots) {
  using Vector = typename Lanes<T>::Vector;
  auto *x = reinterpret_cast<Vector*>(matrices), *at = reinterpret_cast<Vector*>(pivots);
  for (int64_t s = 0; s < std::min(m, n); ++s, ++at) {
    find_pivots<T>(s, m, n, x, at);
    exchange_rows<T>(s, m, n, x, at);
    const Vector pivot = x[s * n + s], none = {};
    // Of a column of zeros no multiple is taken.
    const Vector divisor = pivot == none ? none + T{1} : pivot;
    for (int64_t i = s + 1; i < m; ++i) {
      const Vector factor = x[i * n + s] / divisor;
      x[i * n + s] = factor;
      for (int64_t j = s + 1; j < n; ++j) x[i * n + j] -= factor * x[s * n + j];
    }
  }
}

// Solves for all sides, [order, sides] in lanes; `triangle` as [order, order].
template <class T>
GX_VECTORIZED void substitute(const LaneSystem& system, const T* triangle, T* right) {
  using Vector = typename Lanes<T>::Vector;
  auto* a = reinterpret_cast<const Vector*>(triangle);
  auto* x = reinterpret_cast<Vector*>(right);
  const int64_t n = system.order, sides = system.sides;
  const int64_t step_i = system.transposed_a ? 1 : n, step_p = system.transposed_a ? n : 1;
  for (int64_t t = 0; t < n; ++t) {
    const int64_t i = system.is_lower ? t : n - 1 - t;
    const Vector one = Vector{} + T{1};
    const Vector inverse = system.unit ? one : one / a[i * step_i + i * step_p];
    for (int64_t side = 0; side < sides; ++side) {
      Vector sum = x[i * sides + side];
      for (int64_t u = 0; u < t; ++u) {
        const int64_t p = system.is_lower ? u : n - 1 - u;
        sum -= a[i * step_i + p * step_p] * x[p * sides + side];
      }
      x[i * sides + side] = system.unit ? sum : sum * inverse;
    }
  }
}

}  // namespace

template <class T>
void gather_lanes(const T* from, int64_t size, int64_t count, T* to) {
  if (has_tiles()) return gather_wide(from, size, count, to);
  constexpr int lanes = group_lanes<T>;
  for (int64_t e = 0; e < size; ++e)
    for (int l = 0; l < lanes; ++l) to[e * lanes + l] = l < count ? from[l * size + e] : T{};
}

template <class T>
void scatter_lanes(const T* from, int64_t size, int64_t count, T* to) {
  if (has_tiles()) return scatter_wide(from, size, count, to);
  for (int64_t l = 0; l < count; ++l)
    for (int64_t e = 0; e < size; ++e) to[l * size + e] = from[e * group_lanes<T> + l];
}

template <class T>
GX_VECTORIZED void scale_lanes(int64_t size, T* matrices, T* back) {
  using Vector = typename Lanes<T>::Vector;
  auto* x = reinterpret_cast<Vector*>(matrices);
  Vector largest = {}, scale;
  for (int64_t e = 0; e < size; ++e) {
    const Vector absolute = x[e] < 0 ? -x[e] : x[e];
    largest = absolute > largest ? absolute : largest;
  }
  for (int l = 0; l < group_lanes<T>; ++l) {
    const int exponent = std::isnormal(largest[l]) ? std::ilogb(largest[l]) : 0;
    scale[l] = std::ldexp(T{1}, -exponent);
    back[l] = std::ldexp(T{1}, exponent);
  }
  for (int64_t e = 0; e < size; ++e) x[e] *= scale;
}

template <class T>
void cholesky_lanes(CallContext* ctx, int64_t batch, int64_t n, const T* a, T* out) {
  auto run = [&](int64_t first, int64_t count, T* x) {
    bool failed[group_lanes<T>] = {};
    gather_lanes(a + first * n * n, n * n, count, x);
    factor_cholesky(n, x, failed);
    scatter_lanes(x, n * n, count, out + first * n * n);
    for (int64_t l = 0; l < count; ++l) {
      T* matrix = out + (first + l) * n * n;
      for (int64_t i = 0; i < n; ++i) {
        if (failed[l]) std::fill_n(matrix + i * n, i + 1, nan_of<T>());
        std::fill_n(matrix + i * n + i + 1, n - i - 1, T{});
      }
    }
  };
  for_lane_groups<T>(ctx, batch, n * n, n * n * n / 3, run);
}

template <class T>
void lu_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* out,
              int32_t* pivots, int32_t* permutation) {
  constexpr int64_t lanes = group_lanes<T>;
  const int64_t k = std::min(m, n), size = m * n;
  auto run = [&](int64_t first, int64_t count, T* x) {
    T* at = x + size * lanes;
    gather_lanes(a + first * size, size, count, x);
    factor_lu(m, n, x, at);
    scatter_lanes(x, size, count, out + first * size);
    for (int64_t l = 0; l < count; ++l) {
      int32_t *pivot = pivots + (first + l) * k, *order = permutation + (first + l) * m;
      for (int64_t i = 0; i < m; ++i) order[i] = static_cast<int32_t>(i);
      for (int64_t i = 0; i < k; ++i) {
        pivot[i] = static_cast<int32_t>(at[i * lanes + l]);
        std::swap(order[i], order[pivot[i]]);
      }
    }
  };
  for_lane_groups<T>(ctx, batch, size + k, 2 * size * k, run);
}

template <class T>
void solve_lanes(CallContext* ctx, int64_t batch, const LaneSystem& system, const T* a, const T* b,
                 T* out) {
  constexpr int64_t lanes = group_lanes<T>;
  const int64_t n = system.order, sides = system.sides, size = n * sides;
  auto run = [&](int64_t first, int64_t count, T* memory) {
    T *x = memory + n * n * lanes, *turned = x + size * lanes;
    gather_lanes(a + first * n * n, n * n, count, memory);
    gather_lanes(b + first * size, size, count, x);
    if (system.transposed_b) transpose_lanes(x, sides, n, turned);
    substitute(system, memory, system.transposed_b ? turned : x);
    if (system.transposed_b) transpose_lanes(turned, n, sides, x);
    scatter_lanes(x, size, count, out + first * size);
  };
  for_lane_groups<T>(ctx, batch, n * n + 2 * size, n * size, run);
}

#define GX_INSTANTIATE(T)                                                                    \
  template void gather_lanes<T>(const T*, int64_t, int64_t, T*);                             \
  template void scatter_lanes<T>(const T*, int64_t, int64_t, T*);                            \
  template void scale_lanes<T>(int64_t, T*, T*);                                             \
  template void cholesky_lanes<T>(CallContext*, int64_t, int64_t, const T*, T*);             \
  template void lu_lanes<T>(CallContext*, int64_t, int64_t, int64_t, const T*, T*, int32_t*, \
                            int32_t*);                                                       \
  template void solve_lanes<T>(CallContext*, int64_t, const LaneSystem&, const T*, const T*, T*);
GX_INSTANTIATE(float)
GX_INSTANTIATE(double)
#undef GX_INSTANTIATE

}  // namespace gradax
