#include "runtime/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include "runtime/spin_lock.hpp"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace gradax {
namespace {

constexpr size_t kHeader = GX_ALIGNMENT;
constexpr size_t kUnit = 64;
constexpr int kClasses = 16 + 4 * 37;
constexpr size_t kLargest = size_t{1} << 46;
constexpr size_t kMapFrom = 256 << 10;
constexpr size_t kHugeFrom = 4 << 20;
constexpr size_t kHugePage = 2 << 20;
constexpr int32_t kForeign = -1;
static_assert(sizeof(Buffer) <= kHeader);

// Classes are multiples of 64 bytes up to 1 KiB, then four to each doubling.
int size_class_of(size_t n_bytes) {
  const size_t last_unit = (n_bytes - 1) / kUnit;
  if (last_unit < 16) return static_cast<int>(last_unit);
  const int top = std::bit_width(last_unit) - 1;
  return 16 + (top - 4) * 4 + static_cast<int>((last_unit >> (top - 2)) & 3);
}

size_t class_bytes(int size_class) {
  if (size_class < 16) return (size_class + 1) * kUnit;
  const int top = 4 + (size_class - 16) / 4;
  const size_t steps = 5 + (size_class - 16) % 4;
  return (steps << (top - 2)) * kUnit;
}

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

void* system_allocate(size_t n_bytes) {
  return n_bytes >= kMapFrom ? map_block(n_bytes) : std::aligned_alloc(GX_ALIGNMENT, n_bytes);
}

void system_free(void* block, size_t n_bytes) {
  ASAN_UNPOISON_MEMORY_REGION(block, n_bytes);
  if (n_bytes >= kMapFrom)
    munmap(block, n_bytes);
  else
    std::free(block);
}

int64_t system_memory() {
  int64_t limit = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (FILE* file = std::fopen(path, "r")) {
      long long stated = 0;
      if (std::fscanf(file, "%lld", &stated) == 1 && stated > 0)
        limit = std::min<int64_t>(limit, stated);
      std::fclose(file);
    }
  }
  return limit;
}

struct FreeBlock {
  FreeBlock* next;
};

class Allocator {
 public:
  Allocator() {
    stats_.bytes_limit = system_memory();
    stats_.pool_limit = std::min<int64_t>(stats_.bytes_limit / 4, int64_t{4} << 30);
  }

  Buffer* allocate(size_t n_bytes) {
    if (n_bytes > kLargest) return nullptr;
    const int wanted = size_class_of(n_bytes + kHeader);
    int found = wanted;
    void* block = take(n_bytes, wanted, found);
    if (!block && found >= 0) block = system_allocate(class_bytes(found));
    if (!block && found >= 0) {
      trim();
      block = system_allocate(class_bytes(found));
      if (!block) forget(n_bytes);
    }
    if (!block) return nullptr;
    ASAN_UNPOISON_MEMORY_REGION(block, kHeader + n_bytes);
    char* data = static_cast<char*>(block) + kHeader;
    return new (block) Buffer{{1}, found, n_bytes, data, nullptr, {0}};
  }

  void free(Buffer* buffer) {
    const int size_class = buffer->size_class;
    const auto size = static_cast<int64_t>(class_bytes(size_class));
    FreeBlock* given_back = nullptr;
    lock_.lock();
    stats_.bytes_in_use -= static_cast<int64_t>(buffer->n_bytes);
    --stats_.live_allocs;
    if (stats_.pool_bytes + size > stats_.pool_limit && size >= int64_t{kMapFrom})
      given_back = evict(stats_.pool_limit - size);
    if (stats_.pool_bytes + size > stats_.pool_limit) {
      lock_.unlock();
      system_free(buffer, size);
    } else {
      stats_.pool_bytes += size;
      ASAN_POISON_MEMORY_REGION(buffer->data, size - kHeader);
      auto* block = reinterpret_cast<FreeBlock*>(buffer);
      block->next = free_[size_class];
      free_[size_class] = block;
      lock_.unlock();
    }
    give_back(given_back);
  }

  void trim() {
    lock_.lock();
    FreeBlock* blocks = evict(0);
    lock_.unlock();
    give_back(blocks);
  }

  MemoryStats stats() {
    std::lock_guard guard(lock_);
    return stats_;
  }
  void reset_peak() {
    std::lock_guard guard(lock_);
    stats_.peak_bytes_in_use = stats_.bytes_in_use;
  }
  void set_pool_limit(int64_t n_bytes) {
    lock_.lock();
    stats_.pool_limit = n_bytes;
    FreeBlock* blocks = evict(n_bytes);
    lock_.unlock();
    give_back(blocks);
  }
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  // Counts the allocation and returns a cached block, or null with `found` the class to map;
  // `found` is -1 when the limit forbids the allocation.
  void* take(size_t n_bytes, int wanted, int& found) {
    std::lock_guard guard(lock_);
    const int64_t in_use = stats_.bytes_in_use + static_cast<int64_t>(n_bytes);
    if (in_use > stats_.bytes_limit) {
      found = -1;
      return nullptr;
    }
    stats_.bytes_in_use = in_use;
    stats_.peak_bytes_in_use = std::max(stats_.peak_bytes_in_use, in_use);
    stats_.largest_alloc_size = std::max(stats_.largest_alloc_size, static_cast<int64_t>(n_bytes));
    ++stats_.num_allocs;
    ++stats_.live_allocs;
    // A large block up to 1.5 times the size is better than fresh, untouched pages.
    const int last = class_bytes(wanted) >= kMapFrom ? std::min(wanted + 2, kClasses - 1) : wanted;
    for (int size_class = wanted; size_class <= last; ++size_class) {
      if (FreeBlock* block = free_[size_class]) {
        free_[size_class] = block->next;
        stats_.pool_bytes -= static_cast<int64_t>(class_bytes(size_class));
        found = size_class;
        return block;
      }
    }
    return nullptr;
  }

  void forget(size_t n_bytes) {
    std::lock_guard guard(lock_);
    stats_.bytes_in_use -= static_cast<int64_t>(n_bytes);
    --stats_.live_allocs;
  }

  // A chain that owns blocks: `next` links them, the word after it holds the size.
  struct Evicted : FreeBlock {
    size_t n_bytes;
  };

  FreeBlock* evict(int64_t keep) {
    FreeBlock* chain = nullptr;
    for (int size_class = kClasses - 1; size_class >= 0; --size_class) {
      while (stats_.pool_bytes > std::max<int64_t>(keep, 0) && free_[size_class]) {
        auto* block = static_cast<Evicted*>(free_[size_class]);
        free_[size_class] = block->next;
        block->n_bytes = class_bytes(size_class);
        block->next = chain;
        chain = block;
        stats_.pool_bytes -= static_cast<int64_t>(block->n_bytes);
      }
    }
    return chain;
  }

  static void give_back(FreeBlock* chain) {
    while (chain) {
      FreeBlock* next = chain->next;
      system_free(chain, static_cast<Evicted*>(chain)->n_bytes);
      chain = next;
    }
  }

  SpinLock lock_;
  FreeBlock* free_[kClasses] = {};
  MemoryStats stats_ = {};
};

// Never destroyed: threads may still free memory while the process ends.
Allocator& allocator() {
  static auto* instance = new Allocator;
  return *instance;
}

}  // namespace

Buffer* allocate(size_t n_bytes) { return allocator().allocate(n_bytes); }

Buffer* wrap_foreign(void* data, size_t n_bytes, PyObject* owner) {
  void* block = std::malloc(sizeof(Buffer));
  if (!block) return nullptr;
  Py_INCREF(owner);
  return new (block) Buffer{{1}, kForeign, n_bytes, data, owner, {0}};
}

void free_buffer(Buffer* buffer) {
  if (buffer->size_class != kForeign) return allocator().free(buffer);
  PyObject* owner = buffer->owner;
  std::free(buffer);
  release_object(owner);
}

MemoryStats memory_stats() { return allocator().stats(); }
void reset_peak_memory() { allocator().reset_peak(); }
void set_pool_limit(int64_t n_bytes) { allocator().set_pool_limit(n_bytes); }
void trim_memory() { allocator().trim(); }
void lock_memory() { allocator().lock(); }
void unlock_memory() { allocator().unlock(); }

}  // namespace gradax

extern "C" {

void* gx_alloc(CallContext* ctx, int64_t n_bytes) {
  gradax::Buffer* buffer = n_bytes < 0 ? nullptr : gradax::allocate(n_bytes);
  if (buffer) return buffer->data;
  char text[96];
  std::snprintf(text, sizeof text, "out of memory: %lld bytes of temporary memory",
                static_cast<long long>(n_bytes));
  gx_fail(ctx, GX_MEMORY_ERROR, text);
  return nullptr;
}

void gx_free(CallContext*, void* memory) {
  if (memory)
    gradax::free_buffer(
        reinterpret_cast<gradax::Buffer*>(static_cast<char*>(memory) - GX_ALIGNMENT));
}
}
