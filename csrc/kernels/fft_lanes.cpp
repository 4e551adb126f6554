#include "fft_lanes.hpp"

#include "fft_transpose.hpp"

namespace gradax {
namespace {

template <int Radix, class R>
GX_INLINE void butterfly(Cx<R>* a) {
  if constexpr (Radix == 2) {
    const Cx<R> x = a[0], y = a[1];
    a[0] = {x.re + y.re, x.im + y.im};
    a[1] = {x.re - y.re, x.im - y.im};
  } else if constexpr (Radix == 3) {
    constexpr R sine = R(0.86602540378443864676);
    const Vec<R> sum_re = a[1].re + a[2].re, sum_im = a[1].im + a[2].im;
    const Vec<R> turn_re = (a[1].im - a[2].im) * sine, turn_im = (a[2].re - a[1].re) * sine;
    const Vec<R> mid_re = a[0].re - sum_re * R(0.5), mid_im = a[0].im - sum_im * R(0.5);
    a[0] = {a[0].re + sum_re, a[0].im + sum_im};
    a[1] = {mid_re + turn_re, mid_im + turn_im};
    a[2] = {mid_re - turn_re, mid_im - turn_im};
  } else if constexpr (Radix == 4) {
    const Vec<R> e0r = a[0].re + a[2].re, e0i = a[0].im + a[2].im;
    const Vec<R> e1r = a[0].re - a[2].re, e1i = a[0].im - a[2].im;
    const Vec<R> o0r = a[1].re + a[3].re, o0i = a[1].im + a[3].im;
    const Vec<R> o1r = a[1].im - a[3].im, o1i = a[3].re - a[1].re;
    a[0] = {e0r + o0r, e0i + o0i};
    a[1] = {e1r + o1r, e1i + o1i};
    a[2] = {e0r - o0r, e0i - o0i};
    a[3] = {e1r - o1r, e1i - o1i};
  } else {
    constexpr R c1 = R(0.30901699437494742410), c2 = R(-0.80901699437494742410);
    constexpr R s1 = R(0.95105651629515357212), s2 = R(0.58778525229247312917);
    const Vec<R> p1r = a[1].re + a[4].re, p1i = a[1].im + a[4].im;
    const Vec<R> p2r = a[2].re + a[3].re, p2i = a[2].im + a[3].im;
    const Vec<R> m1r = a[1].re - a[4].re, m1i = a[1].im - a[4].im;
    const Vec<R> m2r = a[2].re - a[3].re, m2i = a[2].im - a[3].im;
    const Vec<R> u1r = a[0].re + p1r * c1 + p2r * c2, u1i = a[0].im + p1i * c1 + p2i * c2;
    const Vec<R> u2r = a[0].re + p1r * c2 + p2r * c1, u2i = a[0].im + p1i * c2 + p2i * c1;
    const Vec<R> v1r = m1i * s1 + m2i * s2, v1i = -(m1r * s1 + m2r * s2);
    const Vec<R> v2r = m1i * s2 - m2i * s1, v2i = -(m1r * s2 - m2r * s1);
    a[0] = {a[0].re + p1r + p2r, a[0].im + p1i + p2i};
    a[1] = {u1r + v1r, u1i + v1i};
    a[2] = {u2r + v2r, u2i + v2i};
    a[3] = {u2r - v2r, u2i - v2i};
    a[4] = {u1r - v1r, u1i - v1i};
  }
}

// y[q + s (r p + k)] = w^(p k) sum over j of x[q + s (p + m j)] w_r^(j k)
template <int Radix, bool IsLast, class R>
GX_INLINE void run_pass(const Cx<R>* x, Cx<R>* y, int64_t m, int64_t s, const R* twiddles) {
  for (int64_t p = 0; p < m; ++p) {
    const R* w = twiddles + p * 2 * (Radix - 1);
    for (int64_t q = 0; q < s; ++q) {
      Cx<R> a[Radix];
      for (int j = 0; j < Radix; ++j) a[j] = x[q + s * (p + m * j)];
      butterfly<Radix>(a);
      Cx<R>* to = y + q + s * Radix * p;
      to[0] = a[0];
      for (int k = 1; k < Radix; ++k) {
        if constexpr (!IsLast) turn(a[k], w[2 * k - 2], w[2 * k - 1]);
        to[s * k] = a[k];
      }
    }
  }
}

template <int Radix, class R>
GX_INLINE void run_pass(const Cx<R>* x, Cx<R>* y, int64_t m, int64_t s, const R* twiddles) {
  if (m == 1) return run_pass<Radix, true>(x, y, m, s, twiddles);
  run_pass<Radix, false>(x, y, m, s, twiddles);
}

// The same for any prime radix.
template <class R>
GX_INLINE void run_prime_pass(const Cx<R>* x, Cx<R>* y, int radix, int64_t m, int64_t s,
                              const R* twiddles, const R* roots) {
  for (int64_t p = 0; p < m; ++p) {
    const R* w = twiddles + p * 2 * (radix - 1);
    for (int64_t q = 0; q < s; ++q) {
      for (int k = 0; k < radix; ++k) {
        Cx<R> sum = x[q + s * p];
        int at = 0;
        for (int j = 1; j < radix; ++j) {
          at = at + k < radix ? at + k : at + k - radix;
          Cx<R> term = x[q + s * (p + m * j)];
          turn(term, roots[2 * at], roots[2 * at + 1]);
          sum.re += term.re;
          sum.im += term.im;
        }
        if (k > 0) turn(sum, w[2 * k - 2], w[2 * k - 1]);
        y[q + s * (radix * p + k)] = sum;
      }
    }
  }
}

// All passes; returns where the result is, x or y.
template <class R>
GX_INLINE Cx<R>* run_passes(const DirectPlan<R>& plan, Cx<R>* x, Cx<R>* y) {
  const R *twiddles = plan.twiddles.data(), *roots = plan.roots.data();
  int64_t m = plan.n, s = 1;
  for (int radix : plan.radices) {
    m /= radix;
    switch (radix) {
      case 2:
        run_pass<2>(x, y, m, s, twiddles);
        break;
      case 3:
        run_pass<3>(x, y, m, s, twiddles);
        break;
      case 4:
        run_pass<4>(x, y, m, s, twiddles);
        break;
      case 5:
        run_pass<5>(x, y, m, s, twiddles);
        break;
      default:
        run_prime_pass(x, y, radix, m, s, twiddles, roots);
        roots += 2 * radix;
    }
    twiddles += 2 * m * (radix - 1);
    s *= radix;
    Cx<R>* other = x;
    x = y;
    y = other;
  }
  return x;
}

template <class R>
GX_INLINE void exchange(Cx<R>* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const Vec<R> re = x[i].re;
    x[i].re = x[i].im;
    x[i].im = re;
  }
}

// Multiplies element k by root(k * column): a product of one of 16 fine and one coarse root.
template <class R>
GX_INLINE void twist(const GroupTwist& twist, Cx<R>* x, int64_t n, Cx<R>* tables) {
  const SplitPlan& plan = *twist.plan;
  Cx<R>*fine = tables, *coarse = tables + 16;
  auto fill = [&](Cx<R>& to, int64_t k) {
    for (int64_t l = 0; l < n_lanes<R>; ++l) {
      const auto root = plan.root(k * (twist.column + l) % plan.n);
      to.re[l] = static_cast<R>(root.real());
      to.im[l] = static_cast<R>(root.imag());
    }
  };
  for (int64_t k = 0; k < 16; ++k) fill(fine[k], k);
  for (int64_t k = 0; k < n; k += 16) fill(coarse[k / 16], k);
  for (int64_t k = 0; k < n; ++k) {
    turn(x[k], fine[k % 16]);
    turn(x[k], coarse[k / 16]);
  }
}

}  // namespace

template <class R>
GX_VECTORIZED void run_group(const LaneGroup<R>& g) {
  const int64_t n = g.plan->n;
  Cx<R>*x = reinterpret_cast<Cx<R>*>(g.memory), *y = x + n;
  load_lanes(g.in, g.in_layout, g.count, n, x);
  if (g.swap_in) exchange(x, n);
  Cx<R>* result = run_passes(*g.plan, x, y);
  if (g.twist.plan != nullptr) twist(g.twist, result, n, x + 2 * n);
  if (g.scale != R(1)) {
    for (int64_t i = 0; i < n; ++i) {
      result[i].re *= g.scale;
      result[i].im *= g.scale;
    }
  }
  if (g.swap_out) exchange(result, n);
  store_lanes(result, g.out, g.out_layout, g.count, n);
}

template void run_group<float>(const LaneGroup<float>&);
template void run_group<double>(const LaneGroup<double>&);

}  // namespace gradax
