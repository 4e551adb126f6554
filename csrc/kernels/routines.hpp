// BLAS and LAPACK routines, found at run time and called through typed wrappers.
//
// Python hands over the addresses (runtime/libraries.py); until then every slot is null. The
// routines follow Fortran: arguments by pointer, column-major matrices, 32-bit integers.
#pragma once

#include <atomic>
#include <complex>
#include <cstdint>
#include <string_view>

#include "target.hpp"

namespace gradax {

#define GX_FOUR(X, name) X(s##name) X(d##name) X(c##name) X(z##name)
// The formatter never settles on a layout of this list.
// clang-format off
#define GX_ROUTINES(X) \
  GX_FOUR(X, gemm) GX_FOUR(X, gemv) GX_FOUR(X, trsm) GX_FOUR(X, potrf) \
  GX_FOUR(X, getrf) GX_FOUR(X, geqrf) GX_FOUR(X, gesdd) GX_FOUR(X, geev) \
  X(sorgqr) X(dorgqr) X(cungqr) X(zungqr) X(ssyevd) X(dsyevd) X(cheevd) X(zheevd) \
  GX_FOUR(X, gees) GX_FOUR(X, gehrd) GX_FOUR(X, trsyl) X(ssytrd) X(dsytrd) X(chetrd) X(zhetrd) \
  X(sstevr) X(dstevr) X(sstedc) X(dstedc) X(sormtr) X(dormtr) X(cunmtr) X(zunmtr)
// clang-format on

enum class Routine : int {
#define GX_ITEM(name) name,
  GX_ROUTINES(GX_ITEM)
#undef GX_ITEM
      Count
};

struct RoutineTable {
  std::atomic<void*> address[static_cast<int>(Routine::Count)];
  // True once the library was told to use one thread: only then do we split products ourselves.
  std::atomic<bool> is_single_threaded;
};

extern RoutineTable routine_table;

// Stores the address of the routine called `name`; false if we do not use such a routine.
bool set_routine(std::string_view name, void* address);

inline void* routine(Routine which) {
  return routine_table.address[static_cast<int>(which)].load(std::memory_order_relaxed);
}

inline bool has_routine(Routine which) { return routine(which) != nullptr; }

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
template <class T>
using Real = typename RealOf<T>::type;

template <class T>
inline constexpr bool is_complex = !std::is_same_v<T, Real<T>>;

template <class T>
inline constexpr bool is_blas_type =
    std::is_same_v<Real<T>, float> || std::is_same_v<Real<T>, double>;

// The member of a family of four routines that works on T.
template <class T>
constexpr Routine pick(Routine s, Routine d, Routine c, Routine z) {
  if constexpr (std::is_same_v<T, float>) return s;
  if constexpr (std::is_same_v<T, double>) return d;
  if constexpr (std::is_same_v<T, std::complex<float>>) return c;
  return z;
}

#define GX_PICK(T, name) \
  pick<T>(Routine::s##name, Routine::d##name, Routine::c##name, Routine::z##name)

template <class... Args>
GX_INLINE void call_routine(Routine which, Args... args) {
  reinterpret_cast<void (*)(Args...)>(routine(which))(args...);
}

}  // namespace gradax
