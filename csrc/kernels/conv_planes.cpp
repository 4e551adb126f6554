// Convolutions of one input channel a group (depthwise ones, signals) whose last spatial dimension
// lies together in memory: each channel's plane, padded and with its strides taken apart, is the
// sum of shifted copies of itself, whose tiles stay in registers.
#include <algorithm>
#include <vector>

#include "conv_plane_plan.hpp"
#include "parallel.hpp"
#include "target.hpp"

namespace gradax {
namespace {

template <class T>
struct PlaneCall {
  const Conv& conv;
  const ConvLayouts& layouts;
  const ConvTiles<T>& tiles;
  const PlanePlan& plan;
  const T *lhs, *weights;
  T* out;
};

template <class T>
GX_VECTORIZED void copy_apart(const T* from, int64_t step, int64_t n, T* to) {
  if (step == 2) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[2 * i];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * step];
  }
}

// Copies n inputs of a line, the first at the coordinate `at`, `advance` apart; zeros are outside.
template <class T>
void copy_line(const Conv& conv, const ConvLayout& layout, const T* line, int64_t at,
               int64_t advance, int64_t n, T* to) {
  int64_t first = n, last = n;
  if (line) {
    first = std::clamp<int64_t>(at < 0 ? (-at + advance - 1) / advance : 0, 0, n);
    const int64_t room = conv.in[2] - at;
    last = std::clamp<int64_t>(room > 0 ? (room + advance - 1) / advance : 0, first, n);
  }
  std::fill(to, to + first, T{});
  std::fill(to + last, to + n, T{});
  if (first == last) return;
  const int64_t step = advance * layout.space[2];
  const T* from = line + (at + first * advance) * layout.space[2];
  if (step == 1) {
    std::copy_n(from, last - first, to + first);
  } else {
    copy_apart(from, step, last - first, to + first);
  }
}

// The inputs that the block beginning at `begin` reads, part after part.
template <class T>
void copy_inputs(const PlaneCall<T>& call, const T* plane, const int64_t* begin, T* to) {
  const Conv& conv = call.conv;
  const PlanePlan& plan = call.plan;
  const ConvLayout& layout = call.layouts.lhs;
  auto at = [&](int dim, int64_t residue, int64_t i) {
    return (plan.axes[dim].low + begin[dim] + i) * plan.dims[dim]->advance + residue;
  };
  for (int64_t r0 : plan.axes[0].residues)
    for (int64_t r1 : plan.axes[1].residues)
      for (int64_t r2 : plan.axes[2].residues)
        for (int64_t i0 = 0; i0 < plan.extent[0]; ++i0)
          for (int64_t i1 = 0; i1 < plan.extent[1]; ++i1, to += plan.extent[2]) {
            const int64_t at0 = at(0, r0, i0), at1 = at(1, r1, i1);
            const bool inside = at0 >= 0 && at0 < conv.in[0] && at1 >= 0 && at1 < conv.in[1];
            const T* line = plane + at0 * layout.space[0] + at1 * layout.space[1];
            copy_line(conv, layout, inside ? line : nullptr, at(2, r2, 0), plan.dims[2]->advance,
                      plan.extent[2], to);
          }
}

template <class T>
void store_line(const T* from, int64_t n, int64_t step, T* to) {
  if (step == 1) {
    std::copy_n(from, n, to);
  } else {
    for (int64_t j = 0; j < n; ++j) to[j * step] = from[j];
  }
}

// Where the lines of a block's result lie.
template <class T>
struct Lines {
  T* out;
  int64_t count, length, step_line, step;
};

// Tiles of several lines, for lines of some vectors.
template <class T>
void run_lines(const PlaneCall<T>& call, PlaneTerms<T> terms, const Lines<T>& lines) {
  const ConvTiles<T>& tiles = call.tiles;
  const int64_t lanes = tiles.lanes;
  alignas(64) T edge[most_plane_rows * most_plane_vectors * 64 / sizeof(T)];
  T* to[most_plane_rows];
  const T* x = terms.x;
  for (int64_t i = 0; i < lines.count; i += call.plan.rows) {
    const int64_t rows = std::min(call.plan.rows, lines.count - i);
    const int64_t most = tiles.plane_vectors[rows - 1];
    for (int64_t j = 0, vectors; j < lines.length; j += vectors * lanes) {
      const int64_t rest = lines.length - j;
      vectors = std::min(most, (rest + lanes - 1) / lanes);
      const int64_t width = vectors * lanes, n = std::min(rest, width);
      const bool is_whole = n == width && lines.step == 1;
      T* out = lines.out + i * lines.step_line + j * lines.step;
      for (int64_t r = 0; r < rows; ++r)
        to[r] = is_whole ? out + r * lines.step_line : edge + r * width;
      terms.x = x + i * terms.pitch + j;
      tiles.planes[rows - 1][vectors - 1](terms, to);
      for (int64_t r = 0; r < rows && !is_whole; ++r)
        store_line(to[r], n, lines.step, out + r * lines.step_line);
    }
  }
}

// One long line of all lines with their padding, for short lines.
template <class T>
void run_joined(const PlaneCall<T>& call, PlaneTerms<T> terms, const Lines<T>& lines, T* results) {
  const ConvTiles<T>& tiles = call.tiles;
  const int64_t n = (lines.count - 1) * terms.pitch + lines.length;
  const T* x = terms.x;
  for (int64_t j = 0, vectors; j < n; j += vectors * tiles.lanes) {
    vectors = std::min(tiles.plane_vectors[0], (n - j + tiles.lanes - 1) / tiles.lanes);
    terms.x = x + j;
    T* to = results + j;
    tiles.planes[0][vectors - 1](terms, &to);
  }
  for (int64_t i = 0; i < lines.count; ++i)
    store_line(results + i * terms.pitch, lines.length, lines.step,
               lines.out + i * lines.step_line);
}

template <class T>
void run_plane_block(const PlaneCall<T>& call, int64_t index, T* inputs, T* results) {
  const Conv& conv = call.conv;
  const PlanePlan& plan = call.plan;
  const int64_t block = index % plan.blocks(), group = index / plan.blocks() % conv.groups;
  const int64_t image = index / (plan.blocks() * conv.groups);
  const int64_t at[3] = {block / (plan.n_blocks[2] * plan.n_blocks[1]),
                         block / plan.n_blocks[2] % plan.n_blocks[1], block % plan.n_blocks[2]};
  const ConvLayout& layout = call.layouts.out;
  int64_t begin[3], size[3], out_at = image * layout.batch;
  for (int dim = 0; dim < 3; ++dim) {
    const Phase& phase = *plan.dims[dim];
    begin[dim] = at[dim] * plan.block[dim];
    size[dim] = std::min(plan.block[dim], phase.count - begin[dim]);
    out_at += (phase.first + phase.step * begin[dim]) * layout.space[dim];
  }
  const T* lhs = call.lhs + image * call.layouts.lhs.batch + group * call.layouts.lhs.features;
  if (!plan.columns.empty()) copy_inputs(call, lhs, begin, inputs);
  const auto n_taps = static_cast<int64_t>(plan.taps.size());
  const int64_t multiplier = conv.c_out / conv.groups, line = plan.extent[2];
  const bool joins = size[1] > 1 && (size[2] < 2 * call.tiles.lanes || plan.rows == 1) &&
                     2 * size[2] >= plan.extent[2];
  for (int64_t c = group * multiplier; c < (group + 1) * multiplier; ++c)
    for (int64_t j0 = 0; j0 < size[0]; ++j0) {
      const PlaneTerms<T> terms{plan.columns.data(), static_cast<int64_t>(plan.columns.size()),
                                inputs + j0 * plan.extent[1] * line, line,
                                call.weights + plan.weights_at * conv.c_out + c * n_taps};
      T* out = call.out + out_at + c * layout.features + j0 * plan.dims[0]->step * layout.space[0];
      const Lines<T> lines{out, size[1], size[2], plan.dims[1]->step * layout.space[1],
                           plan.dims[2]->step * layout.space[2]};
      joins ? run_joined(call, terms, lines, results) : run_lines(call, terms, lines);
    }
}

template <class T>
void run_plane_phase(CallContext* ctx, const PlaneCall<T>& call) {
  const PlanePlan& plan = call.plan;
  const Conv& conv = call.conv;
  // A tile may read and write some vectors behind the last place.
  const int64_t slack = most_plane_vectors * call.tiles.lanes;
  const int64_t n_inputs = plan.n_parts() * plan.part_size();
  const int64_t n_results = plan.block[1] * plan.extent[2];
  const int64_t work = plan.block[0] * n_results * (conv.c_out / conv.groups) *
                       (static_cast<int64_t>(plan.taps.size()) + 4) / 8;
  parallel_for(ctx, conv.batch * conv.groups * plan.blocks(), grain_for(work),
               [&](int64_t begin, int64_t end) {
                 Scratch<T> inputs(ctx, n_inputs + slack), results(ctx, n_results + slack);
                 if (!inputs || !results) return;
                 std::fill_n(inputs.get() + n_inputs, slack, T{});
                 for (int64_t i = begin; i < end; ++i)
                   run_plane_block(call, i, inputs.get(), results.get());
               });
}

template <class T>
void pack_weights(CallContext* ctx, const Conv& conv, const ConvLayout& layout,
                  const PlanePlan& plan, const T* rhs, T* weights) {
  const auto n = static_cast<int64_t>(plan.taps.size());
  T* to = weights + plan.weights_at * conv.c_out;
  parallel_for(ctx, conv.c_out, grain_for(n), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t i = 0; i < n; ++i) {
        const int64_t tap = plan.taps[static_cast<size_t>(i)];
        const int64_t t2 = tap % conv.kernel[2], t1 = tap / conv.kernel[2] % conv.kernel[1];
        const int64_t t0 = tap / (conv.kernel[2] * conv.kernel[1]);
        to[c * n + i] = rhs[c * layout.batch + t0 * layout.space[0] + t1 * layout.space[1] +
                            t2 * layout.space[2]];
      }
  });
}

}  // namespace

bool is_planar(const Conv& conv, const ConvLayouts& layouts) {
  return conv.c_in == conv.groups && layouts.lhs.space[2] == 1 && layouts.out.space[2] == 1;
}

template <class T>
void convolve_planes(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                     const T* rhs, T* out) {
  const std::vector<Phase> phases[3] = {list_phases(conv, 0), list_phases(conv, 1),
                                        list_phases(conv, 2)};
  Scratch<T> weights(ctx, conv.taps() * conv.c_out);
  if (!weights) return;
  int64_t weights_at = 0;
  for (const Phase& first : phases[0])
    for (const Phase& second : phases[1])
      for (const Phase& third : phases[2]) {
        PlanePlan plan = plan_planes(conv, &first, &second, &third, sizeof(T));
        plan.weights_at = weights_at;
        weights_at += static_cast<int64_t>(plan.taps.size());
        pack_weights(ctx, conv, layouts.rhs, plan, rhs, weights.get());
        const ConvTiles<T>& tiles = conv_tiles<T>(layouts.most_vector_bytes);
        run_plane_phase(ctx, PlaneCall<T>{conv, layouts, tiles, plan, lhs, weights.get(), out});
      }
}

template void convolve_planes<float>(CallContext*, const Conv&, const ConvLayouts&, const float*,
                                     const float*, float*);
template void convolve_planes<double>(CallContext*, const Conv&, const ConvLayouts&, const double*,
                                      const double*, double*);

}  // namespace gradax
