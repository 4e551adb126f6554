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

template <class R>
void run_fft(CallContext* ctx, const int64_t* params, const void* in, void* out) {
  using C = std::complex<R>;
  const int64_t kind = params[1], outer = params[2], n = params[3], inner = params[4];
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
  if (params[1] < 0 || params[1] > 3 || (params[1] > 1 && params[4] != 1))
    return gx_fail(ctx, GX_VALUE_ERROR, "fft: unknown kind, or real transforms of columns");
  if (dtype == Dtype::C64) return run_fft<float>(ctx, params, ins[0], outs[0]);
  if (dtype == Dtype::C128) return run_fft<double>(ctx, params, ins[0], outs[0]);
  gx_fail(ctx, GX_VALUE_ERROR, "fft: the dtype must be that of the complex side, c64 or c128");
} catch (const std::bad_alloc&) {
  gx_fail(ctx, GX_MEMORY_ERROR, "fft: no memory");
}
