// Blocks of memory from the system.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradax {

// From this size on a block is pages of its own, which go back to the system when it is freed.
constexpr size_t kMapFrom = 256 << 10;

// Returns null when there is no memory; aligned to 64 bytes, large blocks to huge pages.
void* system_allocate(size_t n_bytes);
void system_free(void* block, size_t n_bytes);

// The machine's memory, or what the control groups grant of it.
int64_t system_memory();

}  // namespace gradax
