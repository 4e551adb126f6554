// Hermitian matrices to tridiagonal ones, and the eigenvalues of those.
#include <algorithm>
#include <cmath>

#include "kernels.hpp"
#include "matrices.hpp"

namespace gradax {
namespace {

template <class T>
constexpr Routine reduce_routine() {
  return pick<T>(Routine::ssytrd, Routine::dsytrd, Routine::chetrd, Routine::zhetrd);
}

template <class T>
struct Reduced {
  T* a;
  Real<T>*d, *e;
  T* taus;
};

template <class T>
void reduce_hermitian(CallContext* ctx, int64_t batch, int64_t n, bool lower, const T* in,
                      const Reduced<T>& out) {
  int size = static_cast<int>(n), ld = size, info = 0, query = -1;
  char uplo = lower ? 'L' : 'U';
  T answer{}, none{};
  Real<T> real_none{};
  call_routine(reduce_routine<T>(), &uplo, &size, &none, &ld, &real_none, &real_none, &none,
               &answer, &query, &info);
  int n_work = work_size(answer);
  for_batch(ctx, batch, 2 * n * n * n, [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, n * n), work(ctx, n_work);
    if (!a || !work) return;
    int failed = 0;
    for (int64_t b = begin; b < end; ++b) {
      transpose(in + b * n * n, n, n, a.get());
      call_routine(reduce_routine<T>(), &uplo, &size, a.get(), &ld, out.d + b * n,
                   out.e + b * (n - 1), out.taus + b * (n - 1), work.get(), &n_work, &failed);
      transpose(a.get(), n, n, out.a + b * n * n);
    }
  });
}

struct Chosen {
  int64_t batch, n;
  bool with_vectors;
  int64_t first, count;
};

template <class T>
struct Stevr {
  T *d, *e, *w, *z, *work;
  int *supports, *int_work;
};

template <class T>
int call_stevr(const Chosen& p, const Stevr<T>& x, int n_work, int n_int_work) {
  char job = p.with_vectors ? 'V' : 'N', range = p.count == p.n ? 'A' : 'I';
  int n = static_cast<int>(p.n), ld = std::max(1, n), found = 0, info = 0;
  int first = static_cast<int>(p.first) + 1, last = static_cast<int>(p.first + p.count);
  T low = 0, high = 0, tolerance = 0;
  call_routine(pick<T>(Routine::sstevr, Routine::dstevr, Routine::sstevr, Routine::dstevr), &job,
               &range, &n, x.d, x.e, &low, &high, &first, &last, &tolerance, &found, x.w, x.z, &ld,
               x.supports, x.work, &n_work, x.int_work, &n_int_work, &info);
  return info == 0 && found == static_cast<int>(p.count) ? 0 : 1;
}

// Makes the first component of at least half the largest size positive.
template <class T>
void fix_sign(T* v, int64_t n) {
  T largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(v[i]));
  for (int64_t i = 0; i < n; ++i) {
    if (std::abs(v[i]) < largest / 2) continue;
    if (v[i] < 0) std::transform(v, v + n, v, [](T x) { return -x; });
    return;
  }
}

template <class T>
void decompose_tridiagonal(CallContext* ctx, const Chosen& p, const T* d, const T* e, T* w, T* z) {
  const int64_t n = p.n, m = p.count;
  const int n_work = static_cast<int>(20 * n), n_int_work = static_cast<int>(10 * n);
  for_batch(ctx, p.batch, 20 * n * n, [&](int64_t begin, int64_t end) {
    Scratch<T> memory(ctx, 3 * n + n_work), vectors(ctx, p.with_vectors ? n * m : 1);
    Scratch<int> numbers(ctx, 2 * n + n_int_work);
    if (!memory || !vectors || !numbers) return;
    T* at = memory.get();
    const Stevr<T> x{at,         at + n,        at + 2 * n,           vectors.get(),
                     at + 3 * n, numbers.get(), numbers.get() + 2 * n};
    for (int64_t b = begin; b < end; ++b) {
      std::copy_n(d + b * n, n, x.d);
      std::copy_n(e + b * (n - 1), n - 1, x.e);
      const bool is_finite = std::all_of(at, at + 2 * n - 1, [](T v) { return std::isfinite(v); });
      const bool failed = !is_finite || call_stevr(p, x, n_work, n_int_work) != 0;
      for (int64_t i = 0; i < m; ++i) w[b * m + i] = failed ? nan_of<T>() : x.w[i];
      if (!p.with_vectors) continue;
      if (failed) std::fill_n(vectors.get(), n * m, nan_of<T>());
      for (int64_t i = 0; i < m; ++i) fix_sign(vectors.get() + i * n, n);
      transpose(vectors.get(), m, n, z + b * n * m);
    }
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_tridiagonal(CallContext* ctx, void* const* ins, void* const* outs,
                               const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "tridiagonal: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(reduce_routine<T>())) return false;
    if (params[2] == 0) return true;
    const Reduced<T> out{static_cast<T*>(outs[0]), static_cast<Real<T>*>(outs[1]),
                         static_cast<Real<T>*>(outs[2]), static_cast<T*>(outs[3])};
    reduce_hermitian(ctx, params[1], params[2], params[3] != 0, static_cast<const T*>(ins[0]), out);
    return true;
  });
}

extern "C" void gx_eigh_tridiagonal(CallContext* ctx, void* const* ins, void* const* outs,
                                    const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "eigh_tridiagonal: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex<T>) {
      gx_fail(ctx, GX_VALUE_ERROR, "eigh_tridiagonal takes f32 and f64 alone");
      return true;
    } else {
      if (!has_routine(Routine::sstevr) || !has_routine(Routine::dstevr)) return false;
      const Chosen p{params[1], params[2], params[3] != 0, params[4], params[5]};
      if (p.n == 0 || p.count == 0) return true;
      T* z = p.with_vectors ? static_cast<T*>(outs[1]) : nullptr;
      decompose_tridiagonal(ctx, p, static_cast<const T*>(ins[0]), static_cast<const T*>(ins[1]),
                            static_cast<T*>(outs[0]), z);
      return true;
    }
  });
}
