// Matrix products of floats on 512-bit processors, in tiles that stay in registers.
//
// OpenBLAS chooses its kernels by the processor's name, and takes what it does not know for an
// older one with half the width. These loops are chosen by what the processor has.
#pragma once

#include "product.hpp"

namespace gradax {

template <class T>
inline constexpr bool is_tiled_type = std::is_same_v<T, float> || std::is_same_v<T, double>;

// Whether this processor runs `multiply_tiles`.
bool has_tiles();

// Runs a product on one thread. The order of each sum follows from k alone, so that results do not
// depend on how a product is cut into parts. T is float or double. False: no memory, nothing done.
template <class T>
bool multiply_tiles(const Product<T>& p);

// Runs a product with m == 1 or n == 1; the order of each sum follows from k and the layout alone.
// False: nothing done, for a layout that no caller makes often.
template <class T>
bool multiply_vector(const Product<T>& p);

}  // namespace gradax
