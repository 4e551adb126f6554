// Singular values of small matrices in stacks, by rotations that make columns orthogonal (Hestenes
// 1958): those of full rank; the rest is left to who calls.
#include <cmath>
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

// Makes the rows p and q of w orthogonal, and does the same to v; false where they were in all
// lanes.
template <class T, class Vector>
GX_INLINE bool make_orthogonal(Vector* wp, Vector* wq, Vector* vp, Vector* vq, int64_t length,
                               int64_t k, T tolerance) {
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
  if (vp) rotate(c, s, vp, vq, k);
  return true;
}

// Rotates the k rows of w, [k, length], until they are orthogonal, and v, [k, k], from ones on;
// false where some are not in the end. `sizes` gets the rows' lengths.
template <class T>
GX_VECTORIZED bool diagonalize(int64_t k, int64_t length, T* rows, T* vectors, T* sizes) {
  using Vector = typename Lanes<T>::Vector;
  auto *w = reinterpret_cast<Vector*>(rows), *v = reinterpret_cast<Vector*>(vectors);
  auto* size = reinterpret_cast<Vector*>(sizes);
  const Vector one = Vector{} + T{1}, zero = {};
  for (int64_t e = 0; e < k * k && v; ++e) v[e] = e % (k + 1) == 0 ? one : zero;
  const T tolerance =
      std::numeric_limits<T>::epsilon() * static_cast<T>(std::max<int64_t>(length, 4));
  bool moves = true;
  for (int sweep = 0; sweep < most_sweeps && moves; ++sweep) {
    moves = false;
    for (int64_t p = 0; p < k; ++p)
      for (int64_t q = p + 1; q < k; ++q)
        moves |= make_orthogonal<T>(w + p * length, w + q * length, v ? v + p * k : nullptr,
                                    v ? v + q * k : nullptr, length, k, tolerance);
  }
  for (int64_t p = 0; p < k; ++p) {
    dot(w + p * length, w + p * length, length, size + p);
    take_roots<T>(size + p);
  }
  return !moves;
}

// One matrix's results in the order of its singular values.
template <class T>
struct LaneSvd {
  int64_t k, length;
  const T *rows, *vectors, *sizes;  // of the lane: elements are group_lanes apart
  T back;

  T size(int64_t p) const { return sizes[p * group_lanes<T>]; }

  // The rows from the longest to the shortest; false unless all are sure to be what they are.
  bool order(int32_t* places) const {
    for (int64_t p = 0; p < k; ++p) places[p] = static_cast<int32_t>(p);
    std::stable_sort(places, places + k, [&](int32_t a, int32_t b) { return size(a) > size(b); });
    const T most = size(places[0]), least = size(places[k - 1]);
    return least > most * std::numeric_limits<T>::epsilon() * static_cast<T>(8 * length) &&
           most <= std::numeric_limits<T>::max();
  }

  void store_values(const int32_t* places, T* s) const {
    for (int64_t c = 0; c < k; ++c) s[c] = size(places[c]) * back;
  }

  // long_side[c * step + i * next] and short_side likewise: column c of the factors.
  void store_vectors(const int32_t* places, bool is_tall, T* u, T* vh) const {
    constexpr int lanes = group_lanes<T>;
    for (int64_t c = 0; c < k; ++c) {
      const int64_t p = places[c];
      const T inverse = T{1} / size(p);
      T *of_long = is_tall ? u + c : vh + c * length, *of_short = is_tall ? vh + c * k : u + c;
      const int64_t step_long = is_tall ? k : 1, step_short = is_tall ? 1 : k;
      for (int64_t i = 0; i < length; ++i)
        of_long[i * step_long] = rows[(p * length + i) * lanes] * inverse;
      for (int64_t i = 0; i < k; ++i) of_short[i * step_short] = vectors[(p * k + i) * lanes];
    }
  }
};

}  // namespace

bool may_fit_svd_lanes(int64_t m, int64_t n) {
  return m * n > 0 && m * n <= 1024 && std::min(m, n) <= 32;
}

bool fits_svd_lanes(int64_t batch, int64_t m, int64_t n, bool with_vectors) {
  if (!may_fit_svd_lanes(m, n)) return false;
  return m * n <= 64 || (m * n <= (with_vectors ? 1024 : 512) && batch >= 8);
}

template <class T>
void svd_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, const T* a, T* s, T* u, T* vh,
               bool* failed) {
  constexpr int64_t lanes = group_lanes<T>;
  const int64_t size = m * n, k = std::min(m, n), length = std::max(m, n);
  const bool is_tall = m >= n;
  auto run = [&](int64_t first, int64_t count, T* x) {
    T *turned = x + size * lanes, *vectors = turned + size * lanes;
    T *sizes = vectors + k * k * lanes, *back = sizes + k * lanes;
    gather_lanes(a + first * size, size, count, x);
    scale_lanes(size, x, back);
    if (is_tall) transpose_lanes(x, m, n, turned);
    T* rows = is_tall ? turned : x;
    const bool is_done = diagonalize(k, length, rows, u ? vectors : nullptr, sizes);
    int32_t places[32];
    for (int64_t l = 0; l < count; ++l) {
      const LaneSvd<T> one{k, length, rows + l, vectors + l, sizes + l, back[l]};
      const int64_t b = first + l;
      failed[b] = !one.order(places) || !is_done;
      if (failed[b]) continue;
      one.store_values(places, s + b * k);
      if (u) one.store_vectors(places, is_tall, u + b * m * k, vh + b * k * n);
    }
  };
  for_lane_groups<T>(ctx, batch, 2 * size + k * k + k + 1, 30 * k * k * length, run);
}

template void svd_lanes<float>(CallContext*, int64_t, int64_t, int64_t, const float*, float*,
                               float*, float*, bool*);
template void svd_lanes<double>(CallContext*, int64_t, int64_t, int64_t, const double*, double*,
                                double*, double*, bool*);

}  // namespace gradax
