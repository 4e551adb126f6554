#include "fft.hpp"

#include <new>

#include "fft_lanes.hpp"
#include "kernels.hpp"
#include "matrices.hpp"

namespace gradax {
namespace {

template <class R>
LaneGroup<R> start_group(const Transform<R>& t, int64_t n) {
  LaneGroup<R> group{};
  group.plan = &find_plan<DirectPlan<R>>(n);
  group.swap_in = group.swap_out = t.inverse;
  group.scale = t.scale;
  return group;
}

// Runs f(group, i) for group i of `n_groups`, each with memory of its own thread.
template <class R, class F>
void for_groups(CallContext* ctx, const LaneGroup<R>& first, int64_t n_groups, F&& f) {
  const int64_t n = first.plan->n;
  parallel_for(ctx, n_groups, grain_for(n * n_lanes<R>), [&](int64_t begin, int64_t end) {
    Scratch<R> memory(ctx, group_memory<R>(n));
    if (!memory) return;
    LaneGroup<R> group = first;
    group.memory = memory.get();
    for (int64_t i = begin; i < end; ++i) f(group, i);
  });
}

// A lane a row.
template <class R>
void run_rows(CallContext* ctx, const Transform<R>& t) {
  constexpr int64_t lanes = n_lanes<R>;
  LaneGroup<R> first = start_group(t, t.n);
  first.in_layout = first.out_layout = {1, t.n};
  for_groups(ctx, first, (t.outer + lanes - 1) / lanes, [&](LaneGroup<R>& group, int64_t i) {
    group.count = std::min(lanes, t.outer - i * lanes);
    group.in = t.in + i * lanes * t.n;
    group.out = t.out + i * lanes * t.n;
    run_group(group);
  });
}

// A lane a column, where neighbouring columns are neighbours in memory.
template <class R>
void run_columns(CallContext* ctx, const Transform<R>& t) {
  constexpr int64_t lanes = n_lanes<R>;
  const int64_t per_row = (t.inner + lanes - 1) / lanes;
  LaneGroup<R> first = start_group(t, t.n);
  first.in_layout = first.out_layout = {t.inner, 1};
  for_groups(ctx, first, t.outer * per_row, [&](LaneGroup<R>& group, int64_t i) {
    const int64_t column = i % per_row * lanes;
    const int64_t at = i / per_row * t.n * t.inner + column;
    group.count = std::min(lanes, t.inner - column);
    group.in = t.in + at;
    group.out = t.out + at;
    run_group(group);
  });
}

template <class T>
void transpose_batch(CallContext* ctx, int64_t batch, const T* from, int64_t m, int64_t n, T* to) {
  parallel_for(ctx, batch, grain_for(m * n), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) transpose(from + b * m * n, m, n, to + b * m * n);
  });
}

// One long row, in four steps: columns of n1, roots, rows of n2, written transposed.
template <class R>
void run_split(CallContext* ctx, const Transform<R>& t, const std::complex<R>* in,
               std::complex<R>* out) {
  using C = std::complex<R>;
  constexpr int64_t lanes = n_lanes<R>;
  const SplitPlan& plan = find_plan<SplitPlan>(t.n);
  const int64_t n1 = plan.n1, n2 = plan.n2;
  Scratch<C> middle(ctx, t.n);
  if (!middle) return;
  LaneGroup<R> first = start_group(t, n1);
  first.in_layout = first.out_layout = {n2, 1};
  first.swap_out = false;
  first.scale = 1;
  for_groups(ctx, first, (n2 + lanes - 1) / lanes, [&](LaneGroup<R>& group, int64_t i) {
    group.count = std::min(lanes, n2 - i * lanes);
    group.in = in + i * lanes;
    group.out = middle.get() + i * lanes;
    group.twist = {&plan, i * lanes};
    run_group(group);
  });
  if (n2 > longest_direct) {
    Scratch<C> rows(ctx, t.n);
    if (!rows) return;
    // The values are exchanged already: transform forwards, and exchange at the end.
    transform_complex(ctx, Transform<R>{n1, n2, 1, middle.get(), rows.get(), false, t.scale});
    transpose(rows.get(), n1, n2, out);
    for (int64_t i = 0; t.inverse && i < t.n; ++i) out[i] = {out[i].imag(), out[i].real()};
    return;
  }
  LaneGroup<R> second = start_group(t, n2);
  second.in_layout = {1, n2};
  second.out_layout = {n1, 1};
  second.swap_in = false;
  for_groups(ctx, second, (n1 + lanes - 1) / lanes, [&](LaneGroup<R>& group, int64_t i) {
    group.count = std::min(lanes, n1 - i * lanes);
    group.in = middle.get() + i * lanes * n2;
    group.out = out + i * lanes;
    run_group(group);
  });
}

template <class R>
void run_long_rows(CallContext* ctx, const Transform<R>& t) {
  // Made here, so that nothing allocates by throwing inside a parallel loop.
  const SplitPlan& plan = find_plan<SplitPlan>(t.n);
  find_plan<DirectPlan<R>>(plan.n1);
  if (plan.n2 <= longest_direct) find_plan<DirectPlan<R>>(plan.n2);
  auto run = [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      run_split(ctx, t, t.in + row * t.n, t.out + row * t.n);
  };
  if (t.outer >= ctx->n_threads) {
    parallel_for(ctx, t.outer, grain_for(t.n * 8), run);
  } else {
    run(0, t.outer);
  }
}

// Few columns, or long ones: as rows of a transposed copy.
template <class R>
void run_transposed(CallContext* ctx, const Transform<R>& t) {
  using C = std::complex<R>;
  const int64_t size = t.outer * t.n * t.inner;
  Scratch<C> rows(ctx, size), results(ctx, size);
  if (!rows || !results) return;
  transpose_batch(ctx, t.outer, t.in, t.n, t.inner, rows.get());
  Transform<R> flat{t.outer * t.inner, t.n, 1, rows.get(), results.get(), t.inverse, t.scale};
  transform_complex(ctx, flat);
  transpose_batch(ctx, t.outer, results.get(), t.inner, t.n, t.out);
}

}  // namespace

template <class R>
void transform_complex(CallContext* ctx, const Transform<R>& t) {
  if (t.outer == 0 || t.inner == 0 || t.n == 0) return;
  const bool smooth = is_smooth(t.n);
  if (t.inner > 1) {
    const bool is_direct = smooth && t.n <= longest_direct && t.inner >= n_lanes<R> / 2;
    return is_direct ? run_columns(ctx, t) : run_transposed(ctx, t);
  }
  if (!smooth) return transform_chirp(ctx, t);
  // With few rows most lanes would idle: split each row, if that gives lanes enough.
  const bool few =
      t.outer < n_lanes<R> / 2 && t.n >= 64 && find_plan<SplitPlan>(t.n).n1 >= n_lanes<R> / 2;
  if (t.n > longest_direct || few) return run_long_rows(ctx, t);
  run_rows(ctx, t);
}

template void transform_complex<float>(CallContext*, const Transform<float>&);
template void transform_complex<double>(CallContext*, const Transform<double>&);

namespace {

// Transforms of several neighbouring axes of [outer, lengths .., inner].
template <class R>
struct Axes {
  int64_t outer, rank, inner;
  const int64_t* lengths;
  bool inverse;

  int64_t size() const {
    int64_t size = inner;
    for (int64_t k = 0; k < rank; ++k) size *= lengths[k];
    return size;
  }
  // The transform of axis k of `count` items.
  Transform<R> along(int64_t k, int64_t count, const std::complex<R>* in,
                     std::complex<R>* out) const {
    int64_t before = count, after = inner;
    for (int64_t j = 0; j < rank; ++j) (j < k ? before : after) *= j == k ? 1 : lengths[j];
    const R scale = inverse ? R(1) / static_cast<R>(lengths[k]) : R(1);
    return {before, lengths[k], after, in, out, inverse, scale};
  }
};

// Whether groups read all that they overwrite before they do: such a transform works in place.
template <class R>
bool works_in_place(const Transform<R>& t) {
  if (!is_smooth(t.n) || t.n > longest_direct) return false;
  return (t.inner > 1 ? t.inner : t.outer) >= n_lanes<R> / 2;
}

// Item by item, all axes of one while it is in the cache.
template <class R>
void run_items(CallContext* ctx, const Axes<R>& axes, const std::complex<R>* in,
               std::complex<R>* out) {
  const int64_t size = axes.size(), last = axes.rank - 1;
  // Made here, so that nothing allocates by throwing inside a parallel loop.
  for (int64_t k = 0; k <= last; ++k) find_plan<DirectPlan<R>>(axes.lengths[k]);
  auto run = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = last; k >= 0; --k) {
        std::complex<R>* to = out + i * size;
        const Transform<R> t = axes.along(k, 1, k == last ? in + i * size : to, to);
        t.inner > 1 ? run_columns(ctx, t) : run_rows(ctx, t);
      }
  };
  if (axes.outer >= ctx->n_threads) {
    parallel_for(ctx, axes.outer, grain_for(size * 8), run);
  } else {
    run(0, axes.outer);
  }
}

template <class R>
void run_axes(CallContext* ctx, const Axes<R>& axes, const std::complex<R>* in,
              std::complex<R>* out) {
  if (axes.outer == 0 || axes.size() == 0) return;
  bool in_place = true;
  for (int64_t k = 0; k < axes.rank; ++k)
    in_place = in_place && works_in_place(axes.along(k, 1, in, out));
  if (in_place) return run_items(ctx, axes, in, out);
  Scratch<std::complex<R>> between(ctx, axes.outer * axes.size());
  if (!between) return;
  for (int64_t k = axes.rank - 1; k >= 0; --k) {
    std::complex<R>* to = k % 2 == 0 ? out : between.get();
    transform_complex(ctx, axes.along(k, axes.outer, in, to));
    in = to;
  }
}

template <class R>
void run_fft(CallContext* ctx, const int64_t* params, const void* in, void* out) {
  using C = std::complex<R>;
  const int64_t kind = params[1], outer = params[2], n = params[3], inner = params[4];
  if (kind >= 4)
    return run_axes(ctx, Axes<R>{outer, n, inner, params + 5, kind == 5}, static_cast<const C*>(in),
                    static_cast<C*>(out));
  if (kind == 2)
    return transform_real(ctx, outer, n, static_cast<const R*>(in), static_cast<C*>(out));
  if (kind == 3)
    return transform_to_real(ctx, outer, n, static_cast<const C*>(in), static_cast<R*>(out));
  const R scale = kind == 1 ? R(1) / static_cast<R>(n) : R(1);
  transform_complex(ctx, Transform<R>{outer, n, inner, static_cast<const C*>(in),
                                      static_cast<C*>(out), kind == 1, scale});
}

}  // namespace
}  // namespace gradax

extern "C" void gx_fft(CallContext* ctx, void* const* ins, void* const* outs,
                       const int64_t* params) try {
  using namespace gradax;
  const auto dtype = static_cast<Dtype>(params[0]);
  const int64_t kind = params[1];
  if (kind < 0 || kind > 5 || (kind / 2 == 1 && params[4] != 1))
    return gx_fail(ctx, GX_VALUE_ERROR, "fft: unknown kind, or real transforms of columns");
  if (dtype == Dtype::C64) return run_fft<float>(ctx, params, ins[0], outs[0]);
  if (dtype == Dtype::C128) return run_fft<double>(ctx, params, ins[0], outs[0]);
  gx_fail(ctx, GX_VALUE_ERROR, "fft: the dtype must be that of the complex side, c64 or c128");
} catch (const std::bad_alloc&) {
  gx_fail(ctx, GX_MEMORY_ERROR, "fft: no memory");
}
