// Transforms that rest on complex ones: of real rows, and of lengths with a large prime factor.
#include <algorithm>

#include "fft.hpp"
#include "fft_transpose.hpp"
#include "parallel.hpp"
#include "scalar.hpp"

namespace gradax {
namespace {

template <class R>
using C = std::complex<R>;

GX_INLINE void reverse(Vec<float>& x) {
  x = __builtin_shufflevector(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

GX_INLINE void reverse(Vec<double>& x) {
  x = __builtin_shufflevector(x, x, 7, 6, 5, 4, 3, 2, 1, 0);
}

// The pair k, h - k of one transform from that of the other: even and odd parts, the odd one
// turned by -i w, or by i conj(w) on the way back.
template <class R>
GX_INLINE void mix_pair(C<R> w, C<R> x, C<R> y, bool inverse, C<R>& low, C<R>& high) {
  const C<R> even = (x + std::conj(y)) * R(0.5), odd = (x - std::conj(y)) * R(0.5);
  const C<R> turned = multiply(C<R>{w.imag(), inverse ? w.real() : -w.real()}, odd);
  low = even + turned;
  high = std::conj(even - turned);
}

template <class R>
GX_INLINE void mix_lanes(const C<R>* roots, const C<R>* low, const C<R>* high, bool inverse,
                         C<R>* out_low, C<R>* out_high) {
  constexpr LaneLayout row{0, 1};
  constexpr int64_t lanes = n_lanes<R>;
  Cx<R> w, x, y;
  load_lanes(roots, row, lanes, 1, &w);
  load_lanes(low, row, lanes, 1, &x);
  load_lanes(high, row, lanes, 1, &y);
  reverse(y.re);
  reverse(y.im);
  Cx<R> even{(x.re + y.re) * R(0.5), (x.im - y.im) * R(0.5)};
  Cx<R> odd{(x.re - y.re) * R(0.5), (x.im + y.im) * R(0.5)};
  turn(odd, Cx<R>{w.im, inverse ? w.re : -w.re});
  const Cx<R> first{even.re + odd.re, even.im + odd.im};
  Cx<R> last{even.re - odd.re, odd.im - even.im};
  reverse(last.re);
  reverse(last.im);
  store_lanes(&first, out_low, row, lanes, 1);
  store_lanes(&last, out_high, row, lanes, 1);
}

// All pairs 0 < k <= h - k.
template <class R>
GX_VECTORIZED void mix(const RealPlan<R>& plan, int64_t h, const C<R>* in, C<R>* out,
                       bool inverse) {
  constexpr int64_t lanes = n_lanes<R>;
  const C<R>* roots = plan.roots.data();
  int64_t k = 1;
  for (; 2 * (k + lanes) <= h; k += lanes) {
    const int64_t high = h - k - lanes + 1;
    mix_lanes(roots + k, in + k, in + high, inverse, out + k, out + high);
  }
  for (; k <= h - k; ++k) mix_pair(roots[k], in[k], in[h - k], inverse, out[k], out[h - k]);
}

// From the transform z of a row's pairs to the row's own, [h + 1].
template <class R>
void untangle(const RealPlan<R>& plan, int64_t h, const C<R>* z, C<R>* out) {
  out[0] = {z[0].real() + z[0].imag(), 0};
  out[h] = {z[0].real() - z[0].imag(), 0};
  mix(plan, h, z, out, false);
}

// The inverse: from a row's transform to that of its pairs.
template <class R>
void tangle(const RealPlan<R>& plan, int64_t h, const C<R>* in, C<R>* z) {
  const R first = in[0].real(), last = in[h].real();
  z[0] = {(first + last) * R(0.5), (first - last) * R(0.5)};
  mix(plan, h, in, z, true);
}

}  // namespace

template <class R>
void transform_real(CallContext* ctx, int64_t outer, int64_t n, const R* in, C<R>* out) {
  if (outer == 0 || n == 0) return;
  const int64_t h = n / 2;
  if (n % 2 == 0) {
    const RealPlan<R>& plan = find_plan<RealPlan<R>>(n);
    Scratch<C<R>> pairs(ctx, outer * h);
    if (!pairs) return;
    const C<R>* in_pairs = reinterpret_cast<const C<R>*>(in);
    transform_complex(ctx, Transform<R>{outer, h, 1, in_pairs, pairs.get(), false, R(1)});
    parallel_for(ctx, outer, grain_for(n * 2), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        untangle(plan, h, pairs.get() + row * h, out + row * (h + 1));
    });
    return;
  }
  Scratch<C<R>> wide(ctx, outer * n), results(ctx, outer * n);
  if (!wide || !results) return;
  std::copy(in, in + outer * n, wide.get());
  transform_complex(ctx, Transform<R>{outer, n, 1, wide.get(), results.get(), false, R(1)});
  for (int64_t row = 0; row < outer; ++row)
    std::copy_n(results.get() + row * n, h + 1, out + row * (h + 1));
}

template <class R>
void transform_to_real(CallContext* ctx, int64_t outer, int64_t n, const C<R>* in, R* out) {
  if (outer == 0 || n == 0) return;
  const int64_t h = n / 2;
  if (n % 2 == 0) {
    const RealPlan<R>& plan = find_plan<RealPlan<R>>(n);
    Scratch<C<R>> pairs(ctx, outer * h);
    if (!pairs) return;
    parallel_for(ctx, outer, grain_for(n * 2), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        tangle(plan, h, in + row * (h + 1), pairs.get() + row * h);
    });
    transform_complex(ctx, Transform<R>{outer, h, 1, pairs.get(), reinterpret_cast<C<R>*>(out),
                                        true, R(1) / static_cast<R>(h)});
    return;
  }
  Scratch<C<R>> wide(ctx, outer * n), results(ctx, outer * n);
  if (!wide || !results) return;
  for (int64_t row = 0; row < outer; ++row) {
    const C<R>* from = in + row * (h + 1);
    C<R>* to = wide.get() + row * n;
    to[0] = {from[0].real(), 0};
    for (int64_t k = 1; k <= h; ++k) {
      to[k] = from[k];
      to[n - k] = std::conj(from[k]);
    }
  }
  transform_complex(
      ctx, Transform<R>{outer, n, 1, wide.get(), results.get(), true, R(1) / static_cast<R>(n)});
  for (int64_t i = 0; i < outer * n; ++i) out[i] = results[i].real();
}

// Bluestein: j k = (j^2 + k^2 - (k - j)^2) / 2 makes the transform a convolution with a chirp.
template <class R>
void transform_chirp(CallContext* ctx, const Transform<R>& t) {
  auto& plan = find_plan<ChirpPlan<R>>(t.n);
  const int64_t n = t.n, m = plan.m;
  std::call_once(plan.has_spectrum, [&] {
    transform_complex(ctx,
                      Transform<R>{1, m, 1, plan.kernel.data(), plan.spectrum.data(), false, R(1)});
  });
  const int64_t rows = std::min(t.outer, std::max<int64_t>(32, (int64_t{1} << 18) / m));
  Scratch<C<R>> x(ctx, rows * m), y(ctx, rows * m);
  if (!x || !y) return;
  auto turn = [&](C<R> value) { return t.inverse ? C<R>{value.imag(), value.real()} : value; };
  for (int64_t first = 0; first < t.outer; first += rows) {
    const int64_t count = std::min(rows, t.outer - first);
    auto for_rows = [&](auto&& f) {
      parallel_for(ctx, count, grain_for(m * 2), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) f(row, (first + row) * n);
      });
    };
    for_rows([&](int64_t row, int64_t at) {
      C<R>* to = x.get() + row * m;
      for (int64_t j = 0; j < n; ++j) to[j] = multiply(turn(t.in[at + j]), plan.chirp[j]);
      std::fill(to + n, to + m, C<R>{});
    });
    transform_complex(ctx, Transform<R>{count, m, 1, x.get(), y.get(), false, R(1)});
    for_rows([&](int64_t row, int64_t) {
      for (int64_t j = 0; j < m; ++j) y[row * m + j] = multiply(y[row * m + j], plan.spectrum[j]);
    });
    transform_complex(
        ctx, Transform<R>{count, m, 1, y.get(), x.get(), true, t.scale / static_cast<R>(m)});
    for_rows([&](int64_t row, int64_t at) {
      for (int64_t k = 0; k < n; ++k) t.out[at + k] = turn(multiply(x[row * m + k], plan.chirp[k]));
    });
  }
}

#define GX_INSTANTIATE(R)                                                              \
  template void transform_real<R>(CallContext*, int64_t, int64_t, const R*, C<R>*);    \
  template void transform_to_real<R>(CallContext*, int64_t, int64_t, const C<R>*, R*); \
  template void transform_chirp<R>(CallContext*, const Transform<R>&);
GX_INSTANTIATE(float)
GX_INSTANTIATE(double)
#undef GX_INSTANTIATE

}  // namespace gradax
