// Boxes of a convolution's outputs: what one task computes, and the inputs that it reads.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "conv.hpp"

namespace gradax {

// One phase in all dimensions: an undilated convolution of its own.
struct ConvPhase {
  const Phase* dims[3];
  int64_t kernel_at;  // where its packed kernel begins

  int64_t n_taps(int dim) const { return static_cast<int64_t>(dims[dim]->taps.size()); }
  int64_t taps() const { return n_taps(0) * n_taps(1) * n_taps(2); }
};

// Outputs of one phase: images and places [begin, begin + size) of each dimension.
struct ConvBox {
  const ConvPhase* phase;
  int64_t begin[4], size[4];  // the batch first

  int64_t rows() const { return size[0] * size[1] * size[2] * size[3]; }
  // The first input coordinate that is read along a dimension, and how many there are.
  int64_t low(int dim) const {
    const Phase& p = *phase->dims[dim];
    return p.offsets.front() + p.advance * begin[1 + dim];
  }
  int64_t extent(int dim) const {
    const Phase& p = *phase->dims[dim];
    return p.offsets.back() - p.offsets.front() + p.advance * (size[1 + dim] - 1) + 1;
  }
  int64_t inputs() const { return size[0] * extent(0) * extent(1) * extent(2); }
  bool is_inside(const Conv& conv) const;
};

struct ConvPhases {
  std::vector<Phase> dims[3];
  std::vector<ConvPhase> all;
};

ConvPhases list_phases(const Conv& conv);

// Cuts the outputs into boxes whose inputs, of `element_size`, stay in the second-level cache.
// The cuts follow from the shapes alone.
std::vector<ConvBox> cut_boxes(const Conv& conv, const ConvPhases& phases, int64_t element_size);

// The inputs of a box, padding included, as [images, space, features], features together. `lines`
// is memory for short lines, which are transposed together; null: each alone.
template <class T>
void copy_box(const Conv& conv, const ConvLayout& layout, const ConvBox& box, const T* lhs,
              int64_t pitch, T* lines, T* to);

// Whether lines are short and follow each other, and the elements of memory that they take.
bool has_short_lines(const Conv& conv, const ConvLayout& layout, const ConvBox& box);
inline int64_t short_lines(const Conv& conv) { return conv.in[1] * conv.in[2] * conv.c_in; }

}  // namespace gradax
