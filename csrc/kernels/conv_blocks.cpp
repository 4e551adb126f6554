#include <algorithm>

#include "conv.hpp"
#include "parallel.hpp"
#include "product.hpp"

namespace gradax {
namespace {

// One phase in all dimensions: an undilated convolution of its own.
template <class T>
struct Block {
  const Conv& conv;
  const Phase* phases[3];
  const T* lhs;
  const T* kernel;  // [taps, c_in / groups, c_out], the phase's taps alone
  T* out;
  bool is_run;  // neighbouring taps of the last dimension are neighbours in memory

  int64_t n_taps(int dim) const { return static_cast<int64_t>(phases[dim]->taps.size()); }
  int64_t taps() const { return n_taps(0) * n_taps(1) * n_taps(2); }
  int64_t count(int dim) const { return phases[dim]->count; }
  int64_t rows() const { return conv.batch * count(0) * count(1) * count(2); }
  int64_t c_in() const { return conv.c_in / conv.groups; }
  int64_t c_out() const { return conv.c_out / conv.groups; }
  bool is_dense() const {
    return phases[0]->step == 1 && phases[1]->step == 1 && phases[2]->step == 1;
  }

  // Where row r's outputs are.
  T* out_row(int64_t r) const {
    const int64_t j2 = r % count(2), j1 = r / count(2) % count(1);
    const int64_t j0 = r / (count(2) * count(1)) % count(0);
    const int64_t image = r / (count(2) * count(1) * count(0));
    const int64_t o0 = phases[0]->first + j0 * phases[0]->step;
    const int64_t o1 = phases[1]->first + j1 * phases[1]->step;
    const int64_t o2 = phases[2]->first + j2 * phases[2]->step;
    return out + (((image * conv.out[0] + o0) * conv.out[1] + o1) * conv.out[2] + o2) * conv.c_out;
  }
};

// Copies the taps [u0, u1) of the last dimension, at input row `row` (null: outside), to `patch`.
template <class T>
void copy_run(const Block<T>& block, const T* row, int64_t j2, int64_t u0, int64_t u1, T* patch) {
  const Phase& phase = *block.phases[2];
  const int64_t c_in = block.c_in(), width = block.conv.in[2];
  if (row == nullptr) {
    std::fill_n(patch, (u1 - u0) * c_in, T{});
    return;
  }
  const int64_t shift = phase.advance * j2;
  if (block.is_run) {
    const int64_t first = phase.offsets[u0] + shift, n = u1 - u0;
    const int64_t low = std::clamp<int64_t>(-first, 0, n);
    const int64_t high = std::clamp<int64_t>(width - first, low, n);
    std::fill_n(patch, low * c_in, T{});
    std::copy(row + (first + low) * c_in, row + (first + high) * c_in, patch + low * c_in);
    std::fill_n(patch + high * c_in, (n - high) * c_in, T{});
    return;
  }
  for (int64_t u = u0; u < u1; ++u, patch += c_in) {
    const int64_t i2 = phase.offsets[u] + shift;
    if (i2 < 0 || i2 >= width) {
      std::fill_n(patch, c_in, T{});
    } else {
      std::copy_n(row + i2 * block.conv.c_in, c_in, patch);
    }
  }
}

// Gathers the inputs that the taps [tap0, tap1) of row r meet, for one group.
template <class T>
void gather_patch(const Block<T>& block, int64_t group, int64_t r, int64_t tap0, int64_t tap1,
                  T* patch) {
  const Conv& conv = block.conv;
  const int64_t j2 = r % block.count(2), j1 = r / block.count(2) % block.count(1);
  const int64_t j0 = r / (block.count(2) * block.count(1)) % block.count(0);
  const int64_t image = r / (block.count(2) * block.count(1) * block.count(0));
  const T* base = block.lhs + image * conv.in_positions() * conv.c_in + group * block.c_in();
  for (int64_t tap = tap0; tap < tap1;) {
    const int64_t u2 = tap % block.n_taps(2), u1 = tap / block.n_taps(2) % block.n_taps(1);
    const int64_t u0 = tap / (block.n_taps(2) * block.n_taps(1));
    const int64_t n = std::min(tap1 - tap, block.n_taps(2) - u2);
    const int64_t i0 = block.phases[0]->offsets[u0] + block.phases[0]->advance * j0;
    const int64_t i1 = block.phases[1]->offsets[u1] + block.phases[1]->advance * j1;
    const bool inside = i0 >= 0 && i0 < conv.in[0] && i1 >= 0 && i1 < conv.in[1];
    const T* row = inside ? base + (i0 * conv.in[1] + i1) * conv.in[2] * conv.c_in : nullptr;
    copy_run(block, row, j2, u2, u2 + n, patch);
    patch += n * block.c_in();
    tap += n;
  }
}

// How rows and taps are cut: patches stay in the second-level cache.
struct Cut {
  int64_t rows, taps, parts;
};

template <class T>
Cut plan_cut(const Block<T>& block, bool can_split) {
  const int64_t patch_elements = (int64_t{384} << 10) / static_cast<int64_t>(sizeof(T));
  const int64_t taps = block.taps(), rows = block.rows(), terms = taps * block.c_in();
  Cut cut{};
  // All follows from the shape alone, so that results do not vary with threads.
  constexpr int64_t least_tasks = 16;
  const bool is_long = rows * block.c_out() <= 64 * 64 && terms >= 8192;
  cut.parts = is_long ? std::min<int64_t>({64, terms / 4096, taps}) : 1;
  cut.taps = std::clamp<int64_t>(1024 / block.c_in(), 1, (taps + cut.parts - 1) / cut.parts);
  const int64_t fits = std::max<int64_t>(16, patch_elements / (cut.taps * block.c_in()));
  const int64_t tasks = can_split ? least_tasks : 1;
  const int64_t share = rows * block.conv.groups * cut.parts / tasks + 1;
  cut.rows = std::clamp<int64_t>(std::min(fits, share), std::min<int64_t>(rows, 16), rows);
  return cut;
}

// The rows [r0, r1) of one group, summed over the taps [tap0, tap1), into c.
template <class T>
void multiply_rows(const Block<T>& block, const Cut& cut, int64_t group, int64_t r0, int64_t r1,
                   int64_t tap0, int64_t tap1, T* patch, T* c, int64_t ldc) {
  Product<T> p{};
  p.m = r1 - r0;
  p.n = block.c_out();
  p.a = patch;
  p.ldb = block.conv.c_out;
  p.c = c;
  p.ldc = ldc;
  for (int64_t tap = tap0; tap < tap1; tap += cut.taps) {
    const int64_t end = std::min(tap1, tap + cut.taps);
    p.k = p.lda = (end - tap) * block.c_in();
    for (int64_t r = r0; r < r1; ++r)
      gather_patch(block, group, r, tap, end, patch + (r - r0) * p.k);
    p.b = block.kernel + tap * block.c_in() * block.conv.c_out + group * block.c_out();
    p.accumulate = tap > tap0;
    run_product(p);
  }
}

template <class T>
void store_rows(const Block<T>& block, int64_t group, int64_t r0, int64_t r1, const T* c) {
  const int64_t n = block.c_out();
  for (int64_t r = r0; r < r1; ++r) std::copy_n(c + (r - r0) * n, n, block.out_row(r) + group * n);
}

template <class T>
void sum_parts(CallContext* ctx, const Block<T>& block, const T* partial, int64_t parts) {
  const int64_t rows = block.rows(), n = block.c_out(), size = rows * block.conv.groups * n;
  parallel_for(ctx, rows * block.conv.groups, grain_for(n * parts),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   T* out = block.out_row(i % rows) + i / rows * n;
                   for (int64_t j = 0; j < n; ++j) {
                     T sum{};
                     for (int64_t part = 0; part < parts; ++part)
                       sum = add(sum, partial[part * size + i * n + j]);
                     out[j] = sum;
                   }
                 }
               });
}

template <class T>
void run_block(CallContext* ctx, const Block<T>& block) {
  const bool can_split = !uses_blas<T>() || routine_table.is_single_threaded;
  const Cut cut = plan_cut(block, can_split);
  const int64_t rows = block.rows(), groups = block.conv.groups, n = block.c_out();
  const int64_t row_cuts = (rows + cut.rows - 1) / cut.rows;
  Scratch<T> partial(ctx, cut.parts > 1 ? cut.parts * rows * groups * n : 0);
  if (!partial) return;
  auto run = [&](int64_t begin, int64_t end) {
    Scratch<T> patch(ctx, cut.rows * cut.taps * block.c_in());
    Scratch<T> result(ctx, block.is_dense() ? 0 : cut.rows * n);
    if (!patch || !result) return;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i / (groups * row_cuts), group = i / row_cuts % groups;
      const int64_t r0 = i % row_cuts * cut.rows, r1 = std::min(rows, r0 + cut.rows);
      const int64_t tap0 = block.taps() * part / cut.parts;
      const int64_t tap1 = block.taps() * (part + 1) / cut.parts;
      T* c = result.get();
      int64_t ldc = n;
      if (cut.parts > 1) {
        c = partial.get() + ((part * groups + group) * rows + r0) * n;
      } else if (block.is_dense()) {
        c = block.out_row(r0) + group * n;
        ldc = block.conv.c_out;
      }
      multiply_rows(block, cut, group, r0, r1, tap0, tap1, patch.get(), c, ldc);
      if (c == result.get()) store_rows(block, group, r0, r1, c);
    }
  };
  const int64_t n_tasks = cut.parts * groups * row_cuts;
  can_split ? parallel_for(ctx, n_tasks, 1, run) : run(0, n_tasks);
  if (cut.parts > 1) sum_parts(ctx, block, partial.get(), cut.parts);
}

// The kernel's rows for the phase's taps; the kernel itself where the phase has all of them.
template <class T>
const T* select_taps(const Block<T>& block, const T* rhs, T* selected) {
  const Conv& conv = block.conv;
  if (block.taps() == conv.taps()) return rhs;
  const int64_t size = block.c_in() * conv.c_out;
  T* to = selected;
  for (int64_t t0 : block.phases[0]->taps)
    for (int64_t t1 : block.phases[1]->taps)
      for (int64_t t2 : block.phases[2]->taps) {
        const int64_t tap = (t0 * conv.kernel[1] + t1) * conv.kernel[2] + t2;
        to = std::copy_n(rhs + tap * size, size, to);
      }
  return selected;
}

template <class T>
void fill_zero(const Block<T>& block) {
  for (int64_t r = 0; r < block.rows(); ++r) std::fill_n(block.out_row(r), block.conv.c_out, T{});
}

}  // namespace

template <class T>
void convolve_blocks(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out) {
  const std::vector<Phase> phases[3] = {list_phases(conv, 0), list_phases(conv, 1),
                                        list_phases(conv, 2)};
  const int64_t size = conv.taps() * (conv.c_in / conv.groups) * conv.c_out;
  Scratch<T> selected(ctx, conv.has_lhs_dilation() ? size : 0);
  if (!selected) return;
  const bool is_run = conv.groups == 1 && conv.rhs_dilation[2] == 1 && conv.lhs_dilation[2] == 1;
  for (const Phase& first : phases[0])
    for (const Phase& second : phases[1])
      for (const Phase& third : phases[2]) {
        Block<T> block{conv, {&first, &second, &third}, lhs, nullptr, out, is_run};
        if (block.taps() == 0 || block.c_in() == 0) {
          fill_zero(block);
          continue;
        }
        block.kernel = select_taps(block, rhs, selected.get());
        run_block(ctx, block);
      }
}

#define GX_INSTANTIATE(T) \
  template void convolve_blocks<T>(CallContext*, const Conv&, const T*, const T*, T*);
GX_RING_TYPES(GX_INSTANTIATE)
#undef GX_INSTANTIATE

}  // namespace gradax
