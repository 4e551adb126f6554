// The rows of a box of a tiled convolution: where they begin in its inputs and in the result.
#pragma once

#include <vector>

#include "conv_boxes.hpp"
#include "conv_tiles.hpp"
#include "conv_transpose.hpp"

namespace gradax {

template <class T>
struct ConvCall {
  const Conv& conv;
  const ConvLayouts& layouts;
  const T *lhs, *packed;
  T* out;
};

// Memory of a task, used for one box after another.
template <class T>
struct Workspace {
  T *inputs, *results;            // results: where the result's features lie apart
  T* lines;                       // for short lines of the inputs, or null
  std::vector<int64_t> from, to;  // where the rows of the box begin in its inputs and in the result
  std::vector<ConvRun> runs;      // the terms of a row
};

// How the inputs of a box lie in memory.
template <class T>
struct Source {
  const T* begin;
  int64_t batch, space[3];
};

// Rows that lie whole pages apart would share few places of the first-level cache.
inline bool is_crowded(int64_t step, int64_t element_size) {
  return step * element_size % 4096 == 0;
}

// Elements from one place of copied inputs to the next.
template <class T>
int64_t copied_pitch(const Conv& conv, const ConvPhase& phase) {
  const int64_t size = sizeof(T);
  return conv.c_in + (is_crowded(phase.dims[2]->advance * conv.c_in, size) ? 64 / size : 0);
}

template <class T>
Source<T> find_source(const ConvCall<T>& call, const ConvBox& box, Workspace<T>& work) {
  const Conv& conv = call.conv;
  const ConvLayout& layout = call.layouts.lhs;
  if (box.phase->taps() == 0) return {call.lhs, 0, {}};
  const int64_t size = sizeof(T), step = box.phase->dims[2]->advance;
  if (layout.features == 1 && box.is_inside(conv) && !is_crowded(step * layout.space[2], size)) {
    const T* begin = call.lhs + box.begin[0] * layout.batch;
    for (int dim = 0; dim < 3; ++dim) begin += box.low(dim) * layout.space[dim];
    return {begin, layout.batch, {layout.space[0], layout.space[1], layout.space[2]}};
  }
  const int64_t pitch = copied_pitch<T>(conv, *box.phase);
  copy_box(conv, layout, box, call.lhs, pitch, work.lines, work.inputs);
  const int64_t line = box.extent(2) * pitch, plane = box.extent(1) * line;
  return {work.inputs, box.extent(0) * plane, {plane, line, pitch}};
}

template <class T>
void list_rows(const ConvCall<T>& call, const ConvBox& box, const Source<T>& source,
               Workspace<T>& work) {
  const ConvLayout& layout = call.layouts.out;
  int64_t in_step[3], out_step[3], out_begin = box.begin[0] * layout.batch;
  for (int dim = 0; dim < 3; ++dim) {
    const Phase& phase = *box.phase->dims[dim];
    in_step[dim] = phase.advance * source.space[dim];
    out_step[dim] = phase.step * layout.space[dim];
    out_begin += (phase.first + phase.step * box.begin[1 + dim]) * layout.space[dim];
  }
  work.from.clear();
  work.to.clear();
  for (int64_t n = 0; n < box.size[0]; ++n)
    for (int64_t j0 = 0; j0 < box.size[1]; ++j0)
      for (int64_t j1 = 0; j1 < box.size[2]; ++j1) {
        int64_t from = n * source.batch + j0 * in_step[0] + j1 * in_step[1];
        int64_t to = out_begin + n * layout.batch + j0 * out_step[0] + j1 * out_step[1];
        for (int64_t j2 = 0; j2 < box.size[3]; ++j2, from += in_step[2], to += out_step[2]) {
          work.from.push_back(from);
          work.to.push_back(to);
        }
      }
}

// Writes rows of results, of which the first n columns count, to features `step` apart.
template <class T>
void store_apart(const Workspace<T>& work, int64_t width, int64_t n, int64_t step, T* out) {
  const std::vector<int64_t>& to = work.to;
  for (size_t r = 0, end; r < to.size(); r = end) {
    for (end = r + 1; end < to.size() && to[end] == to[end - 1] + 1;) ++end;
    const T* results = work.results + static_cast<int64_t>(r) * width;
    transpose_block(results, width, n, static_cast<int64_t>(end - r), out + to[r], step);
  }
}

}  // namespace gradax
