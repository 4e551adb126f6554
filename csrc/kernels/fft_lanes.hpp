// Sixty-four bytes of transforms side by side: one lane each, real and imaginary parts apart.
#pragma once

#include <complex>
#include <cstdint>

#include "fft_plan.hpp"

namespace gradax {

template <class R>
inline constexpr int64_t n_lanes = 64 / static_cast<int64_t>(sizeof(R));

// Where element i of lane l is: i * element + l * lane complex numbers from the begin.
struct LaneLayout {
  int64_t element, lane;
};

// Roots to multiply the results of a group with: element k of lane l by root(k * (column + l)).
struct GroupTwist {
  const SplitPlan* plan = nullptr;
  int64_t column = 0;
};

template <class R>
struct LaneGroup {
  const DirectPlan<R>* plan;
  const std::complex<R>* in;
  LaneLayout in_layout;
  std::complex<R>* out;
  LaneLayout out_layout;
  int64_t count;           // lanes in use
  bool swap_in, swap_out;  // exchange real and imaginary parts, which inverts the transform
  R scale;
  GroupTwist twist;
  R* memory;  // group_memory elements, aligned to 64 bytes
};

template <class R>
int64_t group_memory(int64_t n) {
  return (4 * n + 2 * (16 + n / 16 + 1)) * n_lanes<R>;
}

// Transforms up to n_lanes sequences at once.
template <class R>
void run_group(const LaneGroup<R>& group);

}  // namespace gradax
