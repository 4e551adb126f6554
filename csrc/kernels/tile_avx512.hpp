// The tile of a product, whose sums stay in registers, and the packing of its operands.
#pragma once

#include "simd_avx512.hpp"

namespace gradax {
namespace {

template <class T>
struct TileCall {
  int64_t k;
  const T* a;  // element (i, q) at i * a_row + q * a_col
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t ldc;
  typename Simd<T>::Mask mask;  // of the last vector of a row
  bool accumulate;
};

constexpr int most_rows = 12;

// The tile of `rows` by `width` vectors: c = a b, or c += a b. One of a's steps is 1: from row to
// row with `unit_row`, else from term to term.
template <class T, int rows, int width, bool unit_row>
void run_tile(const TileCall<T>& call) {
  using S = Simd<T>;
  const TileCall<T> tile = call;  // which no store can change
  constexpr int n_groups = (rows + 2) / 3;
  typename S::Vector sums[rows][width];
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) sums[i][v] = S::zero();
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) prefetch(tile.c + i * tile.ldc + v * S::lanes);
  // Rows in threes: an address has a base and once or twice one step.
  const int64_t step = unit_row ? 1 : tile.a_row, next = unit_row ? tile.a_col : 1;
  const T *groups[n_groups], *b = tile.b;
#pragma GCC unroll 4
  for (int g = 0; g < n_groups; ++g) groups[g] = tile.a + 3 * g * step;
  for (int64_t q = 0; q < tile.k; ++q, b += tile.b_row) {
    if (!unit_row && q % S::lanes == 0) {
      // The rows of the next tile: too short for the processor to foresee their reading.
#pragma GCC unroll 12
      for (int i = 0; i < rows; ++i) prefetch(tile.a + (i + rows) * step + q);
    }
    typename S::Vector right[width];
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v)
      right[v] = v + 1 < width ? S::load(b + v * S::lanes) : S::load(b + v * S::lanes, tile.mask);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) {
      const typename S::Vector x = S::all(groups[i / 3][i % 3 * step]);
#pragma GCC unroll 4
      for (int v = 0; v < width; ++v) sums[i][v] = S::fma(x, right[v], sums[i][v]);
    }
#pragma GCC unroll 4
    for (int g = 0; g < n_groups; ++g) groups[g] += next;
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) {
      T* c = tile.c + i * tile.ldc + v * S::lanes;
      const auto mask = v + 1 < width ? first_lanes<T>(S::lanes) : tile.mask;
      if (tile.accumulate) sums[i][v] = S::add(S::load(c, mask), sums[i][v]);
      S::store(c, sums[i][v], mask);
    }
}

template <class T>
using TileFunction = void (*)(const TileCall<T>&);

// The tiles of 1, 2, … rows.
template <class T, int width, bool unit_row, int... rows>
constexpr std::array<TileFunction<T>, sizeof...(rows)> tile_functions(
    std::integer_sequence<int, rows...>) {
  return {run_tile<T, rows + 1, width, unit_row>...};
}

template <class T, int width, bool unit_row, int n>
inline constexpr auto tiles_up_to =
    tile_functions<T, width, unit_row>(std::make_integer_sequence<int, n>());

// The tiles of few rows may be four vectors wide; others one or two.
constexpr int few_rows = 6;

template <class T, bool unit_row>
TileFunction<T> find_tile(int64_t rows, int64_t width) {
  const auto i = static_cast<size_t>(rows - 1);
  if (width == 1) return tiles_up_to<T, 1, unit_row, most_rows>[i];
  if (width == 2) return tiles_up_to<T, 2, unit_row, most_rows>[i];
  if (width == 3) return tiles_up_to<T, 3, unit_row, few_rows>[i];
  return tiles_up_to<T, 4, unit_row, few_rows>[i];
}

// out[q * width + i] = from[i * ld + q] for `rows` rows, up to one vector's lanes, and k terms.
// Rows are too short for the processor to foresee their reading: those `ahead` of them are asked
// for.
template <class T>
void pack_transposed(const T* from, int64_t ld, int64_t rows, int64_t k, T* out, int64_t width,
                     int64_t padded, int64_t ahead) {
  using S = Simd<T>;
  const auto written = first_lanes<T>(padded);
  for (int64_t q = 0; q < k; q += S::lanes) {
    const int64_t here = k - q < S::lanes ? k - q : S::lanes;
    const auto read = first_lanes<T>(here);
    for (int64_t i = ahead; i < ahead + rows; ++i) prefetch(from + i * ld + q);
    typename S::Vector block[S::lanes];
#pragma GCC unroll 16
    for (int i = 0; i < S::lanes; ++i)
      block[i] = i < rows ? S::load(from + i * ld + q, read) : S::zero();
    S::transpose(block);
    if (here == S::lanes) {
#pragma GCC unroll 16
      for (int i = 0; i < S::lanes; ++i) S::store(out + (q + i) * width, block[i], written);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < S::lanes; ++i)
        if (i < here) S::store(out + (q + i) * width, block[i], written);
    }
  }
}

// Rows of an operand that are packed together, lest their lines and pages drive each other out.
constexpr int64_t rows_at_once = 8;

// out[q * width + i] = from[q * ld + i] for `rows` of i; what is behind, up to `padded`, is zero.
template <class T>
void pack_straight(const T* from, int64_t ld, int64_t rows, int64_t k, T* out, int64_t width,
                   int64_t padded) {
  using S = Simd<T>;
  const auto read = first_lanes<T>(rows), written = first_lanes<T>(padded);
  for (int64_t q = 0; q < k; ++q) {
    prefetch(from + (q + rows_at_once) * ld);
    S::store(out + q * width, S::load(from + q * ld, read), written);
  }
}

// A panel of op(operand): element (i, q) to out[q * width + i], `rows` of i and k of q. Rows behind
// the last are zero. The operand has element (i, q) at i * step_i + q * step_q; one step is 1.
template <class T>
void pack_panel(const T* from, int64_t step_i, int64_t step_q, int64_t rows, int64_t k, T* out,
                int64_t width) {
  constexpr int64_t lanes = Simd<T>::lanes;
  for (int64_t i = 0; i < width; i += lanes) {
    const int64_t here = std::clamp<int64_t>(rows - i, 0, lanes);
    const int64_t padded = std::min(lanes, width - i);
    if (step_i == 1) {
      pack_straight(from + i, step_q, here, k, out + i, width, padded);
    } else {
      pack_transposed(from + i * step_i, step_i, here, k, out + i, width, padded, width);
    }
  }
}

}  // namespace
}  // namespace gradax
