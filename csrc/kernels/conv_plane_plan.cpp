#include "conv_plane_plan.hpp"

#include <algorithm>

namespace gradax {
namespace {

constexpr int64_t copied_bytes = int64_t{128} << 10, enough_tasks = 16, least_block = 1024;

PlaneAxis plan_axis(const Phase& phase) {
  PlaneAxis axis;
  for (int64_t offset : phase.offsets) {
    const int64_t residue = ((offset % phase.advance) + phase.advance) % phase.advance;
    const int64_t place = (offset - residue) / phase.advance;
    const auto found = std::find(axis.residues.begin(), axis.residues.end(), residue);
    axis.part.push_back(found - axis.residues.begin());
    if (found == axis.residues.end()) axis.residues.push_back(residue);
    axis.place.push_back(place);
  }
  if (axis.place.empty()) return axis;
  const auto [least, most] = std::minmax_element(axis.place.begin(), axis.place.end());
  axis.low = *least;
  axis.span = *most - *least;
  for (int64_t& place : axis.place) place -= axis.low;
  return axis;
}

void cut_blocks(PlanePlan& plan, int64_t planes, int64_t element_size) {
  auto measure = [&] {
    for (int dim = 0; dim < 3; ++dim) {
      plan.n_blocks[dim] = (plan.dims[dim]->count + plan.block[dim] - 1) / plan.block[dim];
      plan.extent[dim] = plan.axes[dim].span + plan.block[dim];
    }
  };
  for (int dim = 0; dim < 3; ++dim) plan.block[dim] = plan.dims[dim]->count;
  for (measure();; measure()) {
    const int64_t size = plan.block[0] * plan.block[1] * plan.block[2];
    const bool is_large = plan.n_parts() * plan.part_size() * element_size > copied_bytes;
    const bool is_alone = planes * plan.blocks() < enough_tasks;
    if (size < 2 * least_block || !(is_large || is_alone)) return;
    const int dim = plan.block[0] > 1 ? 0 : plan.block[1] > 1 ? 1 : 2;
    plan.block[dim] = (plan.block[dim] + 1) / 2;
  }
}

// Columns of taps that meet neighbouring rows: their tiles share what they read.
void list_columns(const Conv& conv, PlanePlan& plan) {
  const PlaneAxis* axes = plan.axes;
  const int64_t line = plan.extent[2], plane = plan.extent[1] * line;
  int64_t least = most_plane_rows;
  for (size_t u0 = 0; u0 < axes[0].place.size(); ++u0)
    for (size_t u2 = 0; u2 < axes[2].place.size(); ++u2)
      for (size_t part = 0; part < axes[1].residues.size(); ++part) {
        int64_t next = -1;
        for (size_t u1 = 0; u1 < axes[1].place.size(); ++u1) {
          if (axes[1].part[u1] != static_cast<int64_t>(part)) continue;
          const auto n1 = static_cast<int64_t>(axes[1].residues.size());
          const auto n2 = static_cast<int64_t>(axes[2].residues.size());
          const int64_t which = (axes[0].part[u0] * n1 + axes[1].part[u1]) * n2 + axes[2].part[u2];
          const int64_t offset = which * plan.part_size() + axes[0].place[u0] * plane +
                                 axes[1].place[u1] * line + axes[2].place[u2];
          if (axes[1].place[u1] != next) plan.columns.push_back({offset, 0});
          ++plan.columns.back().count;
          next = axes[1].place[u1] + 1;
          plan.taps.push_back((plan.dims[0]->taps[u0] * conv.kernel[1] + plan.dims[1]->taps[u1]) *
                                  conv.kernel[2] +
                              plan.dims[2]->taps[u2]);
        }
      }
  for (const TapColumn& column : plan.columns) least = std::min(least, column.count + 1);
  plan.rows = least;
}

}  // namespace

PlanePlan plan_planes(const Conv& conv, const Phase* first, const Phase* second, const Phase* third,
                      int64_t element_size) {
  PlanePlan plan{{first, second, third}, {}, {}, {}, {}, {}, {}};
  for (int dim = 0; dim < 3; ++dim) plan.axes[dim] = plan_axis(*plan.dims[dim]);
  cut_blocks(plan, conv.batch * conv.groups, element_size);
  list_columns(conv, plan);
  return plan;
}

}  // namespace gradax
