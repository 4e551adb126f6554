// Compiled for AVX-512 with its products of short integers, whatever the rest is compiled for;
// called where the processor has them only.
#include "integer_tiles.hpp"

#if defined(__x86_64__)

#include "intrinsics.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vnni,prefer-vector-width=512")
#endif

namespace gradax {
namespace {

struct Words {
  using Vector = __m512i;
  static constexpr int lanes = 16;
  static constexpr bool has_bytes = true;
  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector all(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
  static Vector load(const uint32_t* from) { return _mm512_loadu_si512(from); }
  static void store(uint32_t* to, Vector x) { _mm512_storeu_si512(to, x); }

  template <WordKind kind>
  static Vector dot(Vector sum, Vector a, Vector b) {
    if constexpr (kind == WordKind::one) {
      return _mm512_add_epi32(sum, _mm512_mullo_epi32(a, b));
    } else if constexpr (kind == WordKind::two_signed) {
      return _mm512_dpwssd_epi32(sum, a, b);
    } else {
      return _mm512_dpbusd_epi32(sum, a, b);
    }
  }
};

}  // namespace
}  // namespace gradax

#include "integer_tiles_body.hpp"

namespace gradax {

const IntegerTiles* integer_tiles_avx512() {
  static constexpr IntegerTiles tiles = make_integer_tiles<12>();
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

const IntegerTiles* integer_tiles_avx512() { return nullptr; }

}  // namespace gradax

#endif
