// QR factors of small matrices in stacks, by Householder's reflections.
#include <cmath>

#include "lanes.hpp"

namespace gradax {
namespace {

// target -= a multiple of the reflection's vector, for the columns [from, n) of rows [s, m): the
// reflection I - tau v v^T, where v begins with one and goes on as `tail` has it, rows `step`
// apart.
template <class T, class Vector>
GX_INLINE void reflect(int64_t s, int64_t m, int64_t from, int64_t n, const Vector& tau,
                       const Vector* tail, int64_t step, Vector* target, int64_t ld, Vector* sums) {
  for (int64_t j = from; j < n; ++j) sums[j] = target[s * ld + j];
  for (int64_t i = s + 1; i < m; ++i) {
    const Vector v = tail[i * step];
    for (int64_t j = from; j < n; ++j) sums[j] += v * target[i * ld + j];
  }
  for (int64_t j = from; j < n; ++j) {
    sums[j] *= tau;
    target[s * ld + j] -= sums[j];
  }
  for (int64_t i = s + 1; i < m; ++i) {
    const Vector v = tail[i * step];
    for (int64_t j = from; j < n; ++j) target[i * ld + j] -= v * sums[j];
  }
}

// Overwrites x, [m, n], by R and the reflections' vectors; makes q, [m, rows], where it is asked
// for. `memory` has room for min(m, n) + max(n, rows) vectors.
template <class T>
GX_VECTORIZED void factor_qr(int64_t m, int64_t n, int64_t rows, T* matrices, T* orthogonal,
                             T* memory) {
  using Vector = typename Lanes<T>::Vector;
  const int64_t k = std::min(m, n);
  auto *x = reinterpret_cast<Vector*>(matrices), *q = reinterpret_cast<Vector*>(orthogonal);
  auto* taus = reinterpret_cast<Vector*>(memory);
  Vector *sums = taus + k, back;
  scale_lanes(m * n, matrices, reinterpret_cast<T*>(&back));
  const Vector none = {}, one = none + T{1};
  for (int64_t s = 0; s < k; ++s) {
    Vector squares = {};
    for (int64_t i = s + 1; i < m; ++i) squares += x[i * n + s] * x[i * n + s];
    const Vector corner = x[s * n + s];
    const auto is_done = squares == none;
    Vector length = corner * corner + squares;
    take_roots<T>(&length);
    const Vector beta = is_done ? corner : (corner >= 0 ? -length : length);
    taus[s] = is_done ? none : (beta - corner) / beta;
    const Vector inverse = one / (is_done ? one : corner - beta);
    for (int64_t i = s + 1; i < m; ++i) x[i * n + s] *= inverse;
    x[s * n + s] = beta;
    reflect<T>(s, m, s + 1, n, taus[s], x + s, n, x, n, sums);
  }
  for (int64_t e = 0; e < m * rows && q; ++e) q[e] = e / rows == e % rows ? one : none;
  for (int64_t s = k - 1; s >= 0 && q; --s)
    reflect<T>(s, m, s, rows, taus[s], x + s, n, q, rows, sums);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < n; ++j) x[i * n + j] = j < i ? none : x[i * n + j] * back;
}

}  // namespace

bool fits_qr_lanes(int64_t batch, int64_t m, int64_t n, int64_t rows) {
  const int64_t size = m * std::max(n, rows);
  return n > 0 && (size <= 64 || (size <= 2048 && batch >= 16));
}

template <class T>
void qr_lanes(CallContext* ctx, int64_t batch, int64_t m, int64_t n, int64_t rows, const T* a, T* q,
              T* r) {
  constexpr int64_t lanes = group_lanes<T>;
  const int64_t size = m * n, size_q = q ? m * rows : 0, k = std::min(m, n);
  auto run = [&](int64_t first, int64_t count, T* x) {
    T* orthogonal = x + size * lanes;
    gather_lanes(a + first * size, size, count, x);
    factor_qr(m, n, rows, x, q ? orthogonal : nullptr, orthogonal + size_q * lanes);
    scatter_lanes(x, rows * n, count, r + first * rows * n);
    if (q) scatter_lanes(orthogonal, size_q, count, q + first * size_q);
  };
  for_lane_groups<T>(ctx, batch, size + size_q + k + std::max(n, rows), 4 * size * k, run);
}

template void qr_lanes<float>(CallContext*, int64_t, int64_t, int64_t, int64_t, const float*,
                              float*, float*);
template void qr_lanes<double>(CallContext*, int64_t, int64_t, int64_t, int64_t, const double*,
                               double*, double*);

}  // namespace gradax
