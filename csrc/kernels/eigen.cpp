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

// Larger matrices are decomposed step by step, the last step part by part: so many vectors each.
constexpr int64_t least_stepwise = 128, vectors_of_part = 64;

// LAPACK scales matrices whose squares are out of range; we leave them to it.
template <class T>
bool is_moderate(const T* a, int64_t size) {
  using R = Real<T>;
  R largest = 0;
  for (int64_t i = 0; i < size; ++i) largest = std::max(largest, R(std::abs(a[i])));
  constexpr R least = std::numeric_limits<R>::min() / std::numeric_limits<R>::epsilon();
  return largest > std::sqrt(least) && largest < std::sqrt(1 / least);
}

// The eigenvectors z of the tridiagonal matrix become those of the one whose reflections a has;
// row-major in v, conjugated, for what LAPACK saw was the conjugate.
template <class T>
void reflect_back(CallContext* ctx, int64_t n, char uplo, T* a, T* tau, const Real<T>* z, T* v) {
  parallel_for(ctx, (n + vectors_of_part - 1) / vectors_of_part, 1, [&](int64_t i, int64_t end) {
    Scratch<T> part(ctx, n * vectors_of_part), work(ctx, vectors_of_part * 64 + 65 * 64);
    if (!part || !work) return;
    for (; i < end; ++i) {
      const int64_t first = i * vectors_of_part, count = std::min(vectors_of_part, n - first);
      std::copy_n(z + first * n, count * n, part.get());
      char side = 'L', trans = 'N';
      int size = static_cast<int>(n), columns = static_cast<int>(count), info = 0;
      int n_work = static_cast<int>(vectors_of_part * 64 + 65 * 64);
      call_routine(pick<T>(Routine::sormtr, Routine::dormtr, Routine::cunmtr, Routine::zunmtr),
                   &side, &uplo, &trans, &size, &columns, a, &size, tau, part.get(), &size,
                   work.get(), &n_work, &info);
      for (int64_t row = 0; row < n; ++row)
        for (int64_t j = 0; j < count; ++j) {
          T x = part[j * n + row];
          if constexpr (is_complex<T>) x = std::conj(x);
          v[row * n + first + j] = x;
        }
    }
  });
}

// One matrix on all threads of the call; a is overwritten. False: LAPACK has failed.
template <class T>
bool decompose_stepwise(CallContext* ctx, int64_t n, bool lower, T* a, T* v, Real<T>* w) {
  using R = Real<T>;
  char uplo = lower ? 'U' : 'L', job = 'I';
  int size = static_cast<int>(n), info = 0, n_work = size * 64, n_int_work = 3 + 5 * size;
  int n_real_work = 1 + size * (4 + size);
  Scratch<T> tau(ctx, n), work(ctx, n_work);
  Scratch<R> beside(ctx, n), z(ctx, n * n), real_work(ctx, n_real_work);
  Scratch<int> int_work(ctx, n_int_work);
  if (!tau || !work || !beside || !z || !real_work || !int_work) return true;
  call_routine(pick<T>(Routine::ssytrd, Routine::dsytrd, Routine::chetrd, Routine::zhetrd), &uplo,
               &size, a, &size, w, beside.get(), tau.get(), work.get(), &n_work, &info);
  if (info == 0)
    call_routine(pick<R>(Routine::sstedc, Routine::dstedc, Routine::sstedc, Routine::dstedc), &job,
                 &size, w, beside.get(), z.get(), &size, real_work.get(), &n_real_work,
                 int_work.get(), &n_int_work, &info);
  if (info == 0) reflect_back(ctx, n, uplo, a, tau.get(), z.get(), v);
  return info == 0;
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
  auto run = [&](int64_t begin, int64_t end) {
    Scratch<T> a(ctx, n * n), work(ctx, sizes.work);
    Scratch<Real<T>> real_work(ctx, sizes.real_work);
    Scratch<int> int_work(ctx, sizes.int_work);
    if (!a || !work || !real_work || !int_work) return;
    for (int64_t b = begin; b < end; ++b) {
      std::copy_n(in + b * n * n, n * n, a.get());
      Real<T>* values = w + b * n;
      int info = 0;
      if (n >= least_stepwise && is_moderate(a.get(), n * n)) {
        info = decompose_stepwise(ctx, n, lower, a.get(), v + b * n * n, values) ? 0 : 1;
      } else {
        info = call_hermitian(size, lower, a.get(), values, work.get(), real_work.get(),
                              int_work.get(), sizes);
        // What LAPACK saw was the conjugate.
        transpose(a.get(), n, n, v + b * n * n, true);
      }
      // Of what is not finite LAPACK may return parts that are.
      const bool is_whole =
          std::all_of(values, values + n, [](auto x) { return std::isfinite(x); });
      if (info == 0 && is_whole) continue;
      std::fill_n(values, n, nan_of<Real<T>>());
      std::fill_n(v + b * n * n, n * n, nan_of<T>());
    }
  };
  // A few large ones have threads each.
  if (batch < ctx->n_threads) return run(0, batch);
  for_batch(ctx, batch, 9 * n * n * n, run);
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
      const bool failed =
          !is_finite(a, n * n) || call_geev(size, with_left, with_right, x, n_work) != 0;
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
