// Small matrices in stacks, one a lane: a vector holds one element of each of a group of matrices.
//
// A call of LAPACK costs more than the arithmetic of a small matrix. What a matrix's result is
// depends on that matrix alone, not on those beside it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "parallel.hpp"
#include "target.hpp"

namespace gradax {

template <class T>
inline constexpr bool is_laned_type = std::is_same_v<T, float> || std::is_same_v<T, double>;

// How many matrices a group has.
template <class T>
inline constexpr int group_lanes = 64 / sizeof(T);

// Whether matrices of this order are worked on in lanes: any number of small ones, many larger.
inline bool fits_lanes(int64_t batch, int64_t order) {
  return order > 0 && (order <= 8 || (order <= 32 && batch >= 16));
}

// A triangular system for each matrix: e x = b, where e is a or its transpose, and x and b lie as
// [order, sides], or transposed.
struct LaneSystem {
  int64_t order, sides;
  bool is_lower;  // of e
  bool transposed_a, transposed_b, unit;
};

// The kernels of kernels.hpp, for orders that fit.
template <class T>
void cholesky_lanes(CallContext* ctx, int64_t batch, int64_t n, const T* a, T* out);

template <class T>
void lu_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* out,
              int32_t* pivots, int32_t* permutation);

template <class T>
void solve_lanes(CallContext* ctx, int64_t batch, const LaneSystem& system, const T* a, const T* b,
                 T* out);

// q, [m, rows] (null: not asked for), and r, [rows, n], where rows is m or min(m, n).
bool fits_qr_lanes(int64_t batch, int64_t m, int64_t n, int64_t rows);

template <class T>
void qr_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, int64_t rows, const T* a, T* q,
              T* r);

// Singular values, largest first. (Vectors are LAPACK's, whose signs stacks of any size shall
// have.) What is not of full rank by far has `failed`, and no results.
bool fits_svd_lanes(int64_t batch, int64_t m, int64_t n);

template <class T>
void singular_values_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* s,
                           bool* failed);

// One element of each matrix of a group.
template <class T>
struct Lanes {
  typedef T Vector __attribute__((vector_size(64), may_alias));
};

// Element e of matrix l to [e, l]: of `count` matrices of `size` elements, and zeros where the
// group has fewer than its lanes.
template <class T>
void gather_lanes(const T* from, int64_t size, int64_t count, T* to);

// The reverse, to `count` matrices.
template <class T>
void scatter_lanes(const T* from, int64_t size, int64_t count, T* to);

// Multiplies the elements of each matrix by a power of two that brings the largest near one, so
// that squares neither overflow nor vanish; `back`, a lane each, undoes it.
template <class T>
void scale_lanes(int64_t size, T* matrices, T* back);

// The same on processors that have tiles (tiles.hpp).
template <class T>
void gather_wide(const T* from, int64_t size, int64_t count, T* to);

template <class T>
void scatter_wide(const T* from, int64_t size, int64_t count, T* to);

// Runs f(first, count, memory) over groups of matrices; `size` elements a lane of memory.
template <class T, class F>
void for_lane_groups(CallContext* ctx, int64_t batch, int64_t size, int64_t work, F&& f) {
  constexpr int64_t lanes = group_lanes<T>;
  parallel_for(ctx, (batch + lanes - 1) / lanes, grain_for(work + 4 * size, 1 << 12),
               [&](int64_t begin, int64_t end) {
                 Scratch<T> memory(ctx, size * lanes);
                 if (!memory) return;
                 for (int64_t g = begin; g < end; ++g)
                   f(g * lanes, std::min(lanes, batch - g * lanes), memory.get());
               });
}

// Exchanges the first two axes of [rows, columns, lanes].
template <class T>
void transpose_lanes(const T* from, int64_t rows, int64_t columns, T* to) {
  constexpr int lanes = group_lanes<T>;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      std::copy_n(from + (i * columns + j) * lanes, lanes, to + (j * rows + i) * lanes);
}

// Square roots; vectors have no operator for them.
template <class T>
GX_INLINE void take_roots(typename Lanes<T>::Vector* x) {
  T* elements = reinterpret_cast<T*>(x);
  for (int l = 0; l < group_lanes<T>; ++l) elements[l] = std::sqrt(elements[l]);
}

}  // namespace gradax
