// Eigenvalues and eigenvectors.
#include <algorithm>
#include <cmath>

#include "kernels.hpp"
#include "matrices.hpp"

namespace gradax {
namespace {

template <class T>
constexpr Routine hermitian() {
  return pick<T>(Routine::ssyevd, Routine::dsyevd, Routine::cheevd, Routine::zheevd);
}

struct Sizes {
  int work, real_work, int_work;
};

// Column-major a is overwritten by its eigenvectors.
template <class T>
int call_hermitian(int n, bool lower, T* a, Real<T>* w, T* work, Real<T>* real_work, int* int_work,
                   Sizes sizes) {
  char job = 'V', uplo = lower ? 'U' : 'L';  // the triangle in the row-major view
  int ld = std::max(1, n), info = 0;
  if constexpr (is_complex<T>) {
    call_routine(hermitian<T>(), &job, &uplo, &n, a, &ld, w, work, &sizes.work, real_work,
                 &sizes.real_work, int_work, &sizes.int_work, &info);
  } else {
    call_routine(hermitian<T>(), &job, &uplo, &n, a, &ld, w, work, &sizes.work, int_work,
                 &sizes.int_work, &info);
  }
  return info;
}

template <class T>
void decompose_hermitian(CallContext* ctx, int64_t batch, int64_t n, bool lower, const T* in, T* v,
                         Real<T>* w) {
  const int size = static_cast<int>(n);
  T answer{};
  Real<T> real_answer{};
  int int_answer = 0;
  call_hermitian<T>(size, lower, nullptr, nullptr, &answer, &real_answer, &int_answer,
                    {-1, -1, -1});
  const Sizes sizes{work_size(answer) + work_size(answer) / 64 + 64,
                    work_size(real_answer) + work_size(real_answer) / 64 + 64,
                    std::max(1, int_answer)};
  for_batch(ctx, batch, 9 * n * n * n, [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, n * n), work(ctx, sizes.work);
    Scratch<Real<T>> real_work(ctx, sizes.real_work);
    Scratch<int> int_work(ctx, sizes.int_work);
    if (!a || !work || !real_work || !int_work) return;
    for (int64_t b = begin; b < end; ++b) {
      std::copy_n(in + b * n * n, n * n, a.get());
      Real<T>* values = w + b * n;
      const int info = call_hermitian(size, lower, a.get(), values, work.get(), real_work.get(),
                                      int_work.get(), sizes);
      // What LAPACK saw was the conjugate.
      transpose(a.get(), n, n, v + b * n * n, true);
      // Of what is not finite LAPACK may return parts that are.
      const bool is_whole =
          std::all_of(values, values + n, [](auto x) { return std::isfinite(x); });
      if (info == 0 && is_whole) continue;
      std::fill_n(values, n, nan_of<Real<T>>());
      std::fill_n(v + b * n * n, n * n, nan_of<T>());
    }
  });
}

// One general matrix, column-major; the results of real matrices in LAPACK's packed form.
template <class T>
struct General {
  T* a;
  T *w, *imag;  // a complex matrix has its eigenvalues in w
  T *left, *right;
  T* work;
  Real<T>* real_work;
};

template <class T>
int call_geev(int n, bool with_left, bool with_right, const General<T>& x, int n_work) {
  char left = with_left ? 'V' : 'N', right = with_right ? 'V' : 'N';
  int ld = std::max(1, n), info = 0;
  if constexpr (is_complex<T>) {
    call_routine(GX_PICK(T, geev), &left, &right, &n, x.a, &ld, x.w, x.left, &ld, x.right, &ld,
                 x.work, &n_work, x.real_work, &info);
  } else {
    call_routine(GX_PICK(T, geev), &left, &right, &n, x.a, &ld, x.w, x.imag, x.left, &ld, x.right,
                 &ld, x.work, &n_work, &info);
  }
  return info;
}

// Row-major complex vectors of column-major packed ones: a pair of columns holds real and
// imaginary parts of two conjugate vectors.
template <class T>
void unpack_vectors(int64_t n, const T* packed, const T* imag, std::complex<Real<T>>* out) {
  using C = std::complex<Real<T>>;
  for (int64_t j = 0; j < n; ++j) {
    if constexpr (is_complex<T>) {
      for (int64_t i = 0; i < n; ++i) out[i * n + j] = packed[j * n + i];
    } else if (imag[j] > 0 && j + 1 < n) {
      for (int64_t i = 0; i < n; ++i) {
        const T re = packed[j * n + i], im = packed[(j + 1) * n + i];
        out[i * n + j] = C{re, im};
        out[i * n + j + 1] = C{re, -im};
      }
      ++j;
    } else {
      for (int64_t i = 0; i < n; ++i) out[i * n + j] = C{packed[j * n + i], 0};
    }
  }
}

template <class T>
void decompose_general(CallContext* ctx, int64_t batch, int64_t n, const T* in,
                       std::complex<Real<T>>* w, std::complex<Real<T>>* left,
                       std::complex<Real<T>>* right) {
  using C = std::complex<Real<T>>;
  const bool with_left = left != nullptr, with_right = right != nullptr;
  const int size = static_cast<int>(n);
  T answer{};
  Real<T> real_answer{};
  General<T> none{};
  none.work = &answer;
  none.real_work = &real_answer;
  call_geev(size, with_left, with_right, none, -1);
  const int n_work = work_size(answer) + work_size(answer) / 64 + 64;
  for_batch(ctx, batch, 25 * n * n * n, [&](int64_t begin, int64_t end) {
    Scratch<T> memory(ctx, 3 * n * n + 2 * n + n_work);
    Scratch<Real<T>> real_work(ctx, 2 * n);
    if (!memory || !real_work) return;
    T *a = memory.get(), *values = a + 3 * n * n;
    const General<T> x{
        a, values, values + n, a + n * n, a + 2 * n * n, values + 2 * n, real_work.get()};
    for (int64_t b = begin; b < end; ++b) {
      transpose(in + b * n * n, n, n, a);
      const bool has_nan = std::any_of(a, a + n * n, [](T e) { return e != e; });
      const bool failed = has_nan || call_geev(size, with_left, with_right, x, n_work) != 0;
      for (int64_t i = 0; i < n; ++i) {
        if constexpr (is_complex<T>) {
          w[b * n + i] = x.w[i];
        } else {
          w[b * n + i] = C{x.w[i], x.imag[i]};
        }
      }
      if (with_left) unpack_vectors(n, x.left, x.imag, left + b * n * n);
      if (with_right) unpack_vectors(n, x.right, x.imag, right + b * n * n);
      if (!failed) continue;
      std::fill_n(w + b * n, n, nan_of<C>());
      if (with_left) std::fill_n(left + b * n * n, n * n, nan_of<C>());
      if (with_right) std::fill_n(right + b * n * n, n * n, nan_of<C>());
    }
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_eigh(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "eigh: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (!has_routine(hermitian<T>())) return false;
    if (params[2] == 0) return true;
    decompose_hermitian(ctx, params[1], params[2], params[3] != 0, static_cast<const T*>(ins[0]),
                        static_cast<T*>(outs[0]), static_cast<Real<T>*>(outs[1]));
    return true;
  });
}

extern "C" void gx_eig(CallContext* ctx, void* const* ins, void* const* outs,
                       const int64_t* params) {
  using namespace gradax;
  with_blas_dtype(ctx, params[0], "eig: LAPACK is not loaded", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = std::complex<Real<T>>;
    if (!has_routine(GX_PICK(T, geev))) return false;
    if (params[2] == 0) return true;
    C* left = params[3] ? static_cast<C*>(outs[1]) : nullptr;
    C* right = params[4] ? static_cast<C*>(outs[params[3] ? 2 : 1]) : nullptr;
    decompose_general(ctx, params[1], params[2], static_cast<const T*>(ins[0]),
                      static_cast<C*>(outs[0]), left, right);
    return true;
  });
}
