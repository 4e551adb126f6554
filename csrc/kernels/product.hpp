// One matrix product on one thread: c = op(a) op(b), or c += op(a) op(b), row-major.
#pragma once

#include "../abi.h"
#include "routines.hpp"
#include "scalar.hpp"

namespace gradax {

template <class T>
struct Product {
  int64_t m, n, k;
  const T* a;
  int64_t lda;  // elements between rows of a as it is stored: [m, k], or [k, m] if trans_a
  const T* b;
  int64_t ldb;
  T* c;
  int64_t ldc;
  bool trans_a = false;
  bool trans_b = false;
  bool accumulate = false;

  // The rows [i0, i1) and columns [j0, j1) of the result.
  Product part(int64_t i0, int64_t i1, int64_t j0, int64_t j1) const {
    Product out = *this;
    out.m = i1 - i0;
    out.n = j1 - j0;
    out.a += trans_a ? i0 : i0 * lda;
    out.b += trans_b ? j0 * ldb : j0;
    out.c += i0 * ldc + j0;
    return out;
  }

  // The terms [p0, p1) of the sums.
  Product terms(int64_t p0, int64_t p1) const {
    Product out = *this;
    out.k = p1 - p0;
    out.a += trans_a ? p0 * lda : p0;
    out.b += trans_b ? p0 : p0 * ldb;
    return out;
  }
};

// Up to this m*n*k our own loops beat the call of a BLAS routine.
inline constexpr int64_t small_product = 512;

// Runs the product. T is one of GX_RING_TYPES.
template <class T>
void run_product(const Product<T>& p);

// Runs `count` products of one shape; operands step by the strides, in elements.
template <class T>
void run_small_products(Product<T> p, int64_t count, int64_t stride_a, int64_t stride_b,
                        int64_t stride_c);

struct Batch {
  int64_t count, stride_a, stride_b, stride_c;
};

// Runs a batch of products on all threads of the call; `first` is the batch's first.
template <class T>
void run_batch(CallContext* ctx, const Product<T>& first, const Batch& batch);

// Whether T's products call BLAS, and BLAS is there.
template <class T>
bool uses_blas() {
  if constexpr (is_blas_type<T>) {
    return has_routine(GX_PICK(T, gemm)) && has_routine(GX_PICK(T, gemv));
  } else {
    return false;
  }
}

}  // namespace gradax
