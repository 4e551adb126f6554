// Schur forms, Hessenberg forms, and Sylvester's equation, which is solved by the former.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels.hpp"
#include "matrices.hpp"

namespace gradax {
namespace {

// Memory of one Schur form of a column-major matrix: its eigenvalues, then LAPACK's own.
template <class T>
struct SchurScratch {
  SchurScratch(CallContext* ctx, int64_t n, int n_work)
      : values(ctx, 2 * n), work(ctx, n_work), real_work(ctx, n), flags(ctx, n), n_work(n_work) {}
  explicit operator bool() const { return values && work && real_work && flags; }

  Scratch<T> values;  // of real matrices: real parts, then imaginary ones
  Scratch<T> work;
  Scratch<Real<T>> real_work;
  Scratch<int> flags;
  int n_work;
};

template <class T>
int call_gees(int n, T* a, T* z, T* values, T* work, int n_work, Real<T>* real_work, int* flags) {
  char job = z ? 'V' : 'N', sort = 'N';
  int ld = std::max(1, n), sorted = 0, info = 0;
  void* select = nullptr;
  if constexpr (is_complex<T>) {
    call_routine(GX_PICK(T, gees), &job, &sort, select, &n, a, &ld, &sorted, values, z, &ld, work,
                 &n_work, real_work, flags, &info);
  } else {
    call_routine(GX_PICK(T, gees), &job, &sort, select, &n, a, &ld, &sorted, values, values + n, z,
                 &ld, work, &n_work, flags, &info);
  }
  return info;
}

template <class T>
int gees_work(int64_t n, bool with_vectors) {
  T answer{}, z{}, values[2] = {};
  Real<T> real_work{};
  int flag = 0;
  call_gees<T>(static_cast<int>(n), nullptr, with_vectors ? &z : nullptr, values, &answer, -1,
               &real_work, &flag);
  return std::max(work_size(answer), static_cast<int>(3 * n));
}

// Column-major a becomes its Schur form, z its vectors; false if it has none.
template <class T>
bool factor_schur(int64_t n, T* a, T* z, const SchurScratch<T>& s) {
  return is_finite(a, n * n) && call_gees(static_cast<int>(n), a, z, s.values.get(), s.work.get(),
                                          s.n_work, s.real_work.get(), s.flags.get()) == 0;
}

template <class T>
void decompose_schur(CallContext* ctx, int64_t batch, int64_t n, const T* in, T* t, T* z) {
  const int n_work = gees_work<T>(n, z != nullptr);
  for_batch(ctx, batch, 25 * n * n * n, [&](int64_t begin, int64_t end) {
    const SchurScratch<T> scratch(ctx, n, n_work);
    Scratch<T> a(ctx, n * n), vectors(ctx, z ? n * n : 0);
    if (!scratch || !a || !vectors) return;
    for (int64_t b = begin; b < end; ++b) {
      transpose(in + b * n * n, n, n, a.get());
      if (factor_schur(n, a.get(), z ? vectors.get() : nullptr, scratch)) {
        transpose(a.get(), n, n, t + b * n * n);
        if (z) transpose(vectors.get(), n, n, z + b * n * n);
        continue;
      }
      std::fill_n(t + b * n * n, n * n, nan_of<T>());
      if (z) std::fill_n(z + b * n * n, n * n, nan_of<T>());
    }
  });
}

template <class T>
void reduce_hessenberg(CallContext* ctx, int64_t batch, int64_t n, const T* in, T* out, T* taus) {
  int size = static_cast<int>(n), first = 1, last = size, ld = size, info = 0, query = -1;
  T answer{};
  call_routine(GX_PICK(T, gehrd), &size, &first, &last, static_cast<T*>(nullptr), &ld,
               static_cast<T*>(nullptr), &answer, &query, &info);
  int n_work = work_size(answer);
  for_batch(ctx, batch, 4 * n * n * n, [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, n * n), work(ctx, n_work);
    if (!a || !work) return;
    int failed = 0;
    for (int64_t b = begin; b < end; ++b) {
      transpose(in + b * n * n, n, n, a.get());
      call_routine(GX_PICK(T, gehrd), &size, &first, &last, a.get(), &ld, taus + b * (n - 1),
                   work.get(), &n_work, &failed);
      transpose(a.get(), n, n, out + b * n * n);
    }
  });
}

// c = op(a) op(b), column-major, [m, n] with k terms.
template <class T>
void multiply(char op_a, char op_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c) {
  int im = static_cast<int>(m), in = static_cast<int>(n), ik = static_cast<int>(k);
  int lda = op_a == 'N' ? im : ik, ldb = op_b == 'N' ? ik : in;
  T one = 1, zero = 0;
  call_routine(GX_PICK(T, gemm), &op_a, &op_b, &im, &in, &ik, &one, a, &lda, b, &ldb, &zero, c,
               &im);
}

template <class T>
std::complex<Real<T>> eigenvalue(const SchurScratch<T>& s, int64_t n, int64_t i) {
  if constexpr (is_complex<T>) {
    return s.values[i];
  } else {
    return {s.values[i], s.values[n + i]};
  }
}

struct Sylvester {
  int64_t batch, m, n;
};

// a x + x b = c, row-major: what LAPACK sees is b x + x a = c, [n, m], in place of which the Schur
// forms s of b and t of a have s y + y t = u^H c v, x = u y v^H (Bartels and Stewart 1972).
template <class T>
void solve_sylvester(CallContext* ctx, const Sylvester& p, const T* a, const T* b, const T* c, T* x,
                     Real<T>* gap) {
  const int64_t m = p.m, n = p.n;
  const int work_a = gees_work<T>(m, true), work_b = gees_work<T>(n, true);
  const char adjoint = is_complex<T> ? 'C' : 'T';
  for_batch(ctx, p.batch, 25 * (m * m * m + n * n * n), [&](int64_t begin, int64_t end) {
    const SchurScratch<T> of_a(ctx, m, work_a), of_b(ctx, n, work_b);
    Scratch<T> t(ctx, 2 * m * m), s(ctx, 2 * n * n), y(ctx, 2 * m * n);
    if (!of_a || !of_b || !t || !s || !y) return;
    T *v = t.get() + m * m, *u = s.get() + n * n, *half = y.get() + m * n;
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(a + i * m * m, m * m, t.get());
      std::copy_n(b + i * n * n, n * n, s.get());
      T* out = x + i * m * n;
      if (!factor_schur(m, t.get(), v, of_a) || !factor_schur(n, s.get(), u, of_b)) {
        std::fill_n(out, m * n, nan_of<T>());
        gap[i] = nan_of<Real<T>>();
        continue;
      }
      Real<T> least = std::numeric_limits<Real<T>>::infinity();
      for (int64_t j = 0; j < m; ++j)
        for (int64_t k = 0; k < n; ++k)
          least = std::min(least, std::abs(eigenvalue(of_a, m, j) + eigenvalue(of_b, n, k)));
      gap[i] = least;
      multiply(adjoint, 'N', n, m, n, u, c + i * m * n, half);
      multiply('N', 'N', n, m, m, half, v, y.get());
      char plain_s = 'N', plain_t = 'N';
      int sign = 1, rows = static_cast<int>(n), columns = static_cast<int>(m), info = 0;
      Real<T> scale = 1;
      call_routine(GX_PICK(T, trsyl), &plain_s, &plain_t, &sign, &rows, &columns, s.get(), &rows,
                   t.get(), &columns, y.get(), &rows, &scale, &info);
      multiply('N', 'N', n, m, n, u, y.get(), half);
      multiply('N', adjoint, n, m, m, half, v, out);
      if (scale != 1)
        for (int64_t k = 0; k < m * n; ++k) out[k] /= scale;
    }
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_schur(CallContext* ctx, void* const* ins, void* const* outs,
                         const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "schur: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, gees))) return false;
    if (params[2] == 0) return true;
    T* z = params[3] ? static_cast<T*>(outs[1]) : nullptr;
    decompose_schur(ctx, params[1], params[2], static_cast<const T*>(ins[0]),
                    static_cast<T*>(outs[0]), z);
    return true;
  });
}

extern "C" void gx_hessenberg(CallContext* ctx, void* const* ins, void* const* outs,
                              const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "hessenberg: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, gehrd))) return false;
    if (params[2] == 0) return true;
    reduce_hessenberg(ctx, params[1], params[2], static_cast<const T*>(ins[0]),
                      static_cast<T*>(outs[0]), static_cast<T*>(outs[1]));
    return true;
  });
}

extern "C" void gx_sylvester(CallContext* ctx, void* const* ins, void* const* outs,
                             const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "sylvester: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool is_loaded = has_routine(GX_PICK(T, gees)) && has_routine(GX_PICK(T, trsyl));
    if (!is_loaded || !has_routine(GX_PICK(T, gemm))) return false;
    const Sylvester p{params[1], params[2], params[3]};
    auto* gap = static_cast<Real<T>*>(outs[1]);
    if (p.m == 0 || p.n == 0) {
      std::fill_n(gap, p.batch, std::numeric_limits<Real<T>>::infinity());
      return true;
    }
    solve_sylvester(ctx, p, static_cast<const T*>(ins[0]), static_cast<const T*>(ins[1]),
                    static_cast<const T*>(ins[2]), static_cast<T*>(outs[0]), gap);
    return true;
  });
}
