#include "conv_transpose.hpp"

#include "target.hpp"

namespace gradax {
namespace {

constexpr int side = 8;

template <class T>
struct Square {
  typedef T Vector __attribute__((vector_size(side * sizeof(T))));
  typedef T Loose __attribute__((vector_size(side * sizeof(T)), aligned(sizeof(T)), may_alias));
};

// Three rounds, each of which deals the rows of the first half and of the second out in turn.
template <class T>
GX_INLINE void transpose_square(const T* x, int64_t apart, T* to, int64_t pitch) {
  using Vector = typename Square<T>::Vector;
  using Loose = typename Square<T>::Loose;
  Vector rows[side], dealt[side];
#pragma GCC unroll 8
  for (int i = 0; i < side; ++i) rows[i] = *reinterpret_cast<const Loose*>(x + i * apart);
#pragma GCC unroll 3
  for (int round = 0; round < 3; ++round) {
#pragma GCC unroll 4
    for (int i = 0; i < side / 2; ++i) {
      const Vector a = rows[i], b = rows[i + side / 2];
      dealt[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      dealt[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    }
#pragma GCC unroll 8
    for (int i = 0; i < side; ++i) rows[i] = dealt[i];
  }
#pragma GCC unroll 8
  for (int i = 0; i < side; ++i) *reinterpret_cast<Loose*>(to + i * pitch) = rows[i];
}

template <class T>
GX_INLINE void transpose_rest(const T* x, int64_t apart, int64_t n, int64_t columns, T* to,
                              int64_t pitch) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < columns; ++c) to[i * pitch + c] = x[c * apart + i];
}

template <class T>
GX_VECTORIZED void transpose_squares(const T* x, int64_t apart, int64_t n, int64_t columns, T* to,
                                     int64_t pitch) {
  const int64_t whole_n = n / side * side, whole_columns = columns / side * side;
  for (int64_t c = 0; c < whole_columns; c += side) {
    const T* from = x + c * apart;
    for (int64_t i = 0; i < whole_n; i += side)
      transpose_square(from + i, apart, to + i * pitch + c, pitch);
    transpose_rest(from + whole_n, apart, n - whole_n, side, to + whole_n * pitch + c, pitch);
  }
  transpose_rest(x + whole_columns * apart, apart, n, columns - whole_columns, to + whole_columns,
                 pitch);
}

}  // namespace

template <class T>
void transpose_block(const T* x, int64_t apart, int64_t n, int64_t columns, T* to, int64_t pitch) {
  transpose_squares(x, apart, n, columns, to, pitch);
}

template void transpose_block<float>(const float*, int64_t, int64_t, int64_t, float*, int64_t);
template void transpose_block<double>(const double*, int64_t, int64_t, int64_t, double*, int64_t);

}  // namespace gradax
