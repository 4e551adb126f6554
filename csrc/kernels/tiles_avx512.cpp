// Compiled for AVX-512, whatever the rest is compiled for; called after `has_tiles` only.
#include "tiles.hpp"

#if defined(__x86_64__)

#include <algorithm>
#include <cstdlib>
#include <cstring>

// From here on: what headers define may be shared with code for other processors.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,fma,prefer-vector-width=512")
#endif

namespace gradax {
namespace {

// A tile of the result: `rows` by two vectors, 24 of the 32 registers.
template <class T>
struct Tile {
  static constexpr int64_t lanes = 64 / sizeof(T), rows = 12, columns = 2 * lanes;
  typedef T Vector __attribute__((vector_size(64), aligned(64)));
  typedef T Loose __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
};

// Of the sums, a block of terms is done at a time: its panel of b stays in the first cache, and
// with it a block of rows of a in the second, and of b in the third.
template <class T>
constexpr int64_t block_terms = 960 / sizeof(T);
constexpr int64_t block_rows = 240, block_columns = 4096;

// Memory of a thread for packed operands, which lasts.
struct Packed {
  ~Packed() { std::free(data); }
  // Returns null when there is no memory.
  void* take(size_t n_bytes) {
    if (n_bytes > size) {
      std::free(data);
      size = (n_bytes + 4095) / 4096 * 4096;
      data = std::aligned_alloc(64, size);
      if (!data) size = 0;
    }
    return data;
  }
  void* data = nullptr;
  size_t size = 0;
};

thread_local Packed packed_a, packed_b;

// Packs op(source), [n, k] of which element (i, q) is at i*step_i + q*step_q, into panels of
// `width` rows: element (i, q) of a panel is at q*width + i. Rows behind the last are zero.
template <int64_t width, class T>
void pack(const T* source, int64_t step_i, int64_t step_q, int64_t n, int64_t k, T* out) {
  for (int64_t i0 = 0; i0 < n; i0 += width, out += width * k) {
    const T* panel = source + i0 * step_i;
    const int64_t here = std::min(width, n - i0);
    if (here < width) std::memset(out, 0, static_cast<size_t>(width * k) * sizeof(T));
    if (step_i == 1 && here == width) {
      for (int64_t q = 0; q < k; ++q)
        for (int64_t i = 0; i < width; ++i) out[q * width + i] = panel[q * step_q + i];
    } else if (step_i == 1) {
      for (int64_t q = 0; q < k; ++q)
        for (int64_t i = 0; i < here; ++i) out[q * width + i] = panel[q * step_q + i];
    } else {
      for (int64_t i = 0; i < here; ++i)
        for (int64_t q = 0; q < k; ++q) out[q * width + i] = panel[i * step_i + q * step_q];
    }
  }
}

// One tile: c = a b, or c += a b.
template <class T>
void run_tile(int64_t k, const T* a, const T* b, T* c, int64_t ldc, bool accumulate) {
  using Vector = typename Tile<T>::Vector;
  using Loose = typename Tile<T>::Loose;
  constexpr int rows = Tile<T>::rows, lanes = Tile<T>::lanes;
  Vector sums[rows][2] = {};
  for (int64_t q = 0; q < k; ++q, a += rows, b += 2 * lanes) {
    const Vector left = *reinterpret_cast<const Vector*>(b);
    const Vector right = *reinterpret_cast<const Vector*>(b + lanes);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i) {
      sums[i][0] += a[i] * left;
      sums[i][1] += a[i] * right;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) {
    auto* left = reinterpret_cast<Loose*>(c + i * ldc);
    auto* right = reinterpret_cast<Loose*>(c + i * ldc + lanes);
    *left = accumulate ? *left + sums[i][0] : sums[i][0];
    *right = accumulate ? *right + sums[i][1] : sums[i][1];
  }
}

// A tile at the edge, of which `m` rows and `n` columns are the result's.
template <class T>
void run_edge(int64_t k, const T* a, const T* b, T* c, int64_t ldc, int64_t m, int64_t n,
              bool accumulate) {
  alignas(64) T whole[Tile<T>::rows * Tile<T>::columns];
  run_tile<T>(k, a, b, whole, Tile<T>::columns, false);
  for (int64_t i = 0; i < m; ++i) {
    const T* from = whole + i * Tile<T>::columns;
    T* to = c + i * ldc;
    for (int64_t j = 0; j < n; ++j) to[j] = accumulate ? to[j] + from[j] : from[j];
  }
}

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

template <class T>
bool multiply_tiles(const Product<T>& p) {
  constexpr int64_t rows = Tile<T>::rows, columns = Tile<T>::columns;
  const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
  const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
  const int64_t k_most = std::min(p.k, block_terms<T>);
  const int64_t n_most = round_up(std::min(p.n, block_columns), columns);
  const int64_t m_most = round_up(std::min(p.m, block_rows), rows);
  T* b = static_cast<T*>(packed_b.take(static_cast<size_t>(k_most * n_most) * sizeof(T)));
  T* a = static_cast<T*>(packed_a.take(static_cast<size_t>(k_most * m_most) * sizeof(T)));
  if (!a || !b) return false;
  for (int64_t j0 = 0; j0 < p.n; j0 += block_columns) {
    const int64_t n = std::min(block_columns, p.n - j0);
    for (int64_t q0 = 0; q0 < p.k; q0 += block_terms<T>) {
      const int64_t k = std::min(block_terms<T>, p.k - q0);
      const bool accumulate = p.accumulate || q0 > 0;
      pack<columns>(p.b + q0 * b_row + j0 * b_col, b_col, b_row, n, k, b);
      for (int64_t i0 = 0; i0 < p.m; i0 += block_rows) {
        const int64_t m = std::min(block_rows, p.m - i0);
        pack<rows>(p.a + i0 * a_row + q0 * a_col, a_row, a_col, m, k, a);
        for (int64_t j = 0; j < n; j += columns) {
          for (int64_t i = 0; i < m; i += rows) {
            T* c = p.c + (i0 + i) * p.ldc + j0 + j;
            const T *left = a + i * k, *right = b + j * k;
            if (i + rows <= m && j + columns <= n) {
              run_tile<T>(k, left, right, c, p.ldc, accumulate);
            } else {
              run_edge<T>(k, left, right, c, p.ldc, std::min(rows, m - i), std::min(columns, n - j),
                          accumulate);
            }
          }
        }
      }
    }
  }
  return true;
}

bool has_tiles() {
  static const bool found = __builtin_cpu_supports("avx512f");
  return found;
}

template bool multiply_tiles<float>(const Product<float>&);
template bool multiply_tiles<double>(const Product<double>&);

}  // namespace gradax

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace gradax {

bool has_tiles() { return false; }

template <class T>
bool multiply_tiles(const Product<T>&) {
  return false;
}

template bool multiply_tiles<float>(const Product<float>&);
template bool multiply_tiles<double>(const Product<double>&);

}  // namespace gradax

#endif
