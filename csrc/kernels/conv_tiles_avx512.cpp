// Compiled for AVX-512, whatever the rest is compiled for; called where the processor has it only.
#include "conv_tiles.hpp"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,fma,prefer-vector-width=512")
#endif

#include "conv_tiles_body.hpp"

namespace gradax {

template <class T>
const ConvTiles<T>* conv_tiles_avx512() {
  static constexpr ConvTiles<T> tiles = list_tiles<T, 64, 12>();
  return &tiles;
}

template const ConvTiles<float>* conv_tiles_avx512<float>();
template const ConvTiles<double>* conv_tiles_avx512<double>();

}  // namespace gradax

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace gradax {

template <class T>
const ConvTiles<T>* conv_tiles_avx512() {
  return nullptr;
}

template const ConvTiles<float>* conv_tiles_avx512<float>();
template const ConvTiles<double>* conv_tiles_avx512<double>();

}  // namespace gradax

#endif
