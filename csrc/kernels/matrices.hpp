// Shared by the LAPACK kernels: batches of matrices, transposition, NaN for what failed.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "parallel.hpp"
#include "routines.hpp"
#include "scalar.hpp"

namespace gradax {

template <class T>
T nan_of() {
  constexpr Real<T> nan = std::numeric_limits<Real<T>>::quiet_NaN();
  if constexpr (is_complex<T>) {
    return T{nan, nan};
  } else {
    return nan;
  }
}

// LAPACK may not return from what is not finite.
template <class T>
bool is_finite(const T* x, int64_t n) {
  return std::all_of(x, x + n, [](T v) { return std::isfinite(std::abs(v)); });
}

// to[j, i] = from[i, j], dense; conjugated where asked.
template <class T>
void transpose(const T* from, int64_t m, int64_t n, T* to, bool conjugate = false) {
  constexpr int64_t tile = 16;
  for (int64_t i0 = 0; i0 < m; i0 += tile)
    for (int64_t j0 = 0; j0 < n; j0 += tile)
      for (int64_t j = j0; j < std::min(n, j0 + tile); ++j)
        for (int64_t i = i0; i < std::min(m, i0 + tile); ++i) {
          T x = from[i * n + j];
          if constexpr (is_complex<T>)
            if (conjugate) x = std::conj(x);
          to[j * m + i] = x;
        }
}

// Calls f(TypeTag<T>{}) for a dtype of BLAS; fails the call for another one, or without routines.
template <class F>
void with_blas_dtype(CallContext* ctx, int64_t dtype, const char* missing, F&& f) {
  auto run = [&](auto tag) {
    if (f(tag)) return;
    gx_fail(ctx, GX_RUNTIME_ERROR, missing);
  };
  switch (static_cast<Dtype>(dtype)) {
    case Dtype::F32:
      return run(TypeTag<float>{});
    case Dtype::F64:
      return run(TypeTag<double>{});
    case Dtype::C64:
      return run(TypeTag<Complex64>{});
    case Dtype::C128:
      return run(TypeTag<Complex128>{});
    default:
      gx_fail(ctx, GX_VALUE_ERROR, "linear algebra takes f32, f64, c64 and c128 alone");
  }
}

// Runs f(begin, end) over the batch; each matrix costs about `work` operations.
template <class F>
void for_batch(CallContext* ctx, int64_t batch, int64_t work, F&& f) {
  if (routine_table.is_single_threaded) {
    parallel_for(ctx, batch, grain_for(work), f);
  } else if (batch > 0) {
    f(int64_t{0}, batch);
  }
}

// The workspace that a query wrote into its first element.
template <class T>
int work_size(T answer) {
  if constexpr (is_complex<T>) {
    return std::max(1, static_cast<int>(answer.real()));
  } else {
    return std::max(1, static_cast<int>(answer));
  }
}

}  // namespace gradax
