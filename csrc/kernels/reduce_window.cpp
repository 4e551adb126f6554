#include <algorithm>
#include <utility>

#include "convert.hpp"
#include "fold.hpp"
#include "kernels.hpp"

namespace gradax {
namespace {

constexpr int64_t width = 256, direct_limit = 8;

// A window along one axis of [outer, n, inner]; the other axes keep their sizes.
struct Window {
  int64_t outer, n, inner;
  int64_t size, out, stride, pad, base_dilation, dilation;

  bool is_trivial() const {
    return size == 1 && stride == 1 && pad == 0 && base_dilation == 1 && out == n;
  }
  // Whether each window is folded by itself: blocks of running folds pay where long ones overlap.
  bool is_direct() const {
    return size <= direct_limit || (inner > 1 && (out == 1 || stride >= size));
  }
  int64_t reach() const { return (size - 1) * dilation + 1; }
  int64_t line() const { return (out - 1) * stride + reach(); }
};

template <class Op, class T>
GX_VECTORIZED void join_all(T* sums, const T* x, int64_t n) {
  for (int64_t j = 0; j < n; ++j) sums[j] = Op::join(sums[j], x[j]);
}

template <class Op, class T>
GX_VECTORIZED void join_pairs(const T* x, const T* y, T* out, int64_t n) {
  for (int64_t j = 0; j < n; ++j) out[j] = Op::join(x[j], y[j]);
}

// The line of `columns` neighbouring columns with its padding, dilation written out.
template <class Op, class T>
void fill_line(const Window& w, const T* x, int64_t columns, T* line) {
  std::fill_n(line, w.line() * columns, Op::template identity<T>());
  const int64_t reach = w.line() - w.pad;
  const int64_t first = w.pad >= 0 ? 0 : (-w.pad + w.base_dilation - 1) / w.base_dilation;
  const int64_t last = std::min(w.n, reach <= 0 ? 0 : (reach - 1) / w.base_dilation + 1);
  for (int64_t i = first; i < last; ++i)
    std::copy_n(x + i * w.inner, columns, line + (i * w.base_dilation + w.pad) * columns);
}

// Small windows of several columns: join the taps as they lie in memory.
template <class Op, class T>
void fold_taps(const Window& w, const T* x, int64_t columns, T* out) {
  for (int64_t o = 0; o < w.out; ++o, out += w.inner) {
    bool is_first = true;
    for (int64_t t = 0; t < w.size; ++t) {
      const int64_t at = o * w.stride - w.pad + t * w.dilation;
      if (at < 0 || at % w.base_dilation != 0 || at / w.base_dilation >= w.n) continue;
      const T* row = x + at / w.base_dilation * w.inner;
      is_first ? (void)std::copy_n(row, columns, out) : join_all<Op>(out, row, columns);
      is_first = false;
    }
    if (is_first) std::fill_n(out, columns, Op::template identity<T>());
  }
}

// Small windows of one column, from its line.
template <class Op, class T>
GX_VECTORIZED void fold_line(const Window& w, const T* line, T* out) {
  if (w.stride == 1) {
    std::copy_n(line, w.out, out);
    for (int64_t t = 1; t < w.size; ++t)
      for (int64_t o = 0; o < w.out; ++o) out[o] = Op::join(out[o], line[o + t * w.dilation]);
    return;
  }
  for (int64_t o = 0; o < w.out; ++o) {
    T sum = line[o * w.stride];
    for (int64_t t = 1; t < w.size; ++t) sum = Op::join(sum, line[o * w.stride + t * w.dilation]);
    out[o] = sum;
  }
}

// Turns `line` into the running folds from each block's beginning, and `ends` into those from each
// block's end. Blocks have one window's size and follow the dilation.
template <class Op, class T>
GX_INLINE void fold_columns_within(const Window& w, int64_t columns, T* line, T* ends) {
  const int64_t n = w.line(), step = w.dilation * columns;
  for (int64_t phase = 0; phase < w.dilation; ++phase) {
    const int64_t count = (n - phase + w.dilation - 1) / w.dilation;
    for (int64_t begin = 0; begin < count; begin += w.size) {
      const int64_t last = std::min(count, begin + w.size) - 1;
      T *head = line + phase * columns + begin * step, *tail = ends + phase * columns + last * step;
      for (int64_t i = begin; i < last; ++i, head += step, tail -= step) {
        for (int64_t j = 0; j < columns; ++j) head[step + j] = Op::join(head[j], head[step + j]);
        for (int64_t j = 0; j < columns; ++j) tail[j - step] = Op::join(tail[j - step], tail[j]);
      }
    }
  }
}

template <class Op, class T>
GX_VECTORIZED void fold_within_blocks(const Window& w, int64_t columns, T* line, T* ends) {
  // A constant spares the loop over columns.
  if (columns == 1) return fold_columns_within<Op>(w, 1, line, ends);
  fold_columns_within<Op>(w, columns, line, ends);
}

// Long windows: within blocks of one window's size, every window is the end of one block and the
// beginning of the next (van Herk), three operations an element whatever the size.
template <class Op, class T>
void fold_blocks(const Window& w, T* line, T* ends, int64_t columns, T* out) {
  std::copy_n(line, w.line() * columns, ends);
  fold_within_blocks<Op>(w, columns, line, ends);
  const int64_t to_last = w.reach() - 1;
  const bool is_plain = columns == 1 && w.stride == 1;
  if (is_plain) join_pairs<Op>(ends, line + to_last, out, w.out);
  if (is_plain && w.dilation == 1) {
    for (int64_t o = 0; o < w.out; o += w.size) out[o] = line[o + to_last];
    return;
  }
  for (int64_t o = 0; o < w.out; ++o) {
    const int64_t first = o * w.stride;
    const T* last = line + (first + to_last) * columns;
    if (first / w.dilation % w.size == 0) {
      std::copy_n(last, columns, out + o * w.inner);
    } else if (!is_plain) {
      join_pairs<Op>(ends + first * columns, last, out + o * w.inner, columns);
    }
  }
}

// How the outputs of one axis are cut into tasks.
struct Tasks {
  int64_t columns, outs;      // of a task
  int64_t n_columns, n_outs;  // tasks in a row
};

Tasks cut_tasks(const Window& w) {
  Tasks tasks{std::min(w.inner, width), w.out, 0, 0};
  const bool is_direct = w.is_direct();
  // A line of a long window is filled for several columns: keep it in the cache.
  if (!is_direct) tasks.columns = std::min<int64_t>(w.inner, 32);
  const int64_t least = std::max<int64_t>(4096 / tasks.columns + 1, is_direct ? 1 : 4 * w.reach());
  tasks.outs = std::min(w.out, least);
  tasks.n_columns = (w.inner + tasks.columns - 1) / tasks.columns;
  tasks.n_outs = (w.out + tasks.outs - 1) / tasks.outs;
  return tasks;
}

template <class Op, class T>
void fold_task(const Window& w, const T* x, int64_t columns, T* line, T* ends, T* out) {
  const bool is_direct = w.is_direct();
  if (is_direct && w.inner > 1) return fold_taps<Op>(w, x, columns, out);
  fill_line<Op>(w, x, columns, line);
  is_direct ? fold_line<Op>(w, line, out) : fold_blocks<Op>(w, line, ends, columns, out);
}

template <class Op, class T>
void fold_axis(CallContext* ctx, const Window& w, const T* in, T* out) {
  const Tasks tasks = cut_tasks(w);
  const int64_t per_row = tasks.n_columns * tasks.n_outs;
  const int64_t cost = tasks.outs * tasks.columns * std::min<int64_t>(w.size, 4);
  parallel_for(ctx, w.outer * per_row, grain_for(cost), [&](int64_t begin, int64_t end) {
    Window part = w;
    part.out = tasks.outs;
    const int64_t room = part.line() * tasks.columns;
    const bool is_direct = w.is_direct();
    Scratch<T> line(ctx, is_direct && w.inner > 1 ? 0 : room), ends(ctx, is_direct ? 0 : room);
    if (!line || !ends) return;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / per_row, column = i % tasks.n_columns * tasks.columns;
      const int64_t first = i / tasks.n_columns % tasks.n_outs * tasks.outs;
      const int64_t columns = std::min(tasks.columns, w.inner - column);
      part.out = std::min(tasks.outs, w.out - first);
      part.pad = w.pad - first * w.stride;
      fold_task<Op>(part, in + row * w.n * w.inner + column, columns, line.get(), ends.get(),
                    out + (row * w.out + first) * w.inner + column);
    }
  });
}

constexpr int64_t max_dims = 16;

struct Windows {
  int64_t d;
  Window axes[max_dims];
  int64_t largest = 0;  // elements of the largest intermediate result
};

Windows read_windows(const int64_t* params) {
  Windows all{};
  all.d = params[2];
  const int64_t* lists = params + 3;
  auto field = [&](int64_t which, int64_t dim) { return lists[which * all.d + dim]; };
  for (int64_t dim = 0; dim < all.d; ++dim) {
    Window& w = all.axes[dim];
    w = {1,
         field(0, dim),
         1,
         field(1, dim),
         field(2, dim),
         field(3, dim),
         field(4, dim),
         field(5, dim),
         field(6, dim)};
    // Earlier axes are done already and have their output size.
    for (int64_t other = 0; other < dim; ++other) w.outer *= field(2, other);
    for (int64_t other = dim + 1; other < all.d; ++other) w.inner *= field(0, other);
    all.largest = std::max(all.largest, w.outer * w.out * w.inner);
  }
  return all;
}

template <class Op, class T>
void fold_windows(CallContext* ctx, const Windows& all, const T* in, T* out) {
  int64_t last = -1;
  for (int64_t dim = 0; dim < all.d; ++dim)
    if (!all.axes[dim].is_trivial()) last = dim;
  if (last < 0) {
    int64_t n = 1;
    for (int64_t dim = 0; dim < all.d; ++dim) n *= all.axes[dim].out;
    std::copy_n(in, n, out);
    return;
  }
  Scratch<T> first(ctx, all.largest), second(ctx, all.largest);
  if (!first || !second) return;
  const T* from = in;
  T *to = first.get(), *spare = second.get();
  for (int64_t dim = 0; dim <= last; ++dim) {
    if (all.axes[dim].is_trivial()) continue;
    fold_axis<Op>(ctx, all.axes[dim], from, dim == last ? out : to);
    from = to;
    std::swap(to, spare);
  }
}

template <class Op, class T>
void run_windows(CallContext* ctx, const Windows& all, const T* in, T* out) {
  if constexpr (std::is_same_v<T, FoldOf<T>>) {
    fold_windows<Op>(ctx, all, in, out);
  } else {
    int64_t n_in = 1, n_out = 1;
    for (int64_t dim = 0; dim < all.d; ++dim) {
      n_in *= all.axes[dim].n;
      n_out *= all.axes[dim].out;
    }
    Scratch<float> wide_in(ctx, n_in), wide_out(ctx, n_out);
    if (!wide_in || !wide_out) return;
    convert_parallel(ctx, in, wide_in.get(), n_in);
    fold_windows<Op>(ctx, all, wide_in.get(), wide_out.get());
    convert_parallel(ctx, wide_out.get(), out, n_out);
  }
}

}  // namespace
}  // namespace gradax

extern "C" void gx_reduce_window(CallContext* ctx, void* const* ins, void* const* outs,
                                 const int64_t* params) {
  using namespace gradax;
  if (params[2] > max_dims)
    return gx_fail(ctx, GX_VALUE_ERROR, "reduce_window: at most 16 dimensions");
  const Windows all = read_windows(params);
  for (int64_t dim = 0; dim < all.d; ++dim)
    if (all.axes[dim].out == 0) return;
  const auto dtype = static_cast<Dtype>(params[0]);
  const bool known = with_fold(params[1], [&](auto op) {
    auto run = [&](auto tag) {
      using T = typename decltype(tag)::type;
      run_windows<decltype(op)>(ctx, all, static_cast<const T*>(ins[0]), static_cast<T*>(outs[0]));
    };
    if constexpr (std::is_same_v<decltype(op), SumOp> || std::is_same_v<decltype(op), ProdOp>) {
      with_ring(dtype, run);
    } else {
      with_dtype(dtype, run);
    }
  });
  if (!known) gx_fail(ctx, GX_VALUE_ERROR, "reduce_window: unknown operation");
}
