#pragma once

#include <cstdint>

#include "../abi.h"

namespace gradax {

// Overwrites x, [m, n], by its LU factors; the rows exchanged, from 0, to pivots[min(m, n)]. Uses
// all threads of the call, on which the result does not depend where products are ours (has_tiles).
template <class T>
void lu_blocked(CallContext* ctx, int64_t m, int64_t n, T* x, int32_t* pivots);

}  // namespace gradax
