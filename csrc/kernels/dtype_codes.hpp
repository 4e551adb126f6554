// The element types that library kernels understand, and how to dispatch on their codes.
//
// The codes are part of the executable ABI: gradax/runtime/libraries.py mirrors them.
#pragma once

#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>

#include "target.hpp"

namespace gradax {

enum class Dtype : int64_t {
  Bool = 0,
  I8 = 1,
  I16 = 2,
  I32 = 3,
  I64 = 4,
  U8 = 5,
  U16 = 6,
  U32 = 7,
  U64 = 8,
  F16 = 9,
  BF16 = 10,
  F32 = 11,
  F64 = 12,
  C64 = 13,
  C128 = 14,
};

// A bool is stored as one byte, 0 or 1; a type of its own keeps its arithmetic apart from u8's.
struct Bool8 {
  uint8_t value;
};

GX_INLINE float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t magnitude = h & 0x7fffu;
  // Shifting the exponent into place and multiplying by 2^112 rescales it, subnormals included.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const uint32_t special = (magnitude << 13) | 0x7f800000u;
  const uint32_t bits = magnitude >= 0x7c00u ? special : std::bit_cast<uint32_t>(scaled);
  return std::bit_cast<float>(bits | sign);
}

GX_INLINE uint16_t float_to_half(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t normal = (magnitude + 0xfffu + odd - (112u << 23)) >> 13;
  // Below 2^-14 the sum with 0.5 aligns the result's last bit with the subnormal's, and rounds.
  const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
  const uint32_t subnormal = std::bit_cast<uint32_t>(aligned) - 0x3f000000u;
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;
  result = magnitude > 0x7f800000u ? (0x7e00u | ((magnitude >> 13) & 0x3ffu)) : result;
  return static_cast<uint16_t>(result | sign);
}

GX_INLINE float bfloat_to_float(uint16_t b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b) << 16);
}

GX_INLINE uint16_t float_to_bfloat(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

// Storage types; arithmetic is done in float, rounded to nearest even on the way back.
struct Half {
  uint16_t bits;
  Half() = default;
  GX_INLINE explicit Half(float f) : bits(float_to_half(f)) {}
  GX_INLINE operator float() const { return half_to_float(bits); }
};

struct BFloat {
  uint16_t bits;
  BFloat() = default;
  GX_INLINE explicit BFloat(float f) : bits(float_to_bfloat(f)) {}
  GX_INLINE operator float() const { return bfloat_to_float(bits); }
};

using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;

inline int64_t size_of(Dtype dtype) {
  constexpr int64_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
  return sizes[static_cast<int64_t>(dtype)];
}

inline bool is_dtype(int64_t code) { return code >= 0 && code <= 14; }

template <class T>
struct TypeTag {
  using type = T;
};

// Calls `f(TypeTag<T>{})` with the C++ type of `dtype`.
template <class F>
decltype(auto) with_dtype(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::Bool:
      return f(TypeTag<Bool8>{});
    case Dtype::I8:
      return f(TypeTag<int8_t>{});
    case Dtype::I16:
      return f(TypeTag<int16_t>{});
    case Dtype::I32:
      return f(TypeTag<int32_t>{});
    case Dtype::I64:
      return f(TypeTag<int64_t>{});
    case Dtype::U8:
      return f(TypeTag<uint8_t>{});
    case Dtype::U16:
      return f(TypeTag<uint16_t>{});
    case Dtype::U32:
      return f(TypeTag<uint32_t>{});
    case Dtype::U64:
      return f(TypeTag<uint64_t>{});
    case Dtype::F16:
      return f(TypeTag<Half>{});
    case Dtype::BF16:
      return f(TypeTag<BFloat>{});
    case Dtype::F32:
      return f(TypeTag<float>{});
    case Dtype::F64:
      return f(TypeTag<double>{});
    case Dtype::C64:
      return f(TypeTag<Complex64>{});
    default:
      return f(TypeTag<Complex128>{});
  }
}

// The same for sums and products, where a signed integer's bits follow from the unsigned one's.
template <class F>
decltype(auto) with_ring(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::I8:
      return f(TypeTag<uint8_t>{});
    case Dtype::I16:
      return f(TypeTag<uint16_t>{});
    case Dtype::I32:
      return f(TypeTag<uint32_t>{});
    case Dtype::I64:
      return f(TypeTag<uint64_t>{});
    case Dtype::Bool:
      return f(TypeTag<Bool8>{});
    case Dtype::U8:
      return f(TypeTag<uint8_t>{});
    case Dtype::U16:
      return f(TypeTag<uint16_t>{});
    case Dtype::U32:
      return f(TypeTag<uint32_t>{});
    case Dtype::U64:
      return f(TypeTag<uint64_t>{});
    case Dtype::F16:
      return f(TypeTag<Half>{});
    case Dtype::BF16:
      return f(TypeTag<BFloat>{});
    case Dtype::F32:
      return f(TypeTag<float>{});
    case Dtype::F64:
      return f(TypeTag<double>{});
    case Dtype::C64:
      return f(TypeTag<Complex64>{});
    default:
      return f(TypeTag<Complex128>{});
  }
}

// The types that a ring's arithmetic is instantiated for; Half and BFloat go through float.
#define GX_RING_TYPES(X) \
  X(Bool8)               \
  X(uint8_t) X(uint16_t) X(uint32_t) X(uint64_t) X(float) X(double) X(Complex64) X(Complex128)

}  // namespace gradax
