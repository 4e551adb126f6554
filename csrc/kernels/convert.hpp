// Conversion between element types, of one element and of buffers.
#pragma once

#include "parallel.hpp"
#include "scalar.hpp"

namespace gradax {

// Converts as C++ does; complex to real drops the imaginary part, bool is 0 or 1.
template <class To, class From>
GX_INLINE To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<From, Bool8>) {
    return convert<To>(x.value);
  } else if constexpr (std::is_same_v<To, Bool8>) {
    return Bool8{static_cast<uint8_t>(x != From{})};
  } else if constexpr (requires { x.real(); } && !requires(To t) { t.real(); }) {
    return convert<To>(x.real());
  } else if constexpr (requires { x.real(); }) {
    using R = typename To::value_type;
    return To(static_cast<R>(x.real()), static_cast<R>(x.imag()));
  } else if constexpr (requires(To t) { t.real(); }) {
    return To(static_cast<typename To::value_type>(static_cast<double>(x)));
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat>) {
    return static_cast<To>(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat>) {
    return To(static_cast<float>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
GX_VECTORIZED void convert_all(const From* from, To* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
}

template <class From, class To>
void convert_parallel(CallContext* ctx, const From* from, To* to, int64_t n) {
  parallel_for(ctx, n, 1 << 15, [&](int64_t begin, int64_t end) {
    convert_all(from + begin, to + begin, end - begin);
  });
}

}  // namespace gradax
