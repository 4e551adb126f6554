#include <cmath>

#include "parallel.hpp"
#include "product.hpp"
#include "tiles.hpp"

namespace gradax {
namespace {

// How one product is cut: result rows and columns, or the terms of the sums.
struct Grid {
  int64_t rows = 1, columns = 1, terms = 1;
};

// BLAS sums in an order that follows from the shape of a part: its parts follow from the shape of
// the whole alone, so that results do not vary with threads.
constexpr int64_t work_per_part = int64_t{1} << 20, blas_work_per_part = int64_t{1} << 21;
constexpr int64_t work_per_vector = int64_t{1} << 17, results_per_vector = 128;
constexpr int64_t most_blas_parts = 32;

// Whether the sums of a part of a product are those of the whole.
template <class T>
bool can_cut_anywhere() {
  if constexpr (is_tiled_type<T>)
    if (has_tiles()) return true;
  return !uses_blas<T>();
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Begin of piece i of [0, n) cut into `parts`, at multiples of 16 where pieces are long.
int64_t cut(int64_t n, int64_t parts, int64_t i) {
  if (i >= parts) return n;
  const int64_t at = n * i / parts;
  return n >= 32 * parts ? at / 16 * 16 : at;
}

int64_t count_parts(int64_t m, int64_t n, int64_t k, int64_t most, bool cuts_anywhere) {
  const int64_t work = m * n * k;
  if (m == 1 || n == 1)
    return std::min({work / work_per_vector, m * n / results_per_vector,
                     cuts_anywhere ? most : most_blas_parts});
  return cuts_anywhere ? std::min(work / work_per_part, most)
                       : std::min(work / blas_work_per_part, most_blas_parts);
}

Grid plan_grid(int64_t m, int64_t n, int64_t k, int64_t most, bool cuts_anywhere) {
  Grid grid;
  if (m * n <= 64 * 64 && k >= 8192) {
    grid.terms = std::min<int64_t>(64, k / 4096);
    return grid;
  }
  const int64_t parts = count_parts(m, n, k, most, cuts_anywhere);
  if (parts <= 1) return grid;
  const int64_t least = m == 1 || n == 1 ? 16 : 32;
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
  const bool is_few = batch.count < 2 * n_threads;
  Grid grid;
  if (can_split)
    grid = plan_grid(first.m, first.n, first.k, is_few && n_threads > 1 ? 2 * n_threads : 1,
                     can_cut_anywhere<T>());
  const int64_t tiles = grid.rows * grid.columns;
  auto nth = [&](int64_t i) {
    Product<T> p = first;
    p.a += i * batch.stride_a;
    p.b += i * batch.stride_b;
    p.c += i * batch.stride_c;
    return p;
  };
  if (grid.terms > 1) {
    // A loop inside a loop runs in its caller: the outer one, unless that has too little.
    auto run = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) split_terms(ctx, nth(i), grid.terms);
    };
    return is_few ? run(0, batch.count) : parallel_for(ctx, batch.count, 1, run);
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
