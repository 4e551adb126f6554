// How a convolution of planes is computed: blocks of outputs, and the kernel's taps as columns.
#pragma once

#include <vector>

#include "conv.hpp"
#include "conv_tiles.hpp"

namespace gradax {

// One dimension of a phase: output j meets tap u at place[u] + j of the copy of the inputs that
// leave the remainder residues[part[u]] modulo the advance.
struct PlaneAxis {
  int64_t low = 0, span = 0;  // the first place, and how far the last is from it
  std::vector<int64_t> residues, part, place;
};

// How the outputs of a phase are computed: blocks of them, and the taps as columns.
struct PlanePlan {
  const Phase* dims[3];
  PlaneAxis axes[3];
  int64_t block[3], n_blocks[3], extent[3];
  std::vector<TapColumn> columns;
  std::vector<int64_t> taps;  // the kernel's taps in the order of the columns
  int64_t weights_at = 0;     // where the phase's weights begin, in taps
  int64_t rows = 1;           // of a tile

  int64_t part_size() const { return extent[0] * extent[1] * extent[2]; }
  int64_t n_parts() const {
    return static_cast<int64_t>(axes[0].residues.size() * axes[1].residues.size() *
                                axes[2].residues.size());
  }
  int64_t blocks() const { return n_blocks[0] * n_blocks[1] * n_blocks[2]; }
};

// The plan for the outputs of one phase. It follows from the shapes alone.
PlanePlan plan_planes(const Conv& conv, const Phase* first, const Phase* second, const Phase* third,
                      int64_t element_size);

}  // namespace gradax
