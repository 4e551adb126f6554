// Products of groups of rows: each group of the left operand's rows has a right operand of its own.
#include <algorithm>

#include "kernels.hpp"
#include "parallel.hpp"
#include "product.hpp"

namespace gradax {
namespace {

struct Ragged {
  bool by_terms;
  int64_t batch, groups, rows, k, n;
};

// A batch's rows [begin, end) that belong to a group.
struct Group {
  int64_t batch, group, begin, end;
};

// Products smaller than this on average are divided among threads whole.
constexpr int64_t work_per_group = int64_t{1} << 21;

// All groups, in order; sizes below 0 are none, and rows beyond the last do not exist.
void list_groups(const Ragged& r, const int32_t* sizes, Group* out) {
  int64_t count = 0;
  for (int64_t b = 0; b < r.batch; ++b) {
    int64_t begin = 0;
    for (int64_t g = 0; g < r.groups; ++g) {
      const int64_t size = std::clamp<int64_t>(sizes[b * r.groups + g], 0, r.rows - begin);
      out[count++] = {b, g, begin, begin + size};
      begin += size;
    }
  }
}

// The product of a group: [rows, k] [k, n], or, summed over rows, [rows, k]^T [rows, n].
template <class T>
Product<T> product_of(const Ragged& r, const Group& g, const T* lhs, const T* rhs, T* out) {
  const int64_t first = g.batch * r.rows + g.begin, own = g.group * r.batch + g.batch;
  Product<T> p{};
  p.a = lhs + first * r.k;
  p.lda = r.k;
  p.n = p.ldb = p.ldc = r.n;
  if (r.by_terms) {
    p.m = r.k;
    p.k = g.end - g.begin;
    p.trans_a = true;
    p.b = rhs + first * r.n;
    p.c = out + own * r.k * r.n;
  } else {
    p.m = g.end - g.begin;
    p.k = r.k;
    p.b = rhs + own * r.k * r.n;
    p.c = out + first * r.n;
  }
  return p;
}

template <class T>
void clear_rows_of_no_group(const Ragged& r, const Group* groups, T* out) {
  for (int64_t b = 0; b < r.batch; ++b) {
    const int64_t used = r.groups ? groups[(b + 1) * r.groups - 1].end : 0;
    std::fill(out + (b * r.rows + used) * r.n, out + (b + 1) * r.rows * r.n, T{});
  }
}

template <class T>
void multiply_ragged(CallContext* ctx, const Ragged& r, const T* lhs, const T* rhs,
                     const int32_t* sizes, T* out) {
  const int64_t count = r.batch * r.groups;
  Scratch<Group> groups(ctx, count);
  if (!groups) return;
  list_groups(r, sizes, groups.get());
  if (!r.by_terms) clear_rows_of_no_group(r, groups.get(), out);
  const int64_t work = r.rows * r.batch * r.k * r.n / std::max<int64_t>(count, 1);
  auto is_empty = [](const Product<T>& p) { return p.m == 0 || p.n == 0; };
  auto run = [&](int64_t i, auto multiply) {
    const Product<T> p = product_of(r, groups[i], lhs, rhs, out);
    if (is_empty(p)) return;
    if (p.k == 0) return void(std::fill_n(p.c, p.m * p.n, T{}));
    multiply(p);
  };
  if (work >= work_per_group) {
    for (int64_t i = 0; i < count; ++i)
      run(i, [&](const Product<T>& p) { run_batch(ctx, p, Batch{1, 0, 0, 0}); });
    return;
  }
  parallel_for(ctx, count, grain_for(work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run(i, [](const Product<T>& p) { run_product(p); });
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_ragged_dot(CallContext* ctx, void* const* ins, void* const* outs,
                              const int64_t* params) {
  using namespace gradax;
  const Ragged r{params[1] != 0, params[2], params[3], params[4], params[5], params[6]};
  with_ring(static_cast<Dtype>(params[0]), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>) {
      gx_fail(ctx, GX_VALUE_ERROR, "ragged_dot: sums of half-precision numbers need float32");
    } else {
      multiply_ragged(ctx, r, static_cast<const T*>(ins[0]), static_cast<const T*>(ins[1]),
                      static_cast<const int32_t*>(ins[2]), static_cast<T*>(outs[0]));
    }
  });
}
