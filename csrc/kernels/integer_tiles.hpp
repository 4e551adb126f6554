// The innermost loops of products of integers: tiles of the result that stay in registers.
//
// Operands are packed as words of 32 bits, each with one, two or four neighbouring terms of a sum:
// what processors multiply and add at once. All arithmetic is modulo 2^32.
#pragma once

#include <cstdint>

namespace gradax {

// What a word holds. Of bytes, those of a are unsigned and those of b signed.
enum class WordKind { one, two_signed, four_bytes };

inline int64_t terms_of(WordKind kind) {
  return kind == WordKind::one ? 1 : kind == WordKind::two_signed ? 2 : 4;
}

struct IntegerTileCall {
  int64_t k;          // words of each sum
  const uint32_t* a;  // [k, rows]
  const uint32_t* b;  // [k, vectors]
  uint32_t* c;
  int64_t ldc;
  bool accumulate;
};

using IntegerTile = void (*)(const IntegerTileCall&);

inline constexpr int most_integer_rows = 12, integer_vectors = 2;

struct IntegerTiles {
  int64_t rows, lanes;                      // of a tile, and of each of its two vectors
  bool has_bytes;                           // whether words of four bytes can be multiplied
  IntegerTile tiles[3][most_integer_rows];  // by kind and rows - 1
};

// The tiles for this processor; null where it has none that are worth packing for.
const IntegerTiles* integer_tiles();

// Those of one kind of processor, null where the compiler makes none.
const IntegerTiles* integer_tiles_avx512();
const IntegerTiles* integer_tiles_avx2();

}  // namespace gradax
