#include <algorithm>

#include "convert.hpp"
#include "fold.hpp"
#include "kernels.hpp"

namespace gradax {
namespace {

// One axis of [outer, n, inner]; a reversed scan walks it from its end.
struct Axis {
  int64_t outer, n, inner;
  bool reverse;

  // Where element i of a row is, and the distance to element i + 1.
  int64_t at(int64_t i) const { return (reverse ? n - 1 - i : i) * inner; }
  int64_t step() const { return reverse ? -inner : inner; }
};

constexpr int64_t n_chains = 8, chunk = 2048;

// Scans `n_chains` rows at once, so that the latency of one operation hides behind the others.
template <class Op, class T>
GX_VECTORIZED void scan_chains(const T* x, T* out, int64_t n, int64_t step, int64_t distance,
                               const FoldOf<T>* starts) {
  FoldOf<T> sums[n_chains];
  for (int64_t c = 0; c < n_chains; ++c) sums[c] = starts[c];
  for (int64_t i = 0; i < n; ++i, x += step, out += step) {
    for (int64_t c = 0; c < n_chains; ++c) {
      sums[c] = Op::join(sums[c], convert<FoldOf<T>>(x[c * distance]));
      out[c * distance] = convert<T>(sums[c]);
    }
  }
}

template <class Op, class T>
void scan_row(const T* x, T* out, int64_t n, int64_t step, FoldOf<T> sum) {
  for (int64_t i = 0; i < n; ++i, x += step, out += step) {
    sum = Op::join(sum, convert<FoldOf<T>>(*x));
    *out = convert<T>(sum);
  }
}

template <class Op, class T>
GX_VECTORIZED FoldOf<T> fold_chunk(const T* x, int64_t n) {
  constexpr int64_t lanes = 32;
  FoldOf<T> sums[lanes];
  for (auto& sum : sums) sum = Op::template identity<FoldOf<T>>();
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t j = 0; j < lanes; ++j) sums[j] = Op::join(sums[j], convert<FoldOf<T>>(x[i + j]));
  for (; i < n; ++i) sums[0] = Op::join(sums[0], convert<FoldOf<T>>(x[i]));
  for (int64_t j = 1; j < lanes; ++j) sums[0] = Op::join(sums[0], sums[j]);
  return sums[0];
}

// Rows of neighbours (inner = 1), eight at a time.
template <class Op, class T>
void scan_rows(const Axis& axis, const T* in, T* out, int64_t begin, int64_t end) {
  FoldOf<T> starts[n_chains];
  std::fill_n(starts, n_chains, Op::template identity<FoldOf<T>>());
  int64_t row = begin;
  for (; row + n_chains <= end; row += n_chains) {
    const int64_t at = row * axis.n + axis.at(0);
    scan_chains<Op>(in + at, out + at, axis.n, axis.step(), axis.n, starts);
  }
  for (; row < end; ++row) {
    const int64_t at = row * axis.n + axis.at(0);
    scan_row<Op>(in + at, out + at, axis.n, axis.step(), starts[0]);
  }
}

// One long row: fold its chunks, scan the folds, then scan the chunks from there.
template <class Op, class T>
void scan_long(CallContext* ctx, const Axis& axis, const T* in, T* out) {
  using Sum = FoldOf<T>;
  const int64_t n_chunks = axis.n / chunk, groups = (n_chunks + n_chains - 1) / n_chains;
  Scratch<Sum> starts(ctx, groups * n_chains + 1);
  if (!starts) return;
  const int64_t distance = axis.step() * chunk;
  parallel_for(ctx, n_chunks, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* first = in + axis.at(i * chunk);
      starts[i + 1] = fold_chunk<Op>(axis.reverse ? first - chunk + 1 : first, chunk);
    }
  });
  starts[0] = Op::template identity<Sum>();
  for (int64_t i = 0; i < n_chunks; ++i) starts[i + 1] = Op::join(starts[i], starts[i + 1]);
  parallel_for(ctx, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t first = group * n_chains, at = axis.at(first * chunk);
      if (first + n_chains <= n_chunks) {
        scan_chains<Op>(in + at, out + at, chunk, axis.step(), distance, &starts[first]);
      } else {
        scan_row<Op>(in + at, out + at, axis.n - first * chunk, axis.step(), starts[first]);
      }
    }
  });
  const int64_t done = groups * n_chains;
  if (done == n_chunks && done * chunk < axis.n) {
    const int64_t at = axis.at(done * chunk);
    scan_row<Op>(in + at, out + at, axis.n - done * chunk, axis.step(), starts[done]);
  }
}

template <class Op, class T>
GX_VECTORIZED void join_into(FoldOf<T>* sums, const T* x, T* out, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    sums[j] = Op::join(sums[j], convert<FoldOf<T>>(x[j]));
    out[j] = convert<T>(sums[j]);
  }
}

// Columns (inner > 1), a block of neighbouring columns at a time.
template <class Op, class T>
void scan_columns(CallContext* ctx, const Axis& axis, const T* in, T* out) {
  constexpr int64_t width = 128;
  const int64_t blocks = (axis.inner + width - 1) / width;
  const int64_t grain = grain_for(axis.n * std::min(width, axis.inner));
  parallel_for(ctx, axis.outer * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      FoldOf<T> sums[width];
      std::fill_n(sums, width, Op::template identity<FoldOf<T>>());
      const int64_t column = i % blocks * width, size = std::min(width, axis.inner - column);
      const int64_t base = i / blocks * axis.n * axis.inner + column;
      for (int64_t j = 0; j < axis.n; ++j)
        join_into<Op>(sums, in + base + axis.at(j), out + base + axis.at(j), size);
    }
  });
}

template <class Op, class T>
void scan(CallContext* ctx, const Axis& axis, const T* in, T* out) {
  if (axis.inner > 1) return scan_columns<Op>(ctx, axis, in, out);
  if (axis.n >= 2 * n_chains * chunk && axis.outer < n_chains) {
    for (int64_t row = 0; row < axis.outer; ++row)
      scan_long<Op>(ctx, axis, in + row * axis.n, out + row * axis.n);
    return;
  }
  const int64_t grain = std::max(n_chains, grain_for(axis.n));
  parallel_for(ctx, axis.outer, grain,
               [&](int64_t begin, int64_t end) { scan_rows<Op>(axis, in, out, begin, end); });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_cumulative(CallContext* ctx, void* const* ins, void* const* outs,
                              const int64_t* params) {
  using namespace gradax;
  const Axis axis{params[2], params[3], params[4], params[5] != 0};
  if (axis.outer * axis.n * axis.inner == 0) return;
  const auto dtype = static_cast<Dtype>(params[0]);
  const bool known = with_fold(params[1], [&](auto op) {
    auto run = [&](auto tag) {
      using T = typename decltype(tag)::type;
      scan<decltype(op)>(ctx, axis, static_cast<const T*>(ins[0]), static_cast<T*>(outs[0]));
    };
    if constexpr (std::is_same_v<decltype(op), SumOp> || std::is_same_v<decltype(op), ProdOp>) {
      with_ring(dtype, run);
    } else {
      with_dtype(dtype, run);
    }
  });
  if (!known) gx_fail(ctx, GX_VALUE_ERROR, "cumulative: unknown operation");
}
