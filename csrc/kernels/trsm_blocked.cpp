// Triangular systems with many sides: halves of the triangle in turn, joined by our own products.
#include "trsm_blocked.hpp"

#include <algorithm>

#include "blocks.hpp"
#include "target.hpp"

namespace gradax {
namespace {

// Triangles of so many rows are solved row by row.
constexpr int64_t few_rows = 8, least_sides = 64;

// target[j] = (target[j] - sum over p of factors[p] * rows[p * ld + j]) / divisor, for n_rows rows.
template <class T>
GX_VECTORIZED void solve_row(int64_t n, int64_t n_rows, const T* factors, const T* rows, int64_t ld,
                             T divisor, T* target) {
  constexpr int64_t at_once = 256 / sizeof(T);
  for (int64_t j = 0; j < n; j += at_once) {
    const int64_t here = std::min(at_once, n - j);
    T sums[at_once] = {};
    for (int64_t c = 0; c < here; ++c) sums[c] = target[j + c];
    if (here == at_once) {
      for (int64_t p = 0; p < n_rows; ++p)
        for (int64_t c = 0; c < at_once; ++c) sums[c] -= factors[p] * rows[p * ld + j + c];
    } else {
      for (int64_t p = 0; p < n_rows; ++p)
        for (int64_t c = 0; c < here; ++c) sums[c] -= factors[p] * rows[p * ld + j + c];
    }
    for (int64_t c = 0; c < here; ++c) target[j + c] = sums[c] / divisor;
  }
}

template <class T>
class LeftSolver {
 public:
  LeftSolver(const LeftSystem& system, const T* a, T* negated)
      : system_(system), a_(a), negated_(negated), is_lower_(system.lower != system.transposed) {}

  // Solves for the rows [first, first + x.m) of op(a), whose other unknowns are subtracted already.
  void solve(int64_t first, const Block<T>& x) const {
    if (x.m <= few_rows) return solve_rows(first, x);
    const int64_t half = (x.m / 2 + few_rows - 1) / few_rows * few_rows, rest = x.m - half;
    const Block<T> upper = x.part(0, half, 0, x.n), lower = x.part(half, rest, 0, x.n);
    if (is_lower_) {
      solve(first, upper);
      subtract(first + half, first, upper, lower);
      solve(first + half, lower);
    } else {
      solve(first + half, lower);
      subtract(first, first + half, lower, upper);
      solve(first, upper);
    }
  }

 private:
  T element(int64_t i, int64_t p) const {
    return system_.transposed ? a_[p * system_.order + i] : a_[i * system_.order + p];
  }

  void solve_rows(int64_t first, const Block<T>& x) const {
    T factors[few_rows];
    for (int64_t t = 0; t < x.m; ++t) {
      const int64_t i = is_lower_ ? t : x.m - 1 - t, from = is_lower_ ? 0 : i + 1;
      for (int64_t p = 0; p < t; ++p) factors[p] = element(first + i, first + from + p);
      const T divisor = system_.unit ? T{1} : element(first + i, first + i);
      solve_row(x.n, t, factors, x.at + from * x.ld, x.ld, divisor, x.at + i * x.ld);
    }
  }

  // target -= op(a)[row.., column..] known
  void subtract(int64_t row, int64_t column, const Block<T>& known, const Block<T>& target) const {
    const int64_t stored_row = system_.transposed ? column : row;
    const int64_t stored_column = system_.transposed ? row : column;
    const int64_t rows = system_.transposed ? known.m : target.m;
    const int64_t columns = system_.transposed ? target.m : known.m;
    for (int64_t i = 0; i < rows; ++i) {
      const T* from = a_ + (stored_row + i) * system_.order + stored_column;
      std::transform(from, from + columns, negated_ + i * columns, [](T v) { return -v; });
    }
    Product<T> p{};
    p.m = target.m;
    p.n = target.n;
    p.k = known.m;
    p.a = negated_;
    p.lda = columns;
    p.trans_a = system_.transposed;
    p.b = known.at;
    p.ldb = known.ld;
    p.c = target.at;
    p.ldc = target.ld;
    p.accumulate = true;
    run_product(p);
  }

  const LeftSystem& system_;
  const T* a_;
  T* negated_;
  bool is_lower_;
};

}  // namespace

template <class T>
void solve_left_blocked(CallContext* ctx, const LeftSystem& system, const T* a, T* x) {
  const int64_t order = system.order, sides = system.sides;
  const int64_t wanted = (2 * ctx->n_threads + system.batch - 1) / system.batch;
  const int64_t parts = std::clamp<int64_t>(sides / least_sides, 1, wanted);
  const int64_t work = order * order * (sides / parts);
  parallel_for(ctx, system.batch * parts, grain_for(work), [&](int64_t begin, int64_t end) {
    Scratch<T> negated(ctx, (order / 2 + few_rows) * (order / 2 + few_rows));
    if (!negated) return;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / parts, first = sides * (i % parts) / parts;
      const int64_t last = sides * (i % parts + 1) / parts;
      const LeftSolver<T> solver(system, a + b * order * order, negated.get());
      solver.solve(0, Block<T>{order, last - first, x + b * order * sides + first, sides});
    }
  });
}

template void solve_left_blocked<float>(CallContext*, const LeftSystem&, const float*, float*);
template void solve_left_blocked<double>(CallContext*, const LeftSystem&, const double*, double*);

}  // namespace gradax
