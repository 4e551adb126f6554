// Complex transforms of [outer, n, inner] along the middle axis.
#pragma once

#include <complex>
#include <cstdint>

#include "../abi.h"

namespace gradax {

template <class R>
struct Transform {
  int64_t outer, n, inner;
  const std::complex<R>* in;
  std::complex<R>* out;  // apart from in
  bool inverse;
  R scale;
};

template <class R>
void transform_complex(CallContext* ctx, const Transform<R>& t);

// Rows (inner = 1) of a length with a large prime factor.
template <class R>
void transform_chirp(CallContext* ctx, const Transform<R>& t);

// Real rows of length n to n / 2 + 1 complex numbers, and back.
template <class R>
void transform_real(CallContext* ctx, int64_t outer, int64_t n, const R* in, std::complex<R>* out);
template <class R>
void transform_to_real(CallContext* ctx, int64_t outer, int64_t n, const std::complex<R>* in,
                       R* out);

}  // namespace gradax
