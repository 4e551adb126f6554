// Small matrices to and from lanes, compiled for AVX-512; called after `has_tiles` only.
#include "lanes.hpp"

#if defined(__x86_64__)

#include "intrinsics.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "target_avx512.hpp"

#include "tile_avx512.hpp"

namespace gradax {

template <class T>
void gather_wide(const T* from, int64_t size, int64_t count, T* to) {
  constexpr int64_t lanes = group_lanes<T>;
  pack_transposed(from, size, std::min(count, lanes), size, to, lanes, lanes, lanes);
}

template <class T>
void scatter_wide(const T* from, int64_t size, int64_t count, T* to) {
  constexpr int64_t lanes = group_lanes<T>;
  for (int64_t e = 0; e < size; e += lanes) {
    const int64_t here = std::min(lanes, size - e);
    pack_transposed(from + e * lanes, lanes, here, count, to + e, size, here, lanes);
  }
}

template void gather_wide<float>(const float*, int64_t, int64_t, float*);
template void gather_wide<double>(const double*, int64_t, int64_t, double*);
template void scatter_wide<float>(const float*, int64_t, int64_t, float*);
template void scatter_wide<double>(const double*, int64_t, int64_t, double*);

}  // namespace gradax

#include "target_end.hpp"

#else

namespace gradax {

template <class T>
void gather_wide(const T*, int64_t, int64_t, T*) {}

template <class T>
void scatter_wide(const T*, int64_t, int64_t, T*) {}

template void gather_wide<float>(const float*, int64_t, int64_t, float*);
template void gather_wide<double>(const double*, int64_t, int64_t, double*);
template void scatter_wide<float>(const float*, int64_t, int64_t, float*);
template void scatter_wide<double>(const double*, int64_t, int64_t, double*);

}  // namespace gradax

#endif
