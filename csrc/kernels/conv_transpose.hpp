// Transposition of blocks of floats, which arrays with features first need.
#pragma once

#include <cstdint>

namespace gradax {

// to[i * pitch + c] = x[c * apart + i] for i < n and c < columns. T is float or double.
template <class T>
void transpose_block(const T* x, int64_t apart, int64_t n, int64_t columns, T* to, int64_t pitch);

}  // namespace gradax
