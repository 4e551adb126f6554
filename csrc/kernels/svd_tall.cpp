// Singular values of long matrices: QR factors of blocks of rows, then of their triangles on top of
// each other (Demmel et al. 2012), and the singular values of what is left.
#include "svd_tall.hpp"

#include "kernels.hpp"
#include "product.hpp"

namespace gradax {
namespace {

constexpr int64_t block_rows = 512, least_elements = 1 << 14;

// The long side in blocks, the short one as columns. A matrix that is wide is the transpose of one.
struct Tall {
  int64_t rows, n;
  bool is_wide;

  int64_t blocks() const { return std::max<int64_t>(1, rows / std::max(block_rows, 4 * n)); }
  int64_t begin(int64_t i) const { return rows * i / blocks(); }
  int64_t size(int64_t i) const { return begin(i + 1) - begin(i); }
};

template <class T>
constexpr Routine generate_routine() {
  return std::is_same_v<T, float> ? Routine::sorgqr : Routine::dorgqr;
}

// Factors column-major a, [m, n] with m >= n: R to r, row-major, and Q over a where it is asked
// for.
template <class T>
void factor_block(int64_t m, int64_t n, bool with_q, T* a, T* tau, T* work, int n_work, T* r) {
  int rows = static_cast<int>(m), columns = static_cast<int>(n), info = 0;
  call_routine(GX_PICK(T, geqrf), &rows, &columns, a, &rows, tau, work, &n_work, &info);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) r[i * n + j] = j < i ? T{} : a[j * m + i];
  if (with_q)
    call_routine(generate_routine<T>(), &rows, &columns, &columns, a, &rows, tau, work, &n_work,
                 &info);
}

// Blocks' factors: Q in q, each column-major, one after another; R in triangles, row-major.
template <class T>
void factor_blocks(CallContext* ctx, const Tall& t, bool with_q, const T* in, T* q, T* triangles) {
  const int n_work = static_cast<int>(64 * t.n);
  for_batch(ctx, t.blocks(), 4 * t.n * t.n * t.size(0), [&](int64_t begin, int64_t end) {
    Scratch<T> tau(ctx, t.n), work(ctx, n_work);
    if (!tau || !work) return;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t m = t.size(i);
      T* a = q + t.begin(i) * t.n;
      if (t.is_wide) {
        for (int64_t j = 0; j < t.n; ++j) std::copy_n(in + j * t.rows + t.begin(i), m, a + j * m);
      } else {
        transpose(in + t.begin(i) * t.n, m, t.n, a);
      }
      factor_block(m, t.n, with_q, a, tau.get(), work.get(), n_work, triangles + i * t.n * t.n);
    }
  });
}

// out = the blocks' Q times their rows of w, [blocks n, n]; transposed where the matrix is wide.
template <class T>
void multiply_blocks(CallContext* ctx, const Tall& t, const T* q, const T* w, T* out) {
  for_batch(ctx, t.blocks(), 2 * t.n * t.n * t.size(0), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t m = t.size(i);
      const T *of_q = q + t.begin(i) * t.n, *of_w = w + i * t.n * t.n;
      Product<T> p{};
      p.k = t.n;
      p.trans_a = true;
      p.m = p.lda = t.is_wide ? t.n : m;
      p.n = p.ldb = t.is_wide ? m : t.n;
      p.a = t.is_wide ? of_w : of_q;
      p.b = t.is_wide ? of_q : of_w;
      p.c = t.is_wide ? out + t.begin(i) : out + t.begin(i) * t.n;
      p.ldc = t.is_wide ? t.rows : t.n;
      run_product(p);
    }
  });
}

// Which rows of R, and columns of Q, have other signs than the factors that reflections of the
// whole matrix's columns make (Ballard et al. 2015); `top` holds the first rows of Q, and is
// overwritten.
template <class T>
void find_signs(int64_t k, T* top, T* signs) {
  for (int64_t j = 0; j < k; ++j) {
    signs[j] = top[j * k + j] >= 0 ? T{-1} : T{1};
    const T pivot = top[j * k + j] - signs[j];
    for (int64_t i = j + 1; i < k; ++i) {
      const T factor = top[i * k + j] / pivot;
      for (int64_t c = j + 1; c < k; ++c) top[i * k + c] -= factor * top[j * k + c];
    }
  }
}

// Gives R and the Q of the triangles the signs that LAPACK's factors would have.
template <class T>
void fix_signs(CallContext* ctx, const Tall& t, const T* q, T* columns, T* r, T* top, T* signs) {
  const int64_t k = t.n, stacked = t.blocks() * k;
  Product<T> p{};
  p.m = p.n = p.k = p.ldc = k;
  p.a = q;
  p.lda = t.size(0);
  p.b = columns;
  p.ldb = stacked;
  p.trans_a = p.trans_b = true;
  p.c = top;
  run_batch(ctx, p, Batch{1, 0, 0, 0});
  find_signs(k, top, signs);
  for (int64_t j = 0; j < k; ++j) {
    for (int64_t c = 0; c < k; ++c) r[j * k + c] *= signs[j];
    for (int64_t i = 0; i < stacked; ++i) columns[j * stacked + i] *= signs[j];
  }
}

}  // namespace

bool is_tall(int64_t m, int64_t n) {
  const int64_t rows = std::max(m, n), columns = std::min(m, n);
  return columns > 0 && rows >= 8 * columns && rows >= 2 * block_rows &&
         rows * columns >= least_elements;
}

template <class T>
void decompose_tall(CallContext* ctx, int64_t m, int64_t n, const T* in, const SmallSvd<T>& small,
                    T* s, T* u, T* vh) {
  const Tall t{std::max(m, n), std::min(m, n), m < n};
  const int64_t k = t.n, size = k * k, stacked = t.blocks() * k;
  const bool with_vectors = u != nullptr;
  Scratch<T> q(ctx, t.rows * k), triangles(ctx, t.blocks() * size), columns(ctx, stacked * k);
  Scratch<T> r(ctx, size), left(ctx, size), right(ctx, size), tau(ctx, k), work(ctx, 64 * k);
  Scratch<T> mixed(ctx, stacked * k);
  if (!q || !triangles || !columns || !r || !left || !right || !tau || !work || !mixed) return;
  factor_blocks(ctx, t, with_vectors, in, q.get(), triangles.get());
  transpose(triangles.get(), stacked, k, columns.get());
  factor_block(stacked, k, with_vectors, columns.get(), tau.get(), work.get(),
               static_cast<int>(64 * k), r.get());
  if (with_vectors) fix_signs(ctx, t, q.get(), columns.get(), r.get(), left.get(), tau.get());
  // What LAPACK sees is the transpose of what is given, and the triangle of that.
  if (t.is_wide)
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < i; ++j) std::swap(r[i * k + j], r[j * k + i]);
  small(r.get(), s, with_vectors ? left.get() : nullptr, right.get());
  if (!with_vectors) return;
  Product<T> p{};
  p.m = p.lda = stacked;
  p.n = p.k = p.ldb = p.ldc = k;
  p.a = columns.get();
  p.trans_a = true;
  p.b = t.is_wide ? right.get() : left.get();
  p.trans_b = t.is_wide;
  p.c = mixed.get();
  run_batch(ctx, p, Batch{1, 0, 0, 0});
  multiply_blocks(ctx, t, q.get(), mixed.get(), t.is_wide ? vh : u);
  std::copy_n(t.is_wide ? left.get() : right.get(), size, t.is_wide ? u : vh);
}

template void decompose_tall<float>(CallContext*, int64_t, int64_t, const float*,
                                    const SmallSvd<float>&, float*, float*, float*);
template void decompose_tall<double>(CallContext*, int64_t, int64_t, const double*,
                                     const SmallSvd<double>&, double*, double*, double*);

}  // namespace gradax
