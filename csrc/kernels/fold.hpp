// The associative operations of scans and windows, with their identities.
#pragma once

#include <limits>

#include "scalar.hpp"

namespace gradax {

enum class Fold : int64_t { Sum = 0, Prod = 1, Max = 2, Min = 3 };

template <class T>
inline constexpr bool is_complex_type =
    std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;

struct SumOp {
  template <class T>
  static GX_INLINE T join(T x, T y) {
    return add(x, y);
  }
  template <class T>
  static T identity() {
    return T{};
  }
};

struct ProdOp {
  template <class T>
  static GX_INLINE T join(T x, T y) {
    return multiply(x, y);
  }
  template <class T>
  static T identity() {
    if constexpr (std::is_same_v<T, Bool8>) {
      return Bool8{1};
    } else {
      return T{1};
    }
  }
};

// Max and Min keep a NaN; complex numbers compare by real part, then by imaginary part.
template <bool IsMax>
struct ExtremeOp {
  template <class T>
  static GX_INLINE bool beats(T x, T y) {
    return IsMax ? x > y : x < y;
  }

  template <class T>
  static GX_INLINE T join(T x, T y) {
    if constexpr (std::is_same_v<T, Bool8>) {
      return Bool8{static_cast<uint8_t>(IsMax ? x.value | y.value : x.value & y.value)};
    } else if constexpr (is_complex_type<T>) {
      if (x != x) return x;
      if (y != y) return y;
      const bool first =
          beats(x.real(), y.real()) || (x.real() == y.real() && beats(x.imag(), y.imag()));
      return first ? x : y;
    } else if constexpr (std::is_floating_point_v<T>) {
      // A comparison with NaN is false, so that best is x where x is NaN.
      const T best = beats(y, x) ? y : x;
      return y != y ? y : best;
    } else {
      return beats(x, y) ? x : y;
    }
  }

  template <class T>
  static T identity() {
    if constexpr (std::is_same_v<T, Bool8>) {
      return Bool8{IsMax ? uint8_t{0} : uint8_t{1}};
    } else if constexpr (is_complex_type<T>) {
      using R = typename T::value_type;
      constexpr R infinity = std::numeric_limits<R>::infinity();
      return IsMax ? T{-infinity, -infinity} : T{infinity, infinity};
    } else if constexpr (std::is_floating_point_v<T>) {
      return IsMax ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    } else {
      return IsMax ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
    }
  }
};

using MaxOp = ExtremeOp<true>;
using MinOp = ExtremeOp<false>;

// Calls f(op) with the operation; false for an unknown code.
template <class F>
bool with_fold(int64_t code, F&& f) {
  switch (static_cast<Fold>(code)) {
    case Fold::Sum:
      f(SumOp{});
      return true;
    case Fold::Prod:
      f(ProdOp{});
      return true;
    case Fold::Max:
      f(MaxOp{});
      return true;
    case Fold::Min:
      f(MinOp{});
      return true;
  }
  return false;
}

// The type in which T is folded.
template <class T>
using FoldOf = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat>, float, T>;

}  // namespace gradax
