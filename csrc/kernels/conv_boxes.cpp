#include "conv_boxes.hpp"

#include "conv_transpose.hpp"

namespace gradax {
namespace {

constexpr int64_t box_bytes = int64_t{256} << 10, box_rows = 4096;
constexpr int64_t least_rows = 192, enough_boxes = 16;

// Halves the box along its outermost dimension that has more than one place; false: none has.
bool halve(ConvBox& box) {
  for (int64_t& size : box.size) {
    if (size < 2) continue;
    size = (size + 1) / 2;
    return true;
  }
  return false;
}

int64_t count_boxes(const ConvBox& whole, const ConvBox& box) {
  int64_t n = 1;
  for (int i = 0; i < 4; ++i) n *= (whole.size[i] + box.size[i] - 1) / box.size[i];
  return n;
}

ConvBox plan_box(const Conv& conv, const ConvBox& whole, int64_t element_size, int64_t wanted) {
  ConvBox box = whole;
  const bool reads = box.phase->taps() > 0;
  const int64_t bytes = conv.c_in * element_size;
  while (box.rows() > box_rows || (reads && box.inputs() * bytes > box_bytes))
    if (box.rows() <= 12 || !halve(box)) break;
  while (box.rows() >= 2 * least_rows && count_boxes(whole, box) < wanted)
    if (!halve(box)) break;
  return box;
}

// One line of a box along the last dimension; null: outside.
template <class T>
void copy_line(const Conv& conv, const ConvLayout& layout, const T* line, int64_t low, int64_t n,
               int64_t pitch, T* to) {
  const int64_t first = line ? std::clamp<int64_t>(-low, 0, n) : n;
  const int64_t last = line ? std::clamp<int64_t>(conv.in[2] - low, first, n) : n;
  std::fill(to, to + first * pitch, T{});
  std::fill(to + last * pitch, to + n * pitch, T{});
  if (first == last) return;
  const T* from = line + (low + first) * layout.space[2];
  T* inside = to + first * pitch;
  if (layout.features != 1 && layout.space[2] == 1) {
    transpose_block(from, layout.features, last - first, conv.c_in, inside, pitch);
  } else if (layout.features != 1) {
    for (int64_t i = first; i < last; ++i, from += layout.space[2], inside += pitch)
      for (int64_t c = 0; c < conv.c_in; ++c) inside[c] = from[c * layout.features];
  } else if (layout.space[2] == conv.c_in && pitch == conv.c_in) {
    std::copy_n(from, (last - first) * pitch, to + first * pitch);
  } else {
    for (int64_t i = first; i < last; ++i, from += layout.space[2])
      std::copy_n(from, conv.c_in, to + i * pitch);
  }
}

}  // namespace

bool ConvBox::is_inside(const Conv& conv) const {
  for (int dim = 0; dim < 3; ++dim)
    if (low(dim) < 0 || low(dim) + extent(dim) > conv.in[dim]) return false;
  return true;
}

ConvPhases list_phases(const Conv& conv) {
  ConvPhases phases;
  for (int dim = 0; dim < 3; ++dim) phases.dims[dim] = list_phases(conv, dim);
  for (const Phase& first : phases.dims[0])
    for (const Phase& second : phases.dims[1])
      for (const Phase& third : phases.dims[2])
        phases.all.push_back(ConvPhase{{&first, &second, &third}, 0});
  return phases;
}

std::vector<ConvBox> cut_boxes(const Conv& conv, const ConvPhases& phases, int64_t element_size) {
  std::vector<ConvBox> boxes;
  const auto n_phases = static_cast<int64_t>(phases.all.size());
  for (const ConvPhase& phase : phases.all) {
    ConvBox whole{&phase, {}, {conv.batch}};
    for (int dim = 0; dim < 3; ++dim) whole.size[1 + dim] = phase.dims[dim]->count;
    const ConvBox box =
        plan_box(conv, whole, element_size, (enough_boxes + n_phases - 1) / n_phases);
    std::array<int64_t, 4> at{};
    auto place = [&](auto&& self, int dim) -> void {
      if (dim == 4) {
        ConvBox part = box;
        for (int i = 0; i < 4; ++i) {
          part.begin[i] = at[i];
          part.size[i] = std::min(box.size[i], whole.size[i] - at[i]);
        }
        boxes.push_back(part);
        return;
      }
      for (at[dim] = 0; at[dim] < whole.size[dim]; at[dim] += box.size[dim]) self(self, dim + 1);
    };
    place(place, 0);
  }
  return boxes;
}

bool has_short_lines(const Conv& conv, const ConvLayout& layout, const ConvBox& box) {
  return layout.features != 1 && layout.space[2] == 1 && layout.space[1] == conv.in[2] &&
         conv.in[2] < 64 && box.extent(2) >= conv.in[2];
}

template <class T>
void copy_box(const Conv& conv, const ConvLayout& layout, const ConvBox& box, const T* lhs,
              int64_t pitch, T* lines, T* to) {
  const int64_t n = box.extent(2), lows[3] = {box.low(0), box.low(1), box.low(2)};
  const int64_t first = std::clamp<int64_t>(lows[1], 0, conv.in[1]);
  const int64_t last = std::clamp<int64_t>(lows[1] + box.extent(1), first, conv.in[1]);
  const bool joins = lines && has_short_lines(conv, layout, box);
  ConvLayout joined = layout;
  if (joins) joined.features = 1, joined.space[2] = conv.c_in, joined.space[1] *= conv.c_in;
  for (int64_t image = box.begin[0]; image < box.begin[0] + box.size[0]; ++image)
    for (int64_t i0 = lows[0]; i0 < lows[0] + box.extent(0); ++i0) {
      const bool exists = i0 >= 0 && i0 < conv.in[0];
      const T* plane = lhs + image * layout.batch + i0 * layout.space[0];
      if (joins && exists)
        transpose_block(plane + first * layout.space[1], layout.features,
                        (last - first) * conv.in[2], conv.c_in, lines, conv.c_in);
      for (int64_t i1 = lows[1]; i1 < lows[1] + box.extent(1); ++i1, to += n * pitch) {
        const bool inside = exists && i1 >= 0 && i1 < conv.in[1];
        const T* line =
            joins ? lines + (i1 - first) * joined.space[1] : plane + i1 * layout.space[1];
        copy_line(conv, joined, inside ? line : nullptr, lows[2], n, pitch, to);
      }
    }
}

template void copy_box<float>(const Conv&, const ConvLayout&, const ConvBox&, const float*, int64_t,
                              float*, float*);
template void copy_box<double>(const Conv&, const ConvLayout&, const ConvBox&, const double*,
                               int64_t, double*, double*);

}  // namespace gradax
