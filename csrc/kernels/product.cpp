#include "product.hpp"

#include <algorithm>

#include "tiles.hpp"

namespace gradax {
namespace {

// One product whose result has N columns, which stay in registers.
template <int N, class T>
GX_INLINE void multiply_columns(const Product<T>& p) {
  const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
  const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
  for (int64_t i = 0; i < p.m; ++i) {
    T sums[N];
    for (int j = 0; j < N; ++j) sums[j] = p.accumulate ? p.c[i * p.ldc + j] : T{};
    for (int64_t q = 0; q < p.k; ++q) {
      const T x = p.a[i * a_row + q * a_col];
      const T* row = p.b + q * b_row;
      for (int j = 0; j < N; ++j) sums[j] = multiply_add(x, row[j * b_col], sums[j]);
    }
    for (int j = 0; j < N; ++j) p.c[i * p.ldc + j] = sums[j];
  }
}

template <class T>
GX_INLINE void multiply_small(Product<T> p) {
  while (p.n >= 8) {
    multiply_columns<8>(p.part(0, p.m, 0, 8));
    p = p.part(0, p.m, 8, p.n);
  }
  if (p.n >= 4) {
    multiply_columns<4>(p.part(0, p.m, 0, 4));
    p = p.part(0, p.m, 4, p.n);
  }
  if (p.n == 3) multiply_columns<3>(p);
  if (p.n == 2) multiply_columns<2>(p);
  if (p.n == 1) multiply_columns<1>(p);
}

// A square product of a size the compiler knows, unrolled whole.
template <int N, class T>
GX_INLINE void multiply_square(const T* a, const T* b, T* c) {
  for (int i = 0; i < N; ++i) {
    T sums[N];
    for (int j = 0; j < N; ++j) sums[j] = multiply(a[i * N], b[j]);
    for (int q = 1; q < N; ++q)
      for (int j = 0; j < N; ++j) sums[j] = multiply_add(a[i * N + q], b[q * N + j], sums[j]);
    for (int j = 0; j < N; ++j) c[i * N + j] = sums[j];
  }
}

template <class T>
GX_VECTORIZED void multiply_many(Product<T> p, int64_t count, int64_t stride_a, int64_t stride_b,
                                 int64_t stride_c) {
  const bool plain = !p.trans_a && !p.trans_b && !p.accumulate && p.m == p.n && p.n == p.k &&
                     p.lda == p.n && p.ldb == p.n && p.ldc == p.n;
  const int square = plain ? static_cast<int>(std::min<int64_t>(p.n, 5)) : 5;
  for (int64_t i = 0; i < count; ++i) {
    if (square == 4) {
      multiply_square<4>(p.a, p.b, p.c);
    } else if (square == 3) {
      multiply_square<3>(p.a, p.b, p.c);
    } else if (square == 2) {
      multiply_square<2>(p.a, p.b, p.c);
    } else {
      multiply_small(p);
    }
    p.a += stride_a;
    p.b += stride_b;
    p.c += stride_c;
  }
}

constexpr int64_t block_columns = 256, block_terms = 64;

// c += a b for one block whose b is packed, [k, n] dense.
template <class T>
GX_VECTORIZED void add_block(const Product<T>& p, const T* packed) {
  const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
  for (int64_t i = 0; i < p.m; ++i) {
    T sums[block_columns];
    T* c = p.c + i * p.ldc;
    std::copy(c, c + p.n, sums);
    for (int64_t q = 0; q < p.k; ++q) {
      const T x = p.a[i * a_row + q * a_col];
      const T* row = packed + q * p.n;
      for (int64_t j = 0; j < p.n; ++j) sums[j] = multiply_add(x, row[j], sums[j]);
    }
    std::copy(sums, sums + p.n, c);
  }
}

// Blocked loops for the types that BLAS has not, and for all without BLAS.
template <class T>
void multiply_blocked(const Product<T>& p) {
  T packed[block_columns * block_terms];
  if (!p.accumulate)
    for (int64_t i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.ldc, p.n, T{});
  for (int64_t j = 0; j < p.n; j += block_columns) {
    for (int64_t q = 0; q < p.k; q += block_terms) {
      const Product<T> block = p.part(0, p.m, j, std::min(p.n, j + block_columns))
                                   .terms(q, std::min(p.k, q + block_terms));
      const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
      for (int64_t r = 0; r < block.k; ++r)
        for (int64_t s = 0; s < block.n; ++s)
          packed[r * block.n + s] = block.b[r * b_row + s * b_col];
      add_block(block, packed);
    }
  }
}

// y (+)= op(matrix) x, where the matrix is stored [rows, columns] row-major.
template <class T>
void call_gemv(bool transposed, int64_t rows, int64_t columns, const T* matrix, int64_t ld,
               const T* x, int64_t step_x, T* y, int64_t step_y, bool accumulate) {
  char trans = transposed ? 'N' : 'T';
  int m = static_cast<int>(columns), n = static_cast<int>(rows), stride = static_cast<int>(ld);
  int incx = static_cast<int>(step_x), incy = static_cast<int>(step_y);
  T one{1};
  // Some libraries scale y even by a beta of zero, which would keep the NaN of old memory.
  if (!accumulate)
    for (int64_t i = 0, size = transposed ? columns : rows; i < size; ++i) y[i * step_y] = T{};
  call_routine(GX_PICK(T, gemv), &trans, &m, &n, &one, const_cast<T*>(matrix), &stride,
               const_cast<T*>(x), &incx, &one, y, &incy);
}

template <class T>
void multiply_blas(const Product<T>& p) {
  if (p.n == 1) {
    const int64_t rows = p.trans_a ? p.k : p.m, columns = p.trans_a ? p.m : p.k;
    return call_gemv(p.trans_a, rows, columns, p.a, p.lda, p.b, p.trans_b ? 1 : p.ldb, p.c, p.ldc,
                     p.accumulate);
  }
  if (p.m == 1) {
    const int64_t rows = p.trans_b ? p.n : p.k, columns = p.trans_b ? p.k : p.n;
    return call_gemv(!p.trans_b, rows, columns, p.b, p.ldb, p.a, p.trans_a ? p.lda : 1, p.c,
                     int64_t{1}, p.accumulate);
  }
  // A row-major matrix is its transpose in column-major order, so the operands change places.
  char trans_a = p.trans_a ? 'T' : 'N', trans_b = p.trans_b ? 'T' : 'N';
  int m = static_cast<int>(p.m), n = static_cast<int>(p.n), k = static_cast<int>(p.k);
  int lda = static_cast<int>(p.lda), ldb = static_cast<int>(p.ldb), ldc = static_cast<int>(p.ldc);
  T one{1}, beta = p.accumulate ? T{1} : T{};
  call_routine(GX_PICK(T, gemm), &trans_b, &trans_a, &n, &m, &k, &one, const_cast<T*>(p.b), &ldb,
               const_cast<T*>(p.a), &lda, &beta, p.c, &ldc);
}

}  // namespace

template <class T>
void run_small_products(Product<T> p, int64_t count, int64_t stride_a, int64_t stride_b,
                        int64_t stride_c) {
  multiply_many(p, count, stride_a, stride_b, stride_c);
}

template <class T>
void run_product(const Product<T>& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.m * p.n * p.k <= small_product) return multiply_many(p, 1, 0, 0, 0);
  if constexpr (is_tiled_type<T>) {
    if (p.k > 0 && has_tiles()) {
      if ((p.m == 1 || p.n == 1) && multiply_vector(p)) return;
      if (multiply_tiles(p)) return;
    }
  }
  if constexpr (is_blas_type<T>) {
    const int64_t limit = INT32_MAX;
    const bool fits = std::max({p.m, p.n, p.k, p.lda, p.ldb, p.ldc}) <= limit;
    if (fits && uses_blas<T>()) return multiply_blas(p);
  }
  multiply_blocked(p);
}

#define GX_INSTANTIATE(T)                          \
  template void run_product<T>(const Product<T>&); \
  template void run_small_products<T>(Product<T>, int64_t, int64_t, int64_t, int64_t);
GX_RING_TYPES(GX_INSTANTIATE)
#undef GX_INSTANTIATE

}  // namespace gradax
