// The loops of conv_tiles.hpp for vectors of one size: included by one file for each, inside what
// tells the compiler which instructions it may use. Everything is local to that file, and calls
// nothing that another file could share.

#include "conv_tiles.hpp"

namespace gradax {
namespace {

template <class T, int bytes>
struct Lanes {
  static constexpr int count = bytes / static_cast<int>(sizeof(T));
  typedef T Vector __attribute__((vector_size(bytes)));
  typedef T Loose __attribute__((vector_size(bytes), aligned(sizeof(T)), may_alias));
};

template <class T, int bytes, int rows, int vectors>
void run_conv_tile(const T* const* from, const ConvRun* runs, int64_t n_runs, const T* panel,
                   T* const* to) {
  using Vector = typename Lanes<T, bytes>::Vector;
  using Loose = typename Lanes<T, bytes>::Loose;
  constexpr int lanes = Lanes<T, bytes>::count;
  Vector sums[rows][vectors] = {};
  for (int64_t r = 0; r < n_runs; ++r) {
    const int64_t offset = runs[r].offset, length = runs[r].length;
    const T* a[rows];
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) a[i] = from[i] + offset;
    for (int64_t q = 0; q < length; ++q, panel += vectors * lanes) {
      Vector b[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) b[v] = *reinterpret_cast<const Loose*>(panel + v * lanes);
#pragma GCC unroll 12
      for (int i = 0; i < rows; ++i) {
        const T x = a[i][q];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[i][v] += x * b[v];
      }
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<Loose*>(to[i] + v * lanes) = sums[i][v];
}

template <class T, int bytes, int rows, int vectors>
void run_outer_tile(const OuterTerms<T>& terms, T* c, int64_t ldc) {
  using Vector = typename Lanes<T, bytes>::Vector;
  using Loose = typename Lanes<T, bytes>::Loose;
  constexpr int lanes = Lanes<T, bytes>::count;
  const int64_t step_a = terms.step_a, step_b = terms.step_b;
  Vector sums[rows][vectors] = {};
  for (int64_t r = 0; r < terms.n_runs; ++r) {
    const T *a = terms.a + terms.runs[r].a, *from_b = terms.b + terms.runs[r].b;
    const int64_t length = terms.runs[r].length;
    for (int64_t q = 0; q < length; ++q, a += step_a, from_b += step_b) {
      Vector b[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) b[v] = *reinterpret_cast<const Loose*>(from_b + v * lanes);
#pragma GCC unroll 12
      for (int i = 0; i < rows; ++i) {
        const T x = a[i];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[i][v] += x * b[v];
      }
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      auto* at = reinterpret_cast<Loose*>(c + i * ldc + v * lanes);
      *at = *at + sums[i][v];
    }
}

template <class T, int bytes, int rows>
constexpr void list_outer(ConvTiles<T>& tiles) {
  if constexpr (rows > 0) {
    tiles.outer[rows][0] = run_outer_tile<T, bytes, rows, 1>;
    tiles.outer[rows][1] = run_outer_tile<T, bytes, rows, 2>;
    list_outer<T, bytes, rows - 1>(tiles);
  }
}

template <class T, int bytes, int rows>
constexpr ConvTiles<T> list_tiles() {
  ConvTiles<T> tiles{};
  tiles.rows = rows;
  tiles.lanes = Lanes<T, bytes>::count;
  tiles.tiles[0] = run_conv_tile<T, bytes, rows, 1>;
  tiles.tiles[1] = run_conv_tile<T, bytes, rows, 2>;
  list_outer<T, bytes, rows>(tiles);
  return tiles;
}

}  // namespace
}  // namespace gradax
