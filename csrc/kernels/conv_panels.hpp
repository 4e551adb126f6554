// The kernel of a tiled convolution, packed as its tiles read it.
#pragma once

#include <algorithm>

#include "conv_boxes.hpp"
#include "conv_tiles.hpp"

namespace gradax {

// The kernel in panels of a tile's columns: [phases, groups, panels, taps, features in, columns].
template <class T>
struct ConvPanels {
  const Conv& conv;
  const ConvTiles<T>& tiles;

  int64_t c_in() const { return conv.c_in / conv.groups; }
  int64_t c_out() const { return conv.c_out / conv.groups; }
  int64_t most() const { return 2 * tiles.lanes; }
  int64_t count() const { return (c_out() + most() - 1) / most(); }
  int vectors(int64_t panel) const { return c_out() - panel * most() > tiles.lanes ? 2 : 1; }
  int64_t width(int64_t panel) const { return vectors(panel) * tiles.lanes; }
  // The columns of a panel that are the result's.
  int64_t used(int64_t panel) const { return std::min(most(), c_out() - panel * most()); }
  int64_t columns() const { return (count() - 1) * most() + vectors(count() - 1) * tiles.lanes; }
  // Where a panel of a phase begins.
  int64_t at(const ConvPhase& phase, int64_t group, int64_t panel) const {
    const int64_t terms = phase.taps() * c_in();
    return phase.kernel_at + terms * (group * columns() + panel * most());
  }
  // Where the elements of one of the phase's taps begin in the kernel.
  int64_t tap_at(const ConvLayout& layout, const ConvPhase& phase, int64_t index) const {
    const int64_t n2 = phase.n_taps(2), n1 = phase.n_taps(1);
    const int64_t at[3] = {index / (n2 * n1), index / n2 % n1, index % n2};
    int64_t offset = 0;
    for (int dim = 0; dim < 3; ++dim)
      offset += phase.dims[dim]->taps[static_cast<size_t>(at[dim])] * layout.space[dim];
    return offset;
  }
  // Whether an out feature's taps and features in lie in one line, the taps together.
  bool has_lines(const ConvLayout& layout, const ConvPhase& phase) const {
    int64_t step = 1;
    for (int dim = 2; dim >= 0; step *= conv.kernel[dim--])
      if (conv.kernel[dim] > 1 && layout.space[dim] != step) return false;
    return phase.taps() == conv.taps() && (c_in() == 1 || layout.features == step);
  }
};

// Packs the kernel for all phases, on all threads of the call.
template <class T>
void pack_kernel(CallContext* ctx, const ConvPanels<T>& panels, const ConvLayout& layout,
                 const ConvPhases& phases, const T* rhs, T* packed);

}  // namespace gradax
