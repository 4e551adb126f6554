// The loops of integer_tiles.hpp for one kind of processor: included by one file for each, after
// `Words`, which has its vectors. Everything is local to that file.

namespace gradax {
namespace {

template <WordKind kind, int rows>
void run_integer_tile(const IntegerTileCall& call) {
  using Vector = Words::Vector;
  constexpr int lanes = Words::lanes, width = integer_vectors * lanes;
  Vector sums[rows][integer_vectors];
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < integer_vectors; ++v)
      sums[i][v] = call.accumulate ? Words::load(call.c + i * call.ldc + v * lanes) : Words::zero();
  const uint32_t *a = call.a, *b = call.b;
  for (int64_t q = 0; q < call.k; ++q, a += rows, b += width) {
    Vector right[integer_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < integer_vectors; ++v) right[v] = Words::load(b + v * lanes);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) {
      const Vector left = Words::all(a[i]);
#pragma GCC unroll 2
      for (int v = 0; v < integer_vectors; ++v)
        sums[i][v] = Words::dot<kind>(sums[i][v], left, right[v]);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < integer_vectors; ++v)
      Words::store(call.c + i * call.ldc + v * lanes, sums[i][v]);
}

template <int rows>
constexpr void list_integer_tiles(IntegerTiles& tiles) {
  if constexpr (rows > 0) {
    tiles.tiles[0][rows - 1] = run_integer_tile<WordKind::one, rows>;
    tiles.tiles[1][rows - 1] = run_integer_tile<WordKind::two_signed, rows>;
    if constexpr (Words::has_bytes)
      tiles.tiles[2][rows - 1] = run_integer_tile<WordKind::four_bytes, rows>;
    list_integer_tiles<rows - 1>(tiles);
  }
}

template <int rows>
constexpr IntegerTiles make_integer_tiles() {
  IntegerTiles tiles{};
  tiles.rows = rows;
  tiles.lanes = Words::lanes;
  tiles.has_bytes = Words::has_bytes;
  list_integer_tiles<rows>(tiles);
  return tiles;
}

}  // namespace
}  // namespace gradax
