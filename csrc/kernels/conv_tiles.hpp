// The innermost loops of convolutions of floats: tiles of the result that stay in registers.
//
// A tile reads its rows where they lie in memory and vectors of the other operand; nothing of the
// rows is copied or transposed. The loops are compiled for each width of vectors and chosen when
// the program runs, so that a portable build uses what the processor has.
#pragma once

#include <cstdint>

namespace gradax {

// Terms of a tile's sums that are neighbours in each of its rows.
struct ConvRun {
  int64_t offset;  // from the row's beginning, in elements
  int64_t length;
};

// The same where the terms are `step` elements apart, in both operands.
struct OuterRun {
  int64_t a, b;  // where the operands' terms begin
  int64_t length;
};

// to[i][j] = the sum over the terms t of from[i][t] panel[t * width + j], for all rows of a tile.
template <class T>
using ConvTile = void (*)(const T* const* from, const ConvRun* runs, int64_t n_runs, const T* panel,
                          T* const* to);

template <class T>
struct OuterTerms {
  const OuterRun* runs;
  int64_t n_runs;
  const T *a, *b;
  int64_t step_a, step_b;
};

// c[i * ldc + j] += the sum over the terms t of a[t * step_a + i] b[t * step_b + j].
template <class T>
using OuterTile = void (*)(const OuterTerms<T>& terms, T* c, int64_t ldc);

// Terms that meet neighbouring rows of a plane: `count` of them, the first `offset` elements in.
struct TapColumn {
  int64_t offset, count;
};

template <class T>
struct PlaneTerms {
  const TapColumn* columns;
  int64_t n_columns;
  const T* x;
  int64_t pitch;     // elements from one row to the next
  const T* weights;  // of the terms, column after column
};

// to[r][j] = the sum over the columns and their terms t of weights[..] x[offset + (r + t) * pitch +
// j], for all rows r of a tile and j of its vectors. A column has one term less than rows or more.
template <class T>
using PlaneTile = void (*)(const PlaneTerms<T>& terms, T* const* to);

// Terms of a channel, at their offsets from a row's beginning; `step` weights from one to the next.
template <class T>
struct DepthTerms {
  const int64_t* offsets;
  int64_t n;
  const T* weights;
  int64_t step;
};

// to[i][j] = the sum over the terms t of from[i][offsets[t] + j] weights[t * step + j], for all
// rows of a tile.
template <class T>
using DepthTile = void (*)(const DepthTerms<T>& terms, const T* const* from, T* const* to);

inline constexpr int64_t most_tile_rows = 12, most_plane_rows = 4, most_plane_vectors = 8;

template <class T>
struct ConvTiles {
  int64_t rows;                               // of a tile
  int64_t lanes;                              // of a vector; a tile has one or two of them
  ConvTile<T> tiles[2];                       // by vectors - 1
  OuterTile<T> outer[most_tile_rows + 1][2];  // by rows (1 to `rows`) and vectors - 1
  PlaneTile<T> planes[most_plane_rows][most_plane_vectors];  // by rows - 1 and vectors - 1
  int64_t plane_vectors[most_plane_rows];                    // the most by rows - 1
  DepthTile<T> depth[4];                                     // by vectors - 1
  int64_t depth_rows, depth_vectors;                         // of a tile, and the most
};

// The tiles for this processor, of vectors of at most so many bytes. T is float or double.
template <class T>
const ConvTiles<T>& conv_tiles(int64_t most_bytes);

// Those of one width, null where the compiler makes none; conv_tiles chooses among them.
template <class T>
const ConvTiles<T>* conv_tiles_avx512();
template <class T>
const ConvTiles<T>* conv_tiles_avx2();

}  // namespace gradax
