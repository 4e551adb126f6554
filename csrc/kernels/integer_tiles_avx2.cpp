// Compiled for AVX2, whatever the rest is compiled for; called where the processor has it only.
#include "integer_tiles.hpp"

#if defined(__x86_64__)

#include "intrinsics.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

namespace gradax {
namespace {

struct Words {
  using Vector = __m256i;
  static constexpr int lanes = 8;
  // The product of bytes saturates.
  static constexpr bool has_bytes = false;
  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector all(uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
  static Vector load(const uint32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void store(uint32_t* to, Vector x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x);
  }

  template <WordKind kind>
  static Vector dot(Vector sum, Vector a, Vector b) {
    if constexpr (kind == WordKind::one) {
      return _mm256_add_epi32(sum, _mm256_mullo_epi32(a, b));
    } else {
      return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    }
  }
};

}  // namespace
}  // namespace gradax

#include "integer_tiles_body.hpp"

namespace gradax {

const IntegerTiles* integer_tiles_avx2() {
  static constexpr IntegerTiles tiles = make_integer_tiles<6>();
  return &tiles;
}

}  // namespace gradax

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace gradax {

const IntegerTiles* integer_tiles_avx2() { return nullptr; }

}  // namespace gradax

#endif
