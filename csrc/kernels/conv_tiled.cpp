#include <vector>

#include "conv_panels.hpp"
#include "conv_rows.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

template <class T>
struct Call : ConvCall<T> {
  const ConvPanels<T>& panels;
};

template <class T>
void list_runs(const Conv& conv, const ConvPhase& phase, const Source<T>& source,
               std::vector<ConvRun>& runs) {
  const int64_t c_in = conv.c_in / conv.groups;
  const Phase* const* dims = phase.dims;
  runs.clear();
  for (int64_t u0 : dims[0]->offsets)
    for (int64_t u1 : dims[1]->offsets)
      for (int64_t u2 : dims[2]->offsets) {
        const int64_t offset = (u0 - dims[0]->offsets[0]) * source.space[0] +
                               (u1 - dims[1]->offsets[0]) * source.space[1] +
                               (u2 - dims[2]->offsets[0]) * source.space[2];
        if (!runs.empty() && runs.back().offset + runs.back().length == offset) {
          runs.back().length += c_in;
        } else {
          runs.push_back({offset, c_in});
        }
      }
}

// All rows of a box, for one panel of columns.
template <class T>
void run_panel(const Call<T>& call, const Workspace<T>& work, const T* begin, const T* panel,
               int vectors, int64_t n, T* out) {
  const ConvTiles<T>& tiles = call.panels.tiles;
  const int64_t rows = static_cast<int64_t>(work.from.size()), width = vectors * tiles.lanes;
  const int64_t step = call.layouts.out.features;
  const auto n_runs = static_cast<int64_t>(work.runs.size());
  alignas(64) T edge[most_tile_rows * 128 / sizeof(T)];
  const T* from[most_tile_rows];
  T* to[most_tile_rows];
  for (int64_t r = 0; r < rows; r += tiles.rows) {
    const int64_t here = std::min(tiles.rows, rows - r);
    const bool is_whole = here == tiles.rows && n == width && step == 1;
    T* other = step == 1 ? edge : work.results + r * width;
    for (int64_t i = 0; i < tiles.rows; ++i) {
      const int64_t row = r + std::min(i, here - 1);
      from[i] = begin + work.from[row];
      to[i] = is_whole ? out + work.to[row] : other + i * width;
    }
    tiles.tiles[vectors - 1](from, work.runs.data(), n_runs, panel, to);
    if (is_whole || step != 1) continue;
    for (int64_t i = 0; i < here; ++i) std::copy_n(edge + i * width, n, out + work.to[r + i]);
  }
  if (step != 1) store_apart(work, width, n, step, out);
}

template <class T>
void run_box(const Call<T>& call, const ConvBox& box, Workspace<T>& work) {
  const ConvPanels<T>& panels = call.panels;
  const Source<T> source = find_source(call, box, work);
  list_runs(call.conv, *box.phase, source, work.runs);
  list_rows(call, box, source, work);
  for (int64_t group = 0; group < call.conv.groups; ++group)
    for (int64_t panel = 0; panel < panels.count(); ++panel) {
      const int64_t column = group * panels.c_out() + panel * panels.most();
      run_panel(call, work, source.begin + group * panels.c_in(),
                call.packed + panels.at(*box.phase, group, panel), panels.vectors(panel),
                panels.used(panel), call.out + column * call.layouts.out.features);
    }
}

}  // namespace

template <class T>
void convolve_tiles(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out) {
  const ConvPanels<T> panels{conv, conv_tiles<T>(layouts.most_vector_bytes)};
  ConvPhases phases = list_phases(conv);
  int64_t size = 0;
  for (ConvPhase& phase : phases.all) {
    phase.kernel_at = size;
    size += phase.taps() * panels.c_in() * conv.groups * panels.columns();
  }
  Scratch<T> packed(ctx, size);
  if (!packed) return;
  pack_kernel(ctx, panels, layouts.rhs, phases, rhs, packed.get());
  const std::vector<ConvBox> boxes = cut_boxes(conv, phases, sizeof(T));
  const Call<T> call{{conv, layouts, lhs, packed.get(), out}, panels};
  int64_t most = 0, rows = 0;
  for (const ConvBox& box : boxes) {
    rows = std::max(rows, box.rows() + most_tile_rows);
    if (box.phase->taps() > 0)
      most = std::max(most, box.inputs() * copied_pitch<T>(conv, *box.phase));
  }
  if (layouts.out.features == 1) rows = 0;
  const int64_t n_lines = layouts.lhs.features != 1 && conv.in[2] < 64 ? short_lines(conv) : 0;
  parallel_for(ctx, static_cast<int64_t>(boxes.size()), 1, [&](int64_t begin, int64_t end) {
    Scratch<T> inputs(ctx, most), results(ctx, rows * panels.most());
    Scratch<T> lines(ctx, n_lines);
    if (!inputs || !results || !lines) return;
    try {
      Workspace<T> own{inputs.get(), results.get(), n_lines ? lines.get() : nullptr, {}, {}, {}};
      for (int64_t i = begin; i < end; ++i) run_box(call, boxes[static_cast<size_t>(i)], own);
    } catch (const std::bad_alloc&) {
      gx_fail(ctx, GX_MEMORY_ERROR, "conv: no memory");
    }
  });
}

template void convolve_tiles<float>(CallContext*, const Conv&, const ConvLayouts&, const float*,
                                    const float*, float*);
template void convolve_tiles<double>(CallContext*, const Conv&, const ConvLayouts&, const double*,
                                     const double*, double*);

}  // namespace gradax
