#include <cmath>

#include "parallel.hpp"
#include "product.hpp"

namespace gradax {
namespace {

// How one product is cut: result rows and columns, or the terms of the sums.
struct Grid {
  int64_t rows = 1, columns = 1, terms = 1;
};

constexpr int64_t work_per_part = int64_t{1} << 20;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Begin of piece i of [0, n) cut into `parts`, at multiples of 16 where pieces are long.
int64_t cut(int64_t n, int64_t parts, int64_t i) {
  if (i >= parts) return n;
  const int64_t at = n * i / parts;
  return n >= 32 * parts ? at / 16 * 16 : at;
}

Grid plan_grid(int64_t m, int64_t n, int64_t k, int n_threads, bool can_split) {
  Grid grid;
  if (!can_split) return grid;
  // Splitting the sums follows from the shape alone, so that results do not vary with threads.
  if (m * n <= 64 * 64 && k >= 8192) {
    grid.terms = std::min<int64_t>(64, k / 4096);
    return grid;
  }
  if (n_threads <= 1) return grid;
  const bool is_vector = m == 1 || n == 1;
  const int64_t enough = is_vector ? int64_t{1} << 16 : work_per_part;
  const int64_t parts = std::min<int64_t>(m * n * k / enough, 2 * n_threads);
  if (parts <= 1) return grid;
  const int64_t least = is_vector ? 16 : 32;
  const double ratio =
      std::sqrt(static_cast<double>(parts) * static_cast<double>(m) / static_cast<double>(n));
  grid.rows = std::clamp<int64_t>(std::llround(ratio), 1, std::min(parts, ceil_div(m, least)));
  grid.columns = std::clamp<int64_t>(parts / grid.rows, 1, ceil_div(n, least));
  grid.rows = std::clamp<int64_t>(parts / grid.columns, 1, ceil_div(m, least));
  return grid;
}

template <class T>
void split_terms(CallContext* ctx, const Product<T>& p, int64_t parts) {
  const int64_t size = p.m * p.n;
  Scratch<T> partial(ctx, parts * size);
  if (!partial) return;
  parallel_for(ctx, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Product<T> piece = p.terms(cut(p.k, parts, i), cut(p.k, parts, i + 1));
      piece.c = partial.get() + i * size;
      piece.ldc = p.n;
      piece.accumulate = false;
      run_product(piece);
    }
  });
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) {
      T sum = p.accumulate ? p.c[i * p.ldc + j] : T{};
      for (int64_t part = 0; part < parts; ++part)
        sum = add(sum, partial[part * size + i * p.n + j]);
      p.c[i * p.ldc + j] = sum;
    }
  }
}

}  // namespace

template <class T>
void run_batch(CallContext* ctx, const Product<T>& first, const Batch& batch) {
  const int64_t work = first.m * first.n * first.k;
  if (work <= small_product) {
    const int64_t grain = grain_for(work + first.m * first.n + 8, 1 << 16);
    return parallel_for(ctx, batch.count, grain, [&](int64_t begin, int64_t end) {
      Product<T> p = first;
      p.a += begin * batch.stride_a;
      p.b += begin * batch.stride_b;
      p.c += begin * batch.stride_c;
      run_small_products(p, end - begin, batch.stride_a, batch.stride_b, batch.stride_c);
    });
  }
  const bool can_split = !uses_blas<T>() || routine_table.is_single_threaded;
  const int n_threads = can_split ? ctx->n_threads : 1;
  Grid grid;
  if (batch.count < 2 * n_threads || n_threads == 1)
    grid = plan_grid(first.m, first.n, first.k, n_threads, can_split);
  const int64_t tiles = grid.rows * grid.columns;
  auto nth = [&](int64_t i) {
    Product<T> p = first;
    p.a += i * batch.stride_a;
    p.b += i * batch.stride_b;
    p.c += i * batch.stride_c;
    return p;
  };
  if (grid.terms > 1) {
    for (int64_t i = 0; i < batch.count; ++i) split_terms(ctx, nth(i), grid.terms);
    return;
  }
  auto run_tiles = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % tiles / grid.columns, column = i % grid.columns;
      const Product<T> p = nth(i / tiles);
      run_product(p.part(cut(p.m, grid.rows, row), cut(p.m, grid.rows, row + 1),
                         cut(p.n, grid.columns, column), cut(p.n, grid.columns, column + 1)));
    }
  };
  if (n_threads == 1) return run_tiles(0, batch.count * tiles);
  parallel_for(ctx, batch.count * tiles, tiles > 1 ? 1 : grain_for(work, 1 << 18), run_tiles);
}

#define GX_INSTANTIATE(T) template void run_batch<T>(CallContext*, const Product<T>&, const Batch&);
GX_RING_TYPES(GX_INSTANTIATE)
#undef GX_INSTANTIATE

}  // namespace gradax
