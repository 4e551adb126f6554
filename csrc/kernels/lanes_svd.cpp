// Singular values of small matrices in stacks, by rotations that make columns orthogonal (Hestenes
// 1958): those of full rank; the rest is left to who calls.
#include <functional>
#include <limits>

#include "lanes.hpp"

namespace gradax {
namespace {

constexpr int most_sweeps = 40;

template <class Vector>
GX_INLINE void dot(const Vector* x, const Vector* y, int64_t n, Vector* sum) {
  Vector even = {}, odd = {};
  int64_t i = 0;
  for (; i + 2 <= n; i += 2) {
    even += x[i] * y[i];
    odd += x[i + 1] * y[i + 1];
  }
  if (i < n) even += x[i] * y[i];
  *sum = even + odd;
}

// x = c x - s y, y = s x + c y
template <class Vector>
GX_INLINE void rotate(const Vector& c, const Vector& s, Vector* x, Vector* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const Vector a = x[i], b = y[i];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
}

// Makes two rows orthogonal; false where they were in all lanes.
template <class T, class Vector>
GX_INLINE bool make_orthogonal(Vector* wp, Vector* wq, int64_t length, T tolerance) {
  const Vector one = Vector{} + T{1}, zero = {};
  Vector a, b, g;
  dot(wp, wp, length, &a);
  dot(wq, wq, length, &b);
  dot(wp, wq, length, &g);
  // Next to nothing stays as it is: such matrices are left to others in the end.
  constexpr T nothing = std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
  const auto is_apart = (g * g > tolerance * tolerance * a * b) & (a > nothing) & (b > nothing);
  bool any = false;
  for (int l = 0; l < group_lanes<T>; ++l) any |= is_apart[l] != 0;
  if (!any) return false;
  const Vector zeta = (b - a) / (is_apart ? T{2} * g : one);
  Vector root = one + zeta * zeta;
  take_roots<T>(&root);
  const Vector size = one / ((zeta < zero ? -zeta : zeta) + root);
  const Vector t = is_apart ? (zeta < zero ? -size : size) : zero;
  Vector length_of = one + t * t;
  take_roots<T>(&length_of);
  const Vector c = one / length_of, s = c * t;
  rotate(c, s, wp, wq, length);
  return true;
}

// Rotates the k rows of w, [k, length], until they are orthogonal; false where some are not in the
// end. `sizes` gets the rows' lengths.
template <class T>
GX_VECTORIZED bool diagonalize(int64_t k, int64_t length, T* rows, T* sizes) {
  using Vector = typename Lanes<T>::Vector;
  auto *w = reinterpret_cast<Vector*>(rows), *size = reinterpret_cast<Vector*>(sizes);
  const T tolerance =
      std::numeric_limits<T>::epsilon() * static_cast<T>(std::max<int64_t>(length, 4));
  bool moves = true;
  for (int sweep = 0; sweep < most_sweeps && moves; ++sweep) {
    moves = false;
    for (int64_t p = 0; p < k; ++p)
      for (int64_t q = p + 1; q < k; ++q)
        moves |= make_orthogonal<T>(w + p * length, w + q * length, length, tolerance);
  }
  for (int64_t p = 0; p < k; ++p) {
    dot(w + p * length, w + p * length, length, size + p);
    take_roots<T>(size + p);
  }
  return !moves;
}

// The lane's lengths, times `back`, from the longest to the shortest; false unless all are sure to
// be what they are.
template <class T>
bool store_values(int64_t k, int64_t length, const T* sizes, T back, T* s) {
  for (int64_t p = 0; p < k; ++p) {
    s[p] = sizes[p * group_lanes<T>];
    if (!(s[p] <= std::numeric_limits<T>::max())) return false;
  }
  std::sort(s, s + k, std::greater<T>());
  const T least = std::numeric_limits<T>::epsilon() * static_cast<T>(8 * length) * s[0];
  const bool is_sure = s[k - 1] > least;
  for (int64_t p = 0; p < k; ++p) s[p] *= back;
  return is_sure;
}

}  // namespace

bool fits_svd_lanes(int64_t batch, int64_t m, int64_t n) {
  return m * n > 0 && (m * n <= 64 || (m * n <= 512 && batch >= 8));
}

template <class T>
void singular_values_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* s,
                           bool* failed) {
  constexpr int64_t lanes = group_lanes<T>;
  const int64_t size = m * n, k = std::min(m, n), length = std::max(m, n);
  auto run = [&](int64_t first, int64_t count, T* x) {
    T *turned = x + size * lanes, *sizes = turned + size * lanes, *back = sizes + k * lanes;
    gather_lanes(a + first * size, size, count, x);
    scale_lanes(size, x, back);
    if (m >= n) transpose_lanes(x, m, n, turned);
    const bool is_done = diagonalize(k, length, m >= n ? turned : x, sizes);
    for (int64_t l = 0; l < count; ++l)
      failed[first + l] =
          !store_values(k, length, sizes + l, back[l], s + (first + l) * k) || !is_done;
  };
  for_lane_groups<T>(ctx, batch, 2 * size + k + 1, 20 * k * k * length, run);
}

template void singular_values_lanes<float>(CallContext*, int64_t, int64_t, int64_t, const float*,
                                           float*, bool*);
template void singular_values_lanes<double>(CallContext*, int64_t, int64_t, int64_t, const double*,
                                            double*, bool*);

}  // namespace gradax
