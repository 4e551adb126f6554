// 512-bit vectors of floats; to be included between "target_avx512.hpp" and "target_end.hpp" only.
#pragma once

#include <cstdint>

namespace gradax {
namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = __m512;
  using Mask = __mmask16;
  static constexpr int lanes = 16;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector all(float x) { return _mm512_set1_ps(x); }
  static Vector load(const float* from) { return _mm512_loadu_ps(from); }
  static Vector load(const float* from, Mask mask) { return _mm512_maskz_loadu_ps(mask, from); }
  static void store(float* to, Vector x) { _mm512_storeu_ps(to, x); }
  static void store(float* to, Vector x, Mask mask) { _mm512_mask_storeu_ps(to, mask, x); }
  static Vector add(Vector x, Vector y) { return _mm512_add_ps(x, y); }
  static Vector fma(Vector x, Vector y, Vector z) { return _mm512_fmadd_ps(x, y, z); }
  static float sum(Vector x) { return _mm512_reduce_add_ps(x); }

  // Exchanges the rows and columns of 16 x 16 elements.
  static void transpose(Vector (&r)[16]) {
    Vector t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 4) {
      r[i] = low_pairs(t[i], t[i + 2]);
      r[i + 1] = high_pairs(t[i], t[i + 2]);
      r[i + 2] = low_pairs(t[i + 1], t[i + 3]);
      r[i + 3] = high_pairs(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const Vector even = _mm512_shuffle_f32x4(r[j], r[4 + j], 0x88);
      const Vector odd = _mm512_shuffle_f32x4(r[j], r[4 + j], 0xdd);
      const Vector even_far = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0x88);
      const Vector odd_far = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0xdd);
      r[j] = _mm512_shuffle_f32x4(even, even_far, 0x88);
      r[4 + j] = _mm512_shuffle_f32x4(odd, odd_far, 0x88);
      r[8 + j] = _mm512_shuffle_f32x4(even, even_far, 0xdd);
      r[12 + j] = _mm512_shuffle_f32x4(odd, odd_far, 0xdd);
    }
  }

 private:
  static Vector low_pairs(Vector x, Vector y) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
  }
  static Vector high_pairs(Vector x, Vector y) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
  }
};

template <>
struct Simd<double> {
  using Vector = __m512d;
  using Mask = __mmask8;
  static constexpr int lanes = 8;
  static Vector zero() { return _mm512_setzero_pd(); }
  static Vector all(double x) { return _mm512_set1_pd(x); }
  static Vector load(const double* from) { return _mm512_loadu_pd(from); }
  static Vector load(const double* from, Mask mask) { return _mm512_maskz_loadu_pd(mask, from); }
  static void store(double* to, Vector x) { _mm512_storeu_pd(to, x); }
  static void store(double* to, Vector x, Mask mask) { _mm512_mask_storeu_pd(to, mask, x); }
  static Vector add(Vector x, Vector y) { return _mm512_add_pd(x, y); }
  static Vector fma(Vector x, Vector y, Vector z) { return _mm512_fmadd_pd(x, y, z); }
  static double sum(Vector x) { return _mm512_reduce_add_pd(x); }

  // Exchanges the rows and columns of 8 x 8 elements.
  static void transpose(Vector (&r)[8]) {
    Vector t[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const Vector even = _mm512_shuffle_f64x2(t[j], t[2 + j], 0x88);
      const Vector odd = _mm512_shuffle_f64x2(t[j], t[2 + j], 0xdd);
      const Vector even_far = _mm512_shuffle_f64x2(t[4 + j], t[6 + j], 0x88);
      const Vector odd_far = _mm512_shuffle_f64x2(t[4 + j], t[6 + j], 0xdd);
      r[j] = _mm512_shuffle_f64x2(even, even_far, 0x88);
      r[2 + j] = _mm512_shuffle_f64x2(odd, odd_far, 0x88);
      r[4 + j] = _mm512_shuffle_f64x2(even, even_far, 0xdd);
      r[6 + j] = _mm512_shuffle_f64x2(odd, odd_far, 0xdd);
    }
  }
};

// Asks for memory that is read soon; any address will do.
inline void prefetch(const void* from) {
  _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0);
}

// The mask of the first n lanes; of all where there are as many.
template <class T>
typename Simd<T>::Mask first_lanes(int64_t n) {
  if (n >= Simd<T>::lanes) return static_cast<typename Simd<T>::Mask>(-1);
  return static_cast<typename Simd<T>::Mask>((1u << n) - 1);
}

}  // namespace
}  // namespace gradax
