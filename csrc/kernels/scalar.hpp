// Arithmetic of one element, the same for every dtype: wrap-around integers, or/and for bools.
#pragma once

#include <type_traits>

#include "dtype_codes.hpp"

namespace gradax {

// Where integer sums are formed: unsigned (signed overflow is undefined) and at least 32 bits wide.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t,
                                    std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;

template <class T>
GX_INLINE T multiply_add(T x, T y, T sum) {
  if constexpr (std::is_same_v<T, Bool8>) {
    return Bool8{static_cast<uint8_t>(sum.value | (x.value & y.value))};
  } else if constexpr (std::is_integral_v<T>) {
    using W = Wrapping<T>;
    return static_cast<T>(static_cast<W>(x) * static_cast<W>(y) + static_cast<W>(sum));
  } else if constexpr (std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>) {
    // The operator of std::complex recovers infinities, one branch a product.
    return T(sum.real() + x.real() * y.real() - x.imag() * y.imag(),
             sum.imag() + x.real() * y.imag() + x.imag() * y.real());
  } else {
    return T(x * y + sum);
  }
}

template <class T>
GX_INLINE T add(T x, T y) {
  if constexpr (std::is_same_v<T, Bool8>) {
    return Bool8{static_cast<uint8_t>(x.value | y.value)};
  } else if constexpr (std::is_integral_v<T>) {
    using W = Wrapping<T>;
    return static_cast<T>(static_cast<W>(x) + static_cast<W>(y));
  } else {
    return T(x + y);
  }
}

template <class T>
GX_INLINE T multiply(T x, T y) {
  return multiply_add(x, y, T{});
}

}  // namespace gradax
