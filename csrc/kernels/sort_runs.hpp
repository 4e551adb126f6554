// NumPy's own sorts, which use the widest vectors of the CPU and need no GIL for numbers.
#pragma once

#include <cstdint>

#include "dtype_codes.hpp"

namespace gradax {

using SortFunction = int (*)(void* start, intptr_t n, void* array);

// Filled when the module is loaded; null slots fall back to std::sort.
struct SortTable {
  SortFunction by_dtype[15];
};

extern SortTable sort_table;

// Reads the table from NumPy; with the GIL.
void load_numpy_sorts();

}  // namespace gradax
