#include "conv_tiles_body.hpp"

namespace gradax {

template <class T>
const ConvTiles<T>& conv_tiles(int64_t most_bytes) {
  static constexpr ConvTiles<T> portable = list_tiles<T, 16, 4>();
#if defined(__x86_64__)
  static const bool has_512 = __builtin_cpu_supports("avx512f");
  static const bool has_256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (most_bytes >= 64 && has_512) return *conv_tiles_avx512<T>();
  if (most_bytes >= 32 && has_256) return *conv_tiles_avx2<T>();
#else
  (void)most_bytes;
#endif
  return portable;
}

template const ConvTiles<float>& conv_tiles<float>(int64_t);
template const ConvTiles<double>& conv_tiles<double>(int64_t);

}  // namespace gradax
