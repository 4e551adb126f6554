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

// Loads a row of the plane once for all rows of the result that it is a term of.
template <class T, int bytes, int rows, int vectors>
void run_plane_tile(const PlaneTerms<T>& terms, T* const* to) {
  using Vector = typename Lanes<T, bytes>::Vector;
  using Loose = typename Lanes<T, bytes>::Loose;
  constexpr int lanes = Lanes<T, bytes>::count;
  const T* weights = terms.weights;
  Vector sums[rows][vectors] = {}, row[vectors];
  for (int64_t c = 0; c < terms.n_columns; ++c) {
    const int64_t count = terms.columns[c].count;
    const T* x = terms.x + terms.columns[c].offset;
#pragma GCC unroll 4
    for (int i = 0; i < rows - 1; ++i, x += terms.pitch) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) row[v] = *reinterpret_cast<const Loose*>(x + v * lanes);
#pragma GCC unroll 4
      for (int r = 0; r <= i; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sums[r][v] += weights[i - r] * row[v];
    }
    for (int64_t i = rows - 1; i < count; ++i, x += terms.pitch) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) row[v] = *reinterpret_cast<const Loose*>(x + v * lanes);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sums[r][v] += weights[i - r] * row[v];
    }
    weights += count;
#pragma GCC unroll 4
    for (int i = 0; i < rows - 1; ++i, x += terms.pitch) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) row[v] = *reinterpret_cast<const Loose*>(x + v * lanes);
#pragma GCC unroll 4
      for (int r = i + 1; r < rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sums[r][v] += weights[i - r] * row[v];
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<Loose*>(to[r] + v * lanes) = sums[r][v];
}

// The tiles whose sums and one row fit the registers.
template <class T, int bytes, int rows, int vectors>
constexpr void list_planes(ConvTiles<T>& tiles) {
  constexpr int most = bytes == 64 ? 16 : 8;
  if constexpr (rows * vectors <= most && vectors <= most_plane_vectors) {
    tiles.planes[rows - 1][vectors - 1] = run_plane_tile<T, bytes, rows, vectors>;
    tiles.plane_vectors[rows - 1] = vectors;
    list_planes<T, bytes, rows, vectors + 1>(tiles);
  } else if constexpr (rows > 1) {
    list_planes<T, bytes, rows - 1, 1>(tiles);
  }
}

template <class T, int bytes, int rows, int vectors>
void run_depth_tile(const DepthTerms<T>& terms, const T* const* from, T* const* to) {
  using Vector = typename Lanes<T, bytes>::Vector;
  using Loose = typename Lanes<T, bytes>::Loose;
  constexpr int lanes = Lanes<T, bytes>::count;
  const T *weights = terms.weights, *x[rows];
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i) x[i] = from[i];
  Vector sums[rows][vectors] = {};
  for (int64_t t = 0; t < terms.n; ++t, weights += terms.step) {
    const int64_t offset = terms.offsets[t];
    Vector tap[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) tap[v] = *reinterpret_cast<const Loose*>(weights + v * lanes);
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        sums[i][v] += *reinterpret_cast<const Loose*>(x[i] + offset + v * lanes) * tap[v];
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) *reinterpret_cast<Loose*>(to[i] + v * lanes) = sums[i][v];
}

template <class T, int bytes, int rows, int vectors>
constexpr void list_depth(ConvTiles<T>& tiles) {
  if constexpr (vectors > 0) {
    tiles.depth[vectors - 1] = run_depth_tile<T, bytes, rows, vectors>;
    list_depth<T, bytes, rows, vectors - 1>(tiles);
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
  list_planes<T, bytes, most_plane_rows, 1>(tiles);
  tiles.depth_rows = bytes == 64 ? 6 : 4;
  tiles.depth_vectors = bytes == 64 ? 4 : 2;
  list_depth<T, bytes, bytes == 64 ? 6 : 4, bytes == 64 ? 4 : 2>(tiles);
  return tiles;
}

}  // namespace
}  // namespace gradax
