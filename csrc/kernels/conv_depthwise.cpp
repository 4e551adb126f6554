// Convolutions of one channel in and out a group, features together in memory: tiles over boxes of
// outputs, whose vectors are neighbouring channels.
#include <vector>

#include "conv_rows.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

// Channels of a tile, some vectors of them from the first one on. The last may overlap the one
// before it, and computes the same again.
struct Channels {
  int64_t first;
  int vectors;
};

template <class T>
std::vector<Channels> cut_channels(const Conv& conv, const ConvTiles<T>& tiles) {
  std::vector<Channels> cuts;
  const int64_t whole = conv.c_in / tiles.lanes;
  for (int64_t v = 0; v < whole; v += tiles.depth_vectors)
    cuts.push_back({v * tiles.lanes, static_cast<int>(std::min(tiles.depth_vectors, whole - v))});
  if (whole * tiles.lanes < conv.c_in) cuts.push_back({conv.c_in - tiles.lanes, 1});
  return cuts;
}

// The kernel's taps of a phase in turn, all channels of each.
template <class T>
void pack_taps(const Conv& conv, const ConvLayout& layout, const ConvPhase& phase, const T* rhs,
               T* packed) {
  for (int64_t t0 : phase.dims[0]->taps)
    for (int64_t t1 : phase.dims[1]->taps)
      for (int64_t t2 : phase.dims[2]->taps) {
        const T* tap = rhs + t0 * layout.space[0] + t1 * layout.space[1] + t2 * layout.space[2];
        for (int64_t c = 0; c < conv.c_in; ++c) *packed++ = tap[c * layout.batch];
      }
}

template <class T>
void list_offsets(const ConvPhase& phase, const Source<T>& source, std::vector<int64_t>& offsets) {
  const Phase* const* dims = phase.dims;
  offsets.clear();
  for (int64_t u0 : dims[0]->offsets)
    for (int64_t u1 : dims[1]->offsets)
      for (int64_t u2 : dims[2]->offsets)
        offsets.push_back((u0 - dims[0]->offsets[0]) * source.space[0] +
                          (u1 - dims[1]->offsets[0]) * source.space[1] +
                          (u2 - dims[2]->offsets[0]) * source.space[2]);
}

template <class T>
void run_channels(const ConvCall<T>& call, const ConvTiles<T>& tiles, const Workspace<T>& work,
                  const Channels& channels, DepthTerms<T> terms, const T* begin) {
  const ConvLayout& layout = call.layouts.out;
  const auto rows = static_cast<int64_t>(work.from.size());
  const int64_t width = channels.vectors * tiles.lanes, step = layout.features;
  T* out = call.out + channels.first * step;
  const T* from[most_tile_rows];
  T* to[most_tile_rows];
  for (int64_t r = 0; r < rows; r += tiles.depth_rows) {
    for (int64_t i = 0; i < tiles.depth_rows; ++i) {
      const int64_t row = std::min(r + i, rows - 1);
      from[i] = begin + work.from[row] + channels.first;
      to[i] = step == 1 ? out + work.to[row] : work.results + row * width;
    }
    tiles.depth[channels.vectors - 1](terms, from, to);
  }
  if (step != 1) store_apart(work, width, width, step, out);
}

}  // namespace

bool is_depthwise(const Conv& conv, int64_t lanes) {
  return conv.c_in == conv.groups && conv.c_out == conv.groups && conv.c_in >= lanes;
}

template <class T>
void convolve_depth(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out) {
  const ConvTiles<T>& tiles = conv_tiles<T>(layouts.most_vector_bytes);
  ConvPhases phases = list_phases(conv);
  Scratch<T> packed(ctx, conv.taps() * conv.c_in);
  if (!packed) return;
  int64_t size = 0, most = 0, rows = 0;
  for (ConvPhase& phase : phases.all) {
    phase.kernel_at = size;
    size += phase.taps() * conv.c_in;
    pack_taps(conv, layouts.rhs, phase, rhs, packed.get() + phase.kernel_at);
  }
  const std::vector<ConvBox> boxes = cut_boxes(conv, phases, sizeof(T));
  const std::vector<Channels> cuts = cut_channels(conv, tiles);
  for (const ConvBox& box : boxes) {
    rows = std::max(rows, box.rows());
    if (box.phase->taps() > 0)
      most = std::max(most, box.inputs() * copied_pitch<T>(conv, *box.phase));
  }
  if (layouts.out.features == 1) rows = 0;
  const ConvCall<T> call{conv, layouts, lhs, packed.get(), out};
  const int64_t n_lines = layouts.lhs.features != 1 && conv.in[2] < 64 ? short_lines(conv) : 0;
  parallel_for(ctx, static_cast<int64_t>(boxes.size()), 1, [&](int64_t begin, int64_t end) {
    Scratch<T> inputs(ctx, most), results(ctx, rows * tiles.depth_vectors * tiles.lanes);
    Scratch<T> lines(ctx, n_lines);
    if (!inputs || !results || !lines) return;
    try {
      Workspace<T> own{inputs.get(), results.get(), n_lines ? lines.get() : nullptr, {}, {}, {}};
      std::vector<int64_t> offsets;
      for (int64_t i = begin; i < end; ++i) {
        const ConvBox& box = boxes[static_cast<size_t>(i)];
        const Source<T> source = find_source(call, box, own);
        list_offsets(*box.phase, source, offsets);
        list_rows(call, box, source, own);
        for (const Channels& channels : cuts) {
          const T* weights = call.packed + box.phase->kernel_at + channels.first;
          const DepthTerms<T> terms{offsets.data(), box.phase->taps(), weights, conv.c_in};
          run_channels(call, tiles, own, channels, terms, source.begin);
        }
      }
    } catch (const std::bad_alloc&) {
      gx_fail(ctx, GX_MEMORY_ERROR, "conv: no memory");
    }
  });
}

template void convolve_depth<float>(CallContext*, const Conv&, const ConvLayouts&, const float*,
                                    const float*, float*);
template void convolve_depth<double>(CallContext*, const Conv&, const ConvLayouts&, const double*,
                                     const double*, double*);

}  // namespace gradax
