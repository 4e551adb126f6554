#include "kernels/elementwise.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

#include "numpy_api.hpp"

namespace gradax {
namespace {

template <class T>
T compute(Elementwise kind, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;  // Overflow wraps.
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    switch (kind) {
      case Elementwise::Add:
        return static_cast<T>(x + y);
      case Elementwise::Subtract:
        return static_cast<T>(x - y);
      case Elementwise::Multiply:
        return static_cast<T>(x * y);
      case Elementwise::Maximum:
        return a > b ? a : b;
      default:
        return a < b ? a : b;
    }
  } else {
    switch (kind) {
      case Elementwise::Add:
        return a + b;
      case Elementwise::Subtract:
        return a - b;
      case Elementwise::Multiply:
        return a * b;
      default:
        return a / b;
    }
  }
}

template <class T>
bool compare(Elementwise kind, T a, T b) {
  switch (kind) {
    case Elementwise::Eq:
      return a == b;
    case Elementwise::Ne:
      return a != b;
    case Elementwise::Lt:
      return a < b;
    case Elementwise::Le:
      return a <= b;
    case Elementwise::Gt:
      return a > b;
    default:
      return a >= b;
  }
}

// NaN wins, the first one; of equal elements the second is returned, as compiled code does.
template <class T>
T extremum(Elementwise kind, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return compute(kind, a, b);
  } else {
    const bool is_first = kind == Elementwise::Maximum ? a > b : a < b;
    return is_first || std::isnan(a) ? a : b;
  }
}

// One operand: memory, or a number that stands for all elements.
template <class T>
struct Source {
  const T* memory = nullptr;  // null: the number
  T number = 0;
  T at(int64_t i) const { return memory ? memory[i] : number; }
};

// False where the number is not exactly one of the dtype's, or an integer that is rounded twice.
template <class T>
bool read(const Operand& operand, Source<T>& out) {
  out.memory = static_cast<const T*>(operand.memory);
  if (operand.memory) return true;
  if (operand.kind == NumberKind::Real) {
    out.number = static_cast<T>(operand.real);
    return !std::is_integral_v<T>;
  }
  constexpr int64_t most = std::is_integral_v<T> ? std::numeric_limits<T>::max() : int64_t{1} << 53;
  constexpr int64_t least = std::is_integral_v<T> ? std::numeric_limits<T>::min() : -most;
  out.number = static_cast<T>(operand.integer);
  return operand.kind == NumberKind::Integer && operand.integer <= most && operand.integer >= least;
}

template <class T, class Out, class F>
void fill(Out* out, int64_t n, const Source<T>& a, const Source<T>& b, F f) {
  if (a.memory && b.memory) {
    for (int64_t i = 0; i < n; ++i) out[i] = f(a.memory[i], b.memory[i]);
  } else if (a.memory) {
    for (int64_t i = 0; i < n; ++i) out[i] = f(a.memory[i], b.number);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = f(a.number, b.at(i));
  }
}

template <class T>
void run(Elementwise kind, void* out, int64_t n, const Source<T>& a, const Source<T>& b) {
  const auto each = [&](auto f) { fill(static_cast<T*>(out), n, a, b, f); };
  const auto each_bool = [&](auto f) { fill(static_cast<bool*>(out), n, a, b, f); };
  // The kind is a constant in each loop, so that the loops are vector code.
  switch (kind) {
    case Elementwise::Add:
      return each([](T x, T y) { return compute<T>(Elementwise::Add, x, y); });
    case Elementwise::Subtract:
      return each([](T x, T y) { return compute<T>(Elementwise::Subtract, x, y); });
    case Elementwise::Multiply:
      return each([](T x, T y) { return compute<T>(Elementwise::Multiply, x, y); });
    case Elementwise::Divide:
      return each([](T x, T y) { return compute<T>(Elementwise::Divide, x, y); });
    case Elementwise::Maximum:
      return each([](T x, T y) { return extremum<T>(Elementwise::Maximum, x, y); });
    case Elementwise::Minimum:
      return each([](T x, T y) { return extremum<T>(Elementwise::Minimum, x, y); });
    default:
      return each_bool([kind](T x, T y) { return compare<T>(kind, x, y); });
  }
}

template <class T>
bool compute_as(Elementwise kind, int64_t n, const Operand& a, const Operand& b, void* out) {
  if (std::is_integral_v<T> && kind == Elementwise::Divide) return false;
  Source<T> x, y;
  if (!read(a, x) || !read(b, y)) return false;
  run<T>(kind, out, n, x, y);
  return true;
}

}  // namespace

bool compute_elementwise(Elementwise kind, int type_num, int64_t n, const Operand& a,
                         const Operand& b, void* out) {
  switch (type_num) {
    case NPY_FLOAT32:
      return compute_as<float>(kind, n, a, b, out);
    case NPY_FLOAT64:
      return compute_as<double>(kind, n, a, b, out);
    case NPY_INT32:
      return compute_as<int32_t>(kind, n, a, b, out);
    case NPY_INT64:
      return compute_as<int64_t>(kind, n, a, b, out);
    default:
      return false;
  }
}

}  // namespace gradax
