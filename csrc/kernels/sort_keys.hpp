// Unsigned keys whose order is the order of values, and the fastest sorts at hand.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "../abi.h"
#include "scalar.hpp"

namespace gradax {

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Half> || std::is_same_v<T, BFloat>;

template <class T>
inline constexpr bool is_real_float = is_half<T> || std::is_floating_point_v<T>;

template <int Size>
struct UnsignedOfSize;
template <>
struct UnsignedOfSize<1> {
  using type = uint8_t;
};
template <>
struct UnsignedOfSize<2> {
  using type = uint16_t;
};
template <>
struct UnsignedOfSize<4> {
  using type = uint32_t;
};
template <>
struct UnsignedOfSize<8> {
  using type = uint64_t;
};

template <class T>
using KeyOf = typename UnsignedOfSize<sizeof(T)>::type;

// IEEE's total order: -NaN < -inf < .. < -0.0 < 0.0 < .. < inf < NaN. Integers by value.
template <class T>
GX_INLINE KeyOf<T> total_order_key(T x) {
  using K = KeyOf<T>;
  const K bits = std::bit_cast<K>(x);
  constexpr K sign = static_cast<K>(K{1} << (8 * sizeof(T) - 1));
  if constexpr (is_real_float<T>) {
    const K flip = (bits & sign) ? static_cast<K>(~K{0}) : sign;
    return static_cast<K>(bits ^ flip);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<K>(bits ^ sign);
  } else {
    return bits;
  }
}

// The order of sort: every NaN is the same largest value, and -0.0 is 0.0.
template <class T>
GX_INLINE KeyOf<T> sort_key(T x) {
  if constexpr (is_real_float<T>) {
    using K = KeyOf<T>;
    const bool is_nan = x != x;
    const bool is_zero = x == T(0.0f);
    const K key = total_order_key(x);
    const K zero = static_cast<K>(K{1} << (8 * sizeof(T) - 1));
    return is_nan ? static_cast<K>(~K{0}) : (is_zero ? zero : key);
  } else {
    return total_order_key(x);
  }
}

// The value of a key that total_order_key or sort_key gave.
template <class T>
GX_INLINE T value_of_key(KeyOf<T> key) {
  using K = KeyOf<T>;
  constexpr K sign = static_cast<K>(K{1} << (8 * sizeof(T) - 1));
  if constexpr (is_real_float<T>) {
    return std::bit_cast<T>(static_cast<K>(key ^ ((key & sign) ? sign : static_cast<K>(~K{0}))));
  } else if constexpr (std::is_signed_v<T>) {
    return std::bit_cast<T>(static_cast<K>(key ^ sign));
  } else {
    return std::bit_cast<T>(key);
  }
}

// What sort compares: false for a NaN on the left, true for a NaN on the right alone.
template <class T>
GX_INLINE bool sorts_before(T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    // Without short circuits, so that a merge has no branch to mispredict.
    return static_cast<bool>(int{x < y} | (int{y != y} & int{x == x}));
  } else {
    return x < y;
  }
}

// Sorts [begin, begin + n) by sorts_before, not stably; T is a number type of C++.
template <class T>
void sort_run(T* begin, int64_t n);

// The same on all threads of the call.
template <class T>
void sort_parallel(CallContext* ctx, T* begin, int64_t n);

// order[i] = the position of the i-th smallest of 64-bit keys; ties by position. Uses up `keys`.
// `words` is scratch of n elements. `serial` keeps it to this thread.
void order_by_keys(CallContext* ctx, uint64_t* keys, uint64_t* words, uint32_t* order, int64_t n,
                   bool serial);

}  // namespace gradax
