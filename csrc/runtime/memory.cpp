#include "runtime/memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include "runtime/cgroup.hpp"
#include "runtime/pages.hpp"
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
// How many fresh bytes are taken between two looks at what the system has left.
constexpr int64_t kBetweenLooks = 64 << 20;
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

struct FreeBlock {
  FreeBlock* next;
};

class Allocator {
 public:
  Allocator() {
    stats_.bytes_limit = system_memory();
    stats_.cache_limit = std::min<int64_t>(stats_.bytes_limit / 4, int64_t{4} << 30);
  }

  Buffer* allocate(size_t n_bytes) {
    if (n_bytes > kLargest) return nullptr;
    int size_class = size_class_of(n_bytes + kHeader);
    void* block = take(n_bytes, size_class);
    if (!block) block = take_fresh(n_bytes, size_class);
    if (!block) return nullptr;
    ASAN_POISON_MEMORY_REGION(block, class_bytes(size_class));
    ASAN_UNPOISON_MEMORY_REGION(block, kHeader + n_bytes);
    char* data = static_cast<char*>(block) + kHeader;
    return new (block) Buffer{{1}, size_class, n_bytes, data, nullptr, {0}};
  }

  void free(Buffer* buffer) {
    const int size_class = buffer->size_class;
    const auto size = static_cast<int64_t>(class_bytes(size_class));
    FreeBlock* given_back = nullptr;
    lock_.lock();
    stats_.bytes_in_use -= static_cast<int64_t>(buffer->n_bytes);
    --stats_.live_allocs;
    if (stats_.bytes_cached + size > stats_.cache_limit && size >= int64_t{kMapFrom})
      given_back = evict(stats_.cache_limit - size);
    if (stats_.bytes_cached + size > stats_.cache_limit) {
      stats_.pool_bytes -= size;
      lock_.unlock();
      ASAN_UNPOISON_MEMORY_REGION(buffer, size);
      system_free(buffer, size);
    } else {
      stats_.bytes_cached += size;
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
    MemoryStats out = stats_;
    for (int size_class = 0; size_class < kClasses; ++size_class)
      if (free_[size_class])
        out.largest_free_block_bytes = static_cast<int64_t>(class_bytes(size_class));
    return out;
  }
  void reset_peak() {
    std::lock_guard guard(lock_);
    stats_.peak_bytes_in_use = stats_.bytes_in_use;
    stats_.peak_pool_bytes = stats_.pool_bytes;
  }
  void set_cache_limit(int64_t n_bytes) {
    lock_.lock();
    stats_.cache_limit = n_bytes;
    FreeBlock* blocks = evict(n_bytes);
    lock_.unlock();
    give_back(blocks);
  }
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  // Returns a cached block, with `size_class` its class; null if there is none.
  void* take(size_t n_bytes, int& size_class) {
    std::lock_guard guard(lock_);
    if (is_too_much(n_bytes)) return nullptr;
    // A large block up to 1.5 times the size is better than fresh, untouched pages.
    const bool is_large = class_bytes(size_class) >= kMapFrom;
    const int last = is_large ? std::min(size_class + 2, kClasses - 1) : size_class;
    for (int found = size_class; found <= last; ++found) {
      FreeBlock* block = free_[found];
      if (!block) continue;
      free_[found] = block->next;
      stats_.bytes_cached -= static_cast<int64_t>(class_bytes(found));
      size_class = found;
      count(n_bytes);
      return block;
    }
    return nullptr;
  }

  void* take_fresh(size_t n_bytes, int size_class) {
    const auto size = static_cast<int64_t>(class_bytes(size_class));
    FreeBlock* given_back = nullptr;
    {
      std::lock_guard guard(lock_);
      if (is_too_much(n_bytes)) return nullptr;
      if (stats_.pool_bytes + size > stats_.bytes_limit)
        given_back = evict(stats_.bytes_cached - (stats_.pool_bytes + size - stats_.bytes_limit));
    }
    give_back(given_back);
    look_around(size);
    void* block = system_allocate(size);
    if (!block) {
      trim();
      block = system_allocate(size);
    }
    if (!block) return nullptr;
    std::lock_guard guard(lock_);
    stats_.pool_bytes += size;
    stats_.peak_pool_bytes = std::max(stats_.peak_pool_bytes, stats_.pool_bytes);
    count(n_bytes);
    return block;
  }

  // Pages are granted before they are there: who waits for a refusal is killed without one.
  void look_around(int64_t size) {
    if (since_look_.fetch_add(size, std::memory_order_relaxed) + size < kBetweenLooks) return;
    since_look_.store(0, std::memory_order_relaxed);
    const int64_t available = available_memory();
    if (available >= 0 && available < size + stats().bytes_limit / 16) trim();
  }

  bool is_too_much(size_t n_bytes) const {
    return stats_.bytes_in_use + static_cast<int64_t>(n_bytes) > stats_.bytes_limit;
  }

  void count(size_t n_bytes) {
    const auto size = static_cast<int64_t>(n_bytes);
    ++stats_.num_allocs;
    ++stats_.live_allocs;
    stats_.bytes_in_use += size;
    stats_.peak_bytes_in_use = std::max(stats_.peak_bytes_in_use, stats_.bytes_in_use);
    stats_.largest_alloc_size = std::max(stats_.largest_alloc_size, size);
  }

  // A chain that owns blocks: `next` links them, the word after it holds the size.
  struct Evicted : FreeBlock {
    size_t n_bytes;
  };

  FreeBlock* evict(int64_t keep) {
    FreeBlock* chain = nullptr;
    for (int size_class = kClasses - 1; size_class >= 0; --size_class) {
      while (stats_.bytes_cached > std::max<int64_t>(keep, 0) && free_[size_class]) {
        auto* block = static_cast<Evicted*>(free_[size_class]);
        free_[size_class] = block->next;
        block->n_bytes = class_bytes(size_class);
        block->next = chain;
        chain = block;
        stats_.bytes_cached -= static_cast<int64_t>(block->n_bytes);
        stats_.pool_bytes -= static_cast<int64_t>(block->n_bytes);
      }
    }
    return chain;
  }

  static void give_back(FreeBlock* chain) {
    while (chain) {
      FreeBlock* next = chain->next;
      const size_t n_bytes = static_cast<Evicted*>(chain)->n_bytes;
      ASAN_UNPOISON_MEMORY_REGION(chain, n_bytes);
      system_free(chain, n_bytes);
      chain = next;
    }
  }

  SpinLock lock_;
  FreeBlock* free_[kClasses] = {};
  MemoryStats stats_ = {};
  std::atomic<int64_t> since_look_{0};
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
void set_cache_limit(int64_t n_bytes) { allocator().set_cache_limit(n_bytes); }
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
