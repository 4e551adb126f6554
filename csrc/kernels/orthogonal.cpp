// QR factors and singular values.
#include "kernels.hpp"
#include "lanes.hpp"
#include "matrices.hpp"
#include "svd_tall.hpp"

namespace gradax {
namespace {

template <class T>
constexpr Routine generate_q() {
  return pick<T>(Routine::sorgqr, Routine::dorgqr, Routine::cungqr, Routine::zungqr);
}

struct Qr {
  int64_t batch, m, n;
  bool full, with_q;
};

template <class T>
void call_geqrf(int m, int n, T* a, T* tau, T* work, int n_work) {
  int ld = std::max(1, m), info = 0;
  call_routine(GX_PICK(T, geqrf), &m, &n, a, &ld, tau, work, &n_work, &info);
}

template <class T>
void call_orgqr(int m, int n, int k, T* a, T* tau, T* work, int n_work) {
  int ld = std::max(1, m), info = 0;
  call_routine(generate_q<T>(), &m, &n, &k, a, &ld, tau, work, &n_work, &info);
}

// r = the upper triangle of the first `rows` rows of column-major a, [m, n].
template <class T>
void copy_upper(const T* a, int64_t m, int64_t n, int64_t rows, T* r) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < n; ++j) r[i * n + j] = j < i ? T{} : a[j * m + i];
}

template <class T>
void factor_qr(CallContext* ctx, const Qr& qr, const T* in, T* q, T* r) {
  const int64_t m = qr.m, n = qr.n, k = std::min(m, n), rows = qr.full ? m : k;
  if (rows == 0) return;
  if constexpr (is_laned_type<T>)
    if (fits_qr_lanes(qr.batch, m, n, rows))
      return qr_lanes(ctx, qr.batch, m, n, rows, in, qr.with_q ? q : nullptr, r);
  const int im = static_cast<int>(m), in_n = static_cast<int>(n), ik = static_cast<int>(k);
  const int irows = static_cast<int>(rows);
  T answer[2] = {};
  call_geqrf<T>(im, in_n, nullptr, nullptr, &answer[0], -1);
  call_orgqr<T>(im, irows, ik, nullptr, nullptr, &answer[1], -1);
  const int n_work = std::max(work_size(answer[0]), work_size(answer[1]));
  for_batch(ctx, qr.batch, 2 * m * n * k, [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, m * std::max(n, rows)), tau(ctx, k), work(ctx, n_work);
    if (!a || !tau || !work) return;
    for (int64_t b = begin; b < end; ++b) {
      transpose(in + b * m * n, m, n, a.get());
      call_geqrf(im, in_n, a.get(), tau.get(), work.get(), n_work);
      copy_upper(a.get(), m, n, rows, r + b * rows * n);
      if (!qr.with_q) continue;
      call_orgqr(im, irows, ik, a.get(), tau.get(), work.get(), n_work);
      transpose(a.get(), rows, m, q + b * m * rows);
    }
  });
}

struct Svd {
  int64_t batch, m, n;
  bool full, with_vectors;
};

template <class T>
struct SvdBuffers {
  T *a, *u, *vh, *work;
  Real<T>*s, *real_work;
  int* int_work;
};

// The column-major view of row-major a is its transpose: u and vh change places.
template <class T>
int call_gesdd(const Svd& svd, const SvdBuffers<T>& x, int n_work) {
  char job = !svd.with_vectors ? 'N' : (svd.full ? 'A' : 'S');
  const int k = static_cast<int>(std::min(svd.m, svd.n));
  int rows = static_cast<int>(svd.n), columns = static_cast<int>(svd.m), info = 0;
  int lda = rows, ld_left = rows, ld_right = svd.full ? columns : k;
  if constexpr (is_complex<T>) {
    call_routine(GX_PICK(T, gesdd), &job, &rows, &columns, x.a, &lda, x.s, x.vh, &ld_left, x.u,
                 &ld_right, x.work, &n_work, x.real_work, x.int_work, &info);
  } else {
    call_routine(GX_PICK(T, gesdd), &job, &rows, &columns, x.a, &lda, x.s, x.vh, &ld_left, x.u,
                 &ld_right, x.work, &n_work, x.int_work, &info);
  }
  return info;
}

int64_t real_work_size(const Svd& svd) {
  const int64_t k = std::min(svd.m, svd.n), longest = std::max(svd.m, svd.n);
  if (!svd.with_vectors) return 7 * k;
  return std::max(5 * k * k + 7 * k, 2 * longest * k + 2 * k * k + k);
}

// The factors of a matrix without elements: no singular values, identities.
template <class T>
void fill_empty(const Svd& svd, T* u, T* vh) {
  if (!svd.with_vectors || !svd.full) return;
  for (int64_t b = 0; b < svd.batch; ++b) {
    for (int64_t i = 0; i < svd.m * svd.m; ++i) u[b * svd.m * svd.m + i] = T(i % (svd.m + 1) == 0);
    for (int64_t i = 0; i < svd.n * svd.n; ++i) vh[b * svd.n * svd.n + i] = T(i % (svd.n + 1) == 0);
  }
}

template <class T>
void decompose_svd(CallContext* ctx, const Svd& svd, const T* in, Real<T>* s, T* u, T* vh);

// Of what is long, block by block; false: it is not, or all of its vectors are asked for.
template <class T>
bool decompose_long(CallContext* ctx, const Svd& svd, const T* in, Real<T>* s, T* u, T* vh) {
  if constexpr (is_laned_type<T>) {
    const int64_t m = svd.m, n = svd.n, k = std::min(m, n);
    const bool has_q = has_routine(GX_PICK(T, geqrf)) && has_routine(generate_q<T>());
    if (!is_tall(m, n) || !has_q || (svd.full && svd.with_vectors)) return false;
    const Svd square{1, k, k, false, svd.with_vectors};
    const SmallSvd<T> small = [&](const T* from, T* values, T* left, T* right) {
      decompose_svd(ctx, square, from, values, left, right);
    };
    for (int64_t b = 0; b < svd.batch; ++b)
      decompose_tall(ctx, m, n, in + b * m * n, small, s + b * k, u ? u + b * m * k : nullptr,
                     vh + b * k * n);
    return true;
  } else {
    return false;
  }
}

template <class T>
void decompose_svd(CallContext* ctx, const Svd& svd, const T* in, Real<T>* s, T* u, T* vh) {
  const int64_t m = svd.m, n = svd.n, k = std::min(m, n);
  if (k == 0) return fill_empty(svd, u, vh);
  if (decompose_long(ctx, svd, in, s, u, vh)) return;
  Scratch<bool> skipped(ctx, svd.batch);
  if (!skipped) return;
  std::fill_n(skipped.get(), svd.batch, true);
  if constexpr (is_laned_type<T>)
    if (!svd.with_vectors && fits_svd_lanes(svd.batch, m, n)) {
      singular_values_lanes(ctx, svd.batch, m, n, in, s, skipped.get());
      if (std::find(skipped.get(), skipped.get() + svd.batch, true) == skipped.get() + svd.batch)
        return;
    }
  const int64_t size_u = svd.with_vectors ? m * (svd.full ? m : k) : 0;
  const int64_t size_vh = svd.with_vectors ? n * (svd.full ? n : k) : 0;
  T answer{};
  SvdBuffers<T> none{};
  none.work = &answer;
  call_gesdd(svd, none, -1);
  // Some versions round the answer down to the nearest float.
  const int n_work = work_size(answer) + work_size(answer) / 64 + 64;
  for_batch(ctx, svd.batch, 8 * m * n * k, [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, m * n), work(ctx, n_work);
    Scratch<Real<T>> real_work(ctx, is_complex<T> ? real_work_size(svd) : 0);
    Scratch<int> int_work(ctx, 8 * k);
    if (!a || !work || !real_work || !int_work) return;
    for (int64_t b = begin; b < end; ++b) {
      if (!skipped[b]) continue;
      std::copy_n(in + b * m * n, m * n, a.get());
      const SvdBuffers<T> x{a.get(),   u + b * size_u,  vh + b * size_vh, work.get(),
                            s + b * k, real_work.get(), int_work.get()};
      if (is_finite(x.a, m * n) && call_gesdd(svd, x, n_work) == 0) continue;
      std::fill_n(x.s, k, nan_of<Real<T>>());
      std::fill_n(x.u, size_u, nan_of<T>());
      std::fill_n(x.vh, size_vh, nan_of<T>());
    }
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_qr(CallContext* ctx, void* const* ins, void* const* outs,
                      const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "qr: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, geqrf)) || !has_routine(generate_q<T>())) return false;
    const Qr qr{params[1], params[2], params[3], params[4] != 0, params[5] != 0};
    T* r = static_cast<T*>(outs[qr.with_q ? 1 : 0]);
    factor_qr(ctx, qr, static_cast<const T*>(ins[0]), static_cast<T*>(outs[0]), r);
    return true;
  });
}

extern "C" void gx_svd(CallContext* ctx, void* const* ins, void* const* outs,
                       const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "svd: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(GX_PICK(T, gesdd))) return false;
    const Svd svd{params[1], params[2], params[3], params[4] != 0, params[5] != 0};
    T* u = svd.with_vectors ? static_cast<T*>(outs[1]) : nullptr;
    T* vh = svd.with_vectors ? static_cast<T*>(outs[2]) : nullptr;
    decompose_svd(ctx, svd, static_cast<const T*>(ins[0]), static_cast<Real<T>*>(outs[0]), u, vh);
    return true;
  });
}
