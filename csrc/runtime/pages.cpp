#include "runtime/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "abi.h"
#include "runtime/cgroup.hpp"

namespace gradax {
namespace {

constexpr size_t kHugeFrom = 4 << 20;
constexpr size_t kHugePage = 2 << 20;

void* map_block(size_t n_bytes) {
  const bool huge = n_bytes >= kHugeFrom;
  const size_t spare = huge ? kHugePage : 0;
  void* memory = mmap(nullptr, n_bytes + spare, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (!huge) return memory;
  const auto start = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t aligned = (start + kHugePage - 1) & ~(kHugePage - 1);
  const size_t before = aligned - start;
  if (before) munmap(memory, before);
  if (spare - before) munmap(reinterpret_cast<void*>(aligned + n_bytes), spare - before);
#ifdef MADV_HUGEPAGE
  madvise(reinterpret_cast<void*>(aligned), n_bytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(aligned);
}

}  // namespace

void* system_allocate(size_t n_bytes) {
  return n_bytes >= kMapFrom ? map_block(n_bytes) : std::aligned_alloc(GX_ALIGNMENT, n_bytes);
}

void system_free(void* block, size_t n_bytes) {
  if (n_bytes >= kMapFrom)
    munmap(block, n_bytes);
  else
    std::free(block);
}

int64_t system_memory() {
  const int64_t limit = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  const int64_t granted = read_grants().memory;
  return granted > 0 ? std::min(limit, granted) : limit;
}

}  // namespace gradax
