// Cholesky factors, triangular systems, LU factors.
#include "cholesky_blocked.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "lu_blocked.hpp"
#include "matrices.hpp"
#include "product.hpp"
#include "tiles.hpp"
#include "trsm_blocked.hpp"

namespace gradax {
namespace {

// Larger matrices are factored block by block.
constexpr int64_t least_blocked = 192;

// Overwrites the lower triangle by its factor; false if there is none.
template <class T>
bool factor_one_cholesky([[maybe_unused]] CallContext* ctx, int64_t n, T* x) {
  if constexpr (is_tiled_type<T>)
    if (has_tiles() && n > least_blocked) return cholesky_blocked(ctx, n, x);
  // A row-major lower triangle is the upper one of the column-major conjugate.
  char uplo = 'U';
  int size = static_cast<int>(n), ld = std::max(1, size), info = 0;
  call_routine(GX_PICK(T, potrf), &uplo, &size, x, &ld, &info);
  return info == 0;
}

template <class T>
void factor_cholesky(CallContext* ctx, int64_t batch, int64_t n, const T* a, T* out) {
  if constexpr (is_laned_type<T>)
    if (fits_lanes(batch, n)) return cholesky_lanes(ctx, batch, n, a, out);
  auto run = [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      T* x = out + b * n * n;
      std::copy_n(a + b * n * n, n * n, x);
      const bool has_factor = factor_one_cholesky(ctx, n, x);
      for (int64_t i = 0; i < n; ++i) {
        if (!has_factor) std::fill_n(x + i * n, i + 1, nan_of<T>());
        std::fill_n(x + i * n + i + 1, n - i - 1, T{});
      }
    }
  };
  // A few large ones have threads each.
  if (batch < ctx->n_threads) return run(0, batch);
  for_batch(ctx, batch, n * n * n / 3 + n * n, run);
}

struct Triangular {
  int64_t batch, m, n;
  bool left, lower, unit;
  int64_t trans;
};

// Solves for the part of the right-hand sides that begins at x, `count` of them.
template <class T>
void solve_part(const Triangular& t, const T* a, T* x, int64_t count) {
  // Row-major operands are their transposes in column-major order: sides and triangles swap.
  char side = t.left ? 'R' : 'L', uplo = t.lower ? 'U' : 'L';
  char trans = "NTC"[t.trans], diag = t.unit ? 'U' : 'N';
  const int order = static_cast<int>(t.left ? t.m : t.n);
  int rows = static_cast<int>(t.left ? count : t.n),
      columns = static_cast<int>(t.left ? t.m : count);
  int lda = order, ldb = static_cast<int>(t.n);
  T one{1};
  call_routine(GX_PICK(T, trsm), &side, &uplo, &trans, &diag, &rows, &columns, &one,
               const_cast<T*>(a), &lda, x, &ldb);
}

template <class T>
void solve_triangular(CallContext* ctx, const Triangular& t, const T* a, const T* b, T* out) {
  const int64_t order = t.left ? t.m : t.n, sides = t.left ? t.n : t.m;
  if (t.m * t.n == 0) return;
  if constexpr (is_laned_type<T>) {
    if (fits_lanes(t.batch, order) && sides <= 32) {
      const bool transposed = (t.trans != 0) == t.left;
      const LaneSystem system{order, sides, t.lower != transposed, transposed, !t.left, t.unit};
      return solve_lanes(ctx, t.batch, system, a, b, out);
    }
  }
  parallel_for(ctx, t.batch * t.m, grain_for(t.n), [&](int64_t begin, int64_t end) {
    std::copy(b + begin * t.n, b + end * t.n, out + begin * t.n);
  });
  if constexpr (is_tiled_type<T>) {
    constexpr int64_t many_sides = 16;
    if (has_tiles() && t.left && sides >= many_sides) {
      const LeftSystem system{t.batch, order, sides, t.lower, t.trans != 0, t.unit};
      return solve_left_blocked(ctx, system, a, out);
    }
  }
  int64_t part = sides;
  // By the shape alone: what BLAS makes of a part depends on the part's shape.
  constexpr int64_t most_parts = 32, least_sides = 32;
  if (routine_table.is_single_threaded)
    part = std::clamp(sides / most_parts + 1, std::min(least_sides, sides), sides);
  const int64_t parts = (sides + part - 1) / part;
  for_batch(ctx, t.batch * parts, order * order * part, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % parts * part, count = std::min(part, sides - first);
      T* x = out + i / parts * t.m * t.n + (t.left ? first : first * t.n);
      solve_part(t, a + i / parts * order * order, x, count);
    }
  });
}

// Overwrites out, a copy of the matrix, by its factors; pivots from 0.
template <class T>
void factor_one_lu(CallContext* ctx, int64_t m, int64_t n, T* out, int32_t* pivots, T* columns) {
  if constexpr (is_tiled_type<T>)
    if (has_tiles()) return lu_blocked(ctx, m, n, out, pivots);
  int rows = static_cast<int>(m), cols = static_cast<int>(n), ld = std::max(1, rows), info = 0;
  transpose(out, m, n, columns);
  call_routine(GX_PICK(T, getrf), &rows, &cols, columns, &ld, pivots, &info);
  transpose(columns, n, m, out);
  if (info < 0) std::fill_n(out, m * n, nan_of<T>());
  for (int64_t i = 0; i < std::min(m, n); ++i) pivots[i] -= 1;
}

template <class T>
void factor_lu(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* out,
               int32_t* pivots, int32_t* permutation) {
  const int64_t k = std::min(m, n);
  if constexpr (is_laned_type<T>)
    if (k > 0 && fits_lanes(batch, std::max(m, n)))
      return lu_lanes(ctx, batch, m, n, a, out, pivots, permutation);
  auto run = [&](int64_t begin, int64_t end) {
    Scratch<T> columns(ctx, m * n);
    if (!columns) return;
    for (int64_t b = begin; b < end; ++b) {
      int32_t *pivot = pivots + b * k, *order = permutation + b * m;
      std::copy_n(a + b * m * n, m * n, out + b * m * n);
      if (k > 0) factor_one_lu(ctx, m, n, out + b * m * n, pivot, columns.get());
      for (int64_t i = 0; i < m; ++i) order[i] = static_cast<int32_t>(i);
      for (int64_t i = 0; i < k; ++i) std::swap(order[i], order[pivot[i]]);
    }
  };
  // A few large ones have threads each.
  if (batch < ctx->n_threads) return run(0, batch);
  for_batch(ctx, batch, m * n * k + m, run);
}

}  // namespace
}  // namespace gradax

extern "C" void gx_cholesky(CallContext* ctx, void* const* ins, void* const* outs,
                            const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "cholesky: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, potrf))) return false;
    factor_cholesky(ctx, params[1], params[2], static_cast<const T*>(ins[0]),
                    static_cast<T*>(outs[0]));
    return true;
  });
}

extern "C" void gx_trsm(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "trsm: BLAS is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, trsm))) return false;
    const Triangular t{params[1],      params[2],      params[3], params[4] != 0,
                       params[5] != 0, params[7] != 0, params[6]};
    solve_triangular(ctx, t, static_cast<const T*>(ins[0]), static_cast<const T*>(ins[1]),
                     static_cast<T*>(outs[0]));
    return true;
  });
}

extern "C" void gx_lu(CallContext* ctx, void* const* ins, void* const* outs,
                      const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "lu: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, getrf))) return false;
    factor_lu(ctx, params[1], params[2], params[3], static_cast<const T*>(ins[0]),
              static_cast<T*>(outs[0]), static_cast<int32_t*>(outs[1]),
              static_cast<int32_t*>(outs[2]));
    return true;
  });
}
