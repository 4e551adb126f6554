// Compiled for AVX2, whatever the rest is compiled for; called where the processor has it only.
#include "conv_tiles.hpp"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#include "conv_tiles_body.hpp"

namespace gradax {

template <class T>
const ConvTiles<T>* conv_tiles_avx2() {
  static constexpr ConvTiles<T> tiles = list_tiles<T, 32, 6>();
  return &tiles;
}

template const ConvTiles<float>* conv_tiles_avx2<float>();
template const ConvTiles<double>* conv_tiles_avx2<double>();

}  // namespace gradax

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace gradax {

template <class T>
const ConvTiles<T>* conv_tiles_avx2() {
  return nullptr;
}

template const ConvTiles<float>* conv_tiles_avx2<float>();
template const ConvTiles<double>* conv_tiles_avx2<double>();

}  // namespace gradax

#endif
