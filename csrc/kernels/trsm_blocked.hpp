#pragma once

#include <cstdint>

#include "../abi.h"

namespace gradax {

// Systems op(a) x = b of a batch: a is [order, order], b and x are [order, sides], row-major.
struct LeftSystem {
  int64_t batch, order, sides;
  bool lower, transposed, unit;  // of a
};

// Overwrites x, which holds b, by the solutions, with our own products (has_tiles), on all threads
// of the call; what they are depends neither on these nor on the batch. T is float or double.
template <class T>
void solve_left_blocked(CallContext* ctx, const LeftSystem& system, const T* a, T* x);

}  // namespace gradax
