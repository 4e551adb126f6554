// Cholesky factors of larger matrices.
#pragma once

#include "../abi.h"

namespace gradax {

// Overwrites the lower triangle of a row-major matrix by its factor; false if there is none. For
// T of is_tiled_type where has_tiles, with LAPACK loaded.
template <class T>
bool cholesky_blocked(CallContext* ctx, int64_t n, T* x);

}  // namespace gradax
