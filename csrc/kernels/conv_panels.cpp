#include "conv_panels.hpp"

#include "conv_transpose.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

// Packs one tap of a phase for all panels of a group; out features lie together.
template <class T>
void pack_tap(const ConvPanels<T>& panels, const ConvLayout& layout, const ConvPhase& phase,
              int64_t group, int64_t index, const T* rhs, T* packed) {
  const T* tap = rhs + panels.tap_at(layout, phase, index) + group * panels.c_out();
  for (int64_t q = 0; q < panels.c_in(); ++q, tap += layout.features)
    for (int64_t panel = 0; panel < panels.count(); ++panel) {
      const int64_t width = panels.width(panel), n = panels.used(panel);
      T* to = packed + panels.at(phase, group, panel) + (index * panels.c_in() + q) * width;
      std::copy_n(tap + panel * panels.most(), n, to);
      std::fill(to + n, to + width, T{});
    }
}

// Packs one panel whose features lie in lines of all features in and taps.
template <class T>
void pack_lines(const ConvPanels<T>& panels, const ConvLayout& layout, const T* columns,
                int64_t width, int64_t n, T* to) {
  constexpr int64_t chunk = 64;
  const int64_t taps = panels.conv.taps(), c_in = panels.c_in(), terms = taps * c_in;
  alignas(64) T rows[chunk * 128 / sizeof(T)];
  for (int64_t begin = 0; begin < terms; begin += chunk) {
    const int64_t here = std::min(chunk, terms - begin);
    transpose_block(columns + begin, layout.batch, here, n, rows, width);
    for (int64_t i = 0; i < here; ++i) {
      const int64_t term = (begin + i) % taps * c_in + (begin + i) / taps;
      std::copy_n(rows + i * width, n, to + term * width);
      std::fill(to + term * width + n, to + (term + 1) * width, T{});
    }
  }
}

template <class T>
void pack_panel(const ConvPanels<T>& panels, const ConvLayout& layout, const ConvPhase& phase,
                int64_t group, int64_t panel, const T* rhs, T* to) {
  const int64_t width = panels.width(panel), n = panels.used(panel), c_in = panels.c_in();
  const T* columns = rhs + (group * panels.c_out() + panel * panels.most()) * layout.batch;
  if (panels.has_lines(layout, phase)) return pack_lines(panels, layout, columns, width, n, to);
  if (n < width) std::fill_n(to, phase.taps() * c_in * width, T{});
  for (int64_t index = 0; index < phase.taps(); ++index, to += c_in * width) {
    const T* tap = columns + panels.tap_at(layout, phase, index);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t q = 0; q < c_in; ++q)
        to[q * width + j] = tap[q * layout.features + j * layout.batch];
  }
}

}  // namespace

template <class T>
void pack_kernel(CallContext* ctx, const ConvPanels<T>& panels, const ConvLayout& layout,
                 const ConvPhases& phases, const T* rhs, T* packed) {
  for (const ConvPhase& phase : phases.all) {
    const bool by_taps = layout.batch == 1;
    const int64_t pieces = by_taps ? phase.taps() : panels.count();
    const int64_t work = phase.taps() * panels.c_in() * panels.columns() / (pieces + 1);
    auto pack = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t group = i / pieces, piece = i % pieces;
        if (by_taps) {
          pack_tap(panels, layout, phase, group, piece, rhs, packed);
        } else {
          pack_panel(panels, layout, phase, group, piece, rhs,
                     packed + panels.at(phase, group, piece));
        }
      }
    };
    parallel_for(ctx, panels.conv.groups * pieces, grain_for(work), pack);
  }
}

template void pack_kernel<float>(CallContext*, const ConvPanels<float>&, const ConvLayout&,
                                 const ConvPhases&, const float*, float*);
template void pack_kernel<double>(CallContext*, const ConvPanels<double>&, const ConvLayout&,
                                  const ConvPhases&, const double*, double*);

}  // namespace gradax
