// Between arrays of complex numbers and lanes: interleaving, and transposition in registers.
#pragma once

#include <algorithm>
#include <cstring>

#include "fft_lanes.hpp"
#include "target.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// Vectors of 64 bytes are passed between inlined functions alone.
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace gradax {

template <class R>
struct VecOf;
template <>
struct VecOf<float> {
  typedef float type __attribute__((vector_size(64)));
};
template <>
struct VecOf<double> {
  typedef double type __attribute__((vector_size(64)));
};
template <class R>
using Vec = typename VecOf<R>::type;

template <class R>
struct Cx {
  Vec<R> re, im;
};

template <class R>
GX_INLINE void turn(Cx<R>& x, R re, R im) {
  const Vec<R> real = x.re * re - x.im * im;
  x.im = x.re * im + x.im * re;
  x.re = real;
}

template <class R>
GX_INLINE void turn(Cx<R>& x, const Cx<R>& w) {
  const Vec<R> real = x.re * w.re - x.im * w.im;
  x.im = x.re * w.im + x.im * w.re;
  x.re = real;
}

template <class V>
GX_INLINE void load_vector(const void* from, V& to) {
  std::memcpy(&to, from, sizeof(V));
}

template <class V>
GX_INLINE void store_vector(const V& from, void* to) {
  std::memcpy(to, &from, sizeof(V));
}

// re and im of neighbours that lie as re, im, re, im .. in low and high.
GX_INLINE void split_parts(const Vec<float>& low, const Vec<float>& high, Cx<float>& x) {
  x.re =
      __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  x.im =
      __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

GX_INLINE void split_parts(const Vec<double>& low, const Vec<double>& high, Cx<double>& x) {
  x.re = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
  x.im = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

GX_INLINE void join_parts(const Cx<float>& x, Vec<float>& low, Vec<float>& high) {
  low = __builtin_shufflevector(x.re, x.im, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  high = __builtin_shufflevector(x.re, x.im, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
                                 15, 31);
}

GX_INLINE void join_parts(const Cx<double>& x, Vec<double>& low, Vec<double>& high) {
  low = __builtin_shufflevector(x.re, x.im, 0, 8, 1, 9, 2, 10, 3, 11);
  high = __builtin_shufflevector(x.re, x.im, 4, 12, 5, 13, 6, 14, 7, 15);
}

// A square of complex numbers in vectors of 64 bytes: 8 by 8 of c64, 4 by 4 of c128.
template <class R>
inline constexpr int64_t square_size = n_lanes<R> / 2;

GX_INLINE void transpose_square(Vec<double>* v, float) {
  for (int i = 0; i < 8; i += 2) {
    const Vec<double> a = v[i], b = v[i + 1];
    v[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
    v[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i : {0, 1, 4, 5}) {
    const Vec<double> a = v[i], b = v[i + 2];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    v[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; ++i) {
    const Vec<double> a = v[i], b = v[i + 4];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    v[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

GX_INLINE void transpose_square(Vec<double>* v, double) {
  for (int i = 0; i < 4; i += 2) {
    const Vec<double> a = v[i], b = v[i + 1];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    v[i + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 2; ++i) {
    const Vec<double> a = v[i], b = v[i + 2];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    v[i + 2] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

template <class R>
GX_INLINE void load_one(const std::complex<R>* in, LaneLayout layout, int64_t count, int64_t i,
                        Cx<R>& x) {
  x = Cx<R>{};
  for (int64_t l = 0; l < count; ++l) {
    const std::complex<R> value = in[i * layout.element + l * layout.lane];
    x.re[l] = value.real();
    x.im[l] = value.imag();
  }
}

template <class R>
GX_INLINE void store_one(const Cx<R>& x, std::complex<R>* out, LaneLayout layout, int64_t count,
                         int64_t i) {
  for (int64_t l = 0; l < count; ++l)
    out[i * layout.element + l * layout.lane] = {x.re[l], x.im[l]};
}

// A square's worth of elements of a row; of `most` alone where more would not be the row's.
template <class R>
GX_INLINE void load_some(const std::complex<R>* in, int64_t most, Vec<double>& to) {
  if (most >= square_size<R>) return load_vector(in, to);
  std::complex<R> some[square_size<R>] = {};
  for (int64_t i = 0; i < most; ++i) some[i] = in[i];
  load_vector(some, to);
}

template <class R>
GX_INLINE void store_some(const Vec<double>& from, int64_t most, std::complex<R>* out) {
  if (most >= square_size<R>) return store_vector(from, out);
  std::complex<R> some[square_size<R>];
  store_vector(from, some);
  for (int64_t i = 0; i < most; ++i) out[i] = some[i];
}

// The first elements of all lanes: a square's, or the n that short lanes have, whose last end where
// the memory does.
template <bool is_short, class R>
GX_INLINE void load_square(const std::complex<R>* in, int64_t lane, int64_t n, Cx<R>* x) {
  constexpr int64_t size = square_size<R>;
  Vec<double> low[size], high[size];
  for (int64_t l = 0; l < size; ++l) {
    const int64_t rest = is_short ? (2 * size - l) * lane : 2 * size;
    load_some(in + l * lane, rest, low[l]);
    load_some(in + (l + size) * lane, is_short ? rest - size * lane : size, high[l]);
  }
  transpose_square(low, R{});
  transpose_square(high, R{});
  for (int64_t j = 0; j < n; ++j) split_parts((Vec<R>)low[j], (Vec<R>)high[j], x[j]);
}

// The reverse. Where rows are shorter than squares, each writes over what the one before it wrote
// behind its end.
template <bool is_short, class R>
GX_INLINE void store_square(const Cx<R>* x, int64_t n, int64_t lane, std::complex<R>* out) {
  constexpr int64_t size = square_size<R>;
  Vec<double> low[size] = {}, high[size] = {};
  for (int64_t j = 0; j < n; ++j) {
    Vec<R> first, second;
    join_parts(x[j], first, second);
    low[j] = (Vec<double>)first;
    high[j] = (Vec<double>)second;
  }
  transpose_square(low, R{});
  transpose_square(high, R{});
  for (int64_t l = 0; l < size; ++l)
    store_some(low[l], is_short ? (2 * size - l) * lane : size, out + l * lane);
  for (int64_t l = 0; l < size; ++l)
    store_some(high[l], is_short ? (size - l) * lane : size, out + (size + l) * lane);
}

// x[i] = element i of all lanes; unused lanes are zero.
template <class R>
GX_INLINE void load_lanes(const std::complex<R>* in, LaneLayout layout, int64_t count, int64_t n,
                          Cx<R>* x) {
  constexpr int64_t size = square_size<R>;
  const bool is_full = count == n_lanes<R>;
  if (is_full && layout.lane == 1) {
    for (int64_t i = 0; i < n; ++i) {
      Vec<R> low, high;
      load_vector(in + i * layout.element, low);
      load_vector(in + i * layout.element + size, high);
      split_parts(low, high, x[i]);
    }
  } else if (is_full && layout.element == 1 && n >= size) {
    // The last square begins where it fits, in the one before.
    for (int64_t i = 0; i < n; i += size) {
      const int64_t at = std::min(i, n - size);
      load_square<false>(in + at, layout.lane, size, x + at);
    }
  } else if (is_full && layout.element == 1 && layout.lane == n) {
    load_square<true>(in, n, n, x);
  } else {
    for (int64_t i = 0; i < n; ++i) load_one(in, layout, count, i, x[i]);
  }
}

template <class R>
GX_INLINE void store_lanes(const Cx<R>* x, std::complex<R>* out, LaneLayout layout, int64_t count,
                           int64_t n) {
  constexpr int64_t size = square_size<R>;
  const bool is_full = count == n_lanes<R>;
  if (is_full && layout.lane == 1) {
    for (int64_t i = 0; i < n; ++i) {
      Vec<R> low, high;
      join_parts(x[i], low, high);
      store_vector(low, out + i * layout.element);
      store_vector(high, out + i * layout.element + size);
    }
  } else if (is_full && layout.element == 1 && n >= size) {
    for (int64_t i = 0; i < n; i += size) {
      const int64_t at = std::min(i, n - size);
      store_square<false>(x + at, size, layout.lane, out + at);
    }
  } else if (is_full && layout.element == 1 && layout.lane == n) {
    store_square<true>(x, n, n, out);
  } else {
    for (int64_t i = 0; i < n; ++i) store_one(x[i], out, layout, count, i);
  }
}

}  // namespace gradax
