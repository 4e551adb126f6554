// Cholesky factors of larger matrices where they lie: halves, with our own products between them.
//
// LAPACK's are those of the small blocks on the diagonal alone, so that all threads have work.
#include "cholesky_blocked.hpp"

#include "blocks.hpp"
#include "routines.hpp"

namespace gradax {
namespace {

constexpr int64_t most_whole = 96, most_solved = 64, most_squared = 96, rows_of_part = 64;

int64_t half_of(int64_t n) { return (n / 2 + 31) / 32 * 32; }

// x = x l^-T, where l is lower triangular.
template <class T>
void solve_right(CallContext* ctx, const Block<T>& l, const Block<T>& x) {
  if (l.m <= most_solved) {
    const int64_t parts = (x.m + rows_of_part - 1) / rows_of_part;
    return parallel_for(ctx, parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        // Row-major operands are their transposes in column-major order.
        char side = 'L', uplo = 'U', trans = 'T', diag = 'N';
        int order = static_cast<int>(l.m), ld_l = static_cast<int>(l.ld);
        int sides = static_cast<int>(std::min(rows_of_part, x.m - i * rows_of_part));
        int ld_x = static_cast<int>(x.ld);
        T one{1};
        call_routine(GX_PICK(T, trsm), &side, &uplo, &trans, &diag, &order, &sides, &one, l.at,
                     &ld_l, x.at + i * rows_of_part * x.ld, &ld_x);
      }
    });
  }
  const int64_t half = half_of(l.m), rest = l.m - half;
  const Block<T> left = x.part(0, x.m, 0, half), right = x.part(0, x.m, half, rest);
  solve_right(ctx, l.part(0, half, 0, half), left);
  subtract_product(ctx, left, l.part(half, rest, 0, half), right, true);
  solve_right(ctx, l.part(half, rest, half, rest), right);
}

// The lower triangle of c loses that of a times its transpose.
template <class T>
void subtract_square(CallContext* ctx, const Block<T>& a, const Block<T>& c) {
  if (c.m <= most_squared) return subtract_product(ctx, a, a, c, true);
  const int64_t half = half_of(c.m), rest = c.m - half;
  const Block<T> upper = a.part(0, half, 0, a.n), lower = a.part(half, rest, 0, a.n);
  subtract_square(ctx, upper, c.part(0, half, 0, half));
  subtract_product(ctx, lower, upper, c.part(half, rest, 0, half), true);
  subtract_square(ctx, lower, c.part(half, rest, half, rest));
}

template <class T>
bool factor(CallContext* ctx, const Block<T>& x) {
  if (x.m <= most_whole) {
    // A row-major lower triangle is the upper one of the column-major transpose.
    char uplo = 'U';
    int order = static_cast<int>(x.m), ld = static_cast<int>(x.ld), info = 0;
    call_routine(GX_PICK(T, potrf), &uplo, &order, x.at, &ld, &info);
    return info == 0;
  }
  const int64_t half = half_of(x.m), rest = x.m - half;
  const Block<T> corner = x.part(0, half, 0, half), below = x.part(half, rest, 0, half);
  if (!factor(ctx, corner)) return false;
  solve_right(ctx, corner, below);
  const Block<T> last = x.part(half, rest, half, rest);
  subtract_square(ctx, below, last);
  return factor(ctx, last);
}

}  // namespace

template <class T>
bool cholesky_blocked(CallContext* ctx, int64_t n, T* x) {
  return factor(ctx, Block<T>{n, n, x, n});
}

template bool cholesky_blocked<float>(CallContext*, int64_t, float*);
template bool cholesky_blocked<double>(CallContext*, int64_t, double*);

}  // namespace gradax
