// Reference-counted array memory and the caching allocator behind it.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "abi.h"

namespace gradax {

// A block of memory. Counts are atomic: the stream thread drops references too.
struct Buffer {
  std::atomic<int32_t> refs;
  int32_t size_class;  // -1: the memory belongs to `owner`
  size_t n_bytes;
  void* data;
  PyObject* owner;  // keeps foreign memory alive, null for memory of the allocator
  std::atomic<int32_t> queued_refs{0};  // of `refs`: held by calls queued on the default stream
};

// Returns a buffer with one reference, aligned to 64 bytes; null when there is no memory.
Buffer* allocate(size_t n_bytes);

// Wraps memory that `owner` keeps alive. Takes a new reference to `owner`; needs the GIL.
Buffer* wrap_foreign(void* data, size_t n_bytes, PyObject* owner);

void free_buffer(Buffer* buffer);

// An owning pointer to a Buffer.
class BufferRef {
 public:
  BufferRef() = default;
  static BufferRef take(Buffer* buffer) { return BufferRef(buffer); }
  static BufferRef share(Buffer* buffer) {
    if (buffer) buffer->refs.fetch_add(1, std::memory_order_relaxed);
    return BufferRef(buffer);
  }
  BufferRef(const BufferRef& other) : BufferRef(share(other.buffer_)) {}
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { reset(); }

  void reset() {
    Buffer* buffer = std::exchange(buffer_, nullptr);
    if (buffer && buffer->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) free_buffer(buffer);
  }
  Buffer* get() const { return buffer_; }
  // Hands the reference to the caller.
  Buffer* release() { return std::exchange(buffer_, nullptr); }
  void* data() const { return buffer_->data; }
  bool is_unique() const { return buffer_->refs.load(std::memory_order_acquire) == 1; }
  explicit operator bool() const { return buffer_ != nullptr; }

 private:
  explicit BufferRef(Buffer* buffer) : buffer_(buffer) {}
  Buffer* buffer_ = nullptr;
};

// In use: what was asked for. Pool: what the system gave, blocks in use and cached ones.
struct MemoryStats {
  int64_t num_allocs;
  int64_t live_allocs;
  int64_t bytes_in_use;
  int64_t peak_bytes_in_use;
  int64_t largest_alloc_size;
  int64_t bytes_limit;
  int64_t pool_bytes;
  int64_t peak_pool_bytes;
  int64_t bytes_cached;
  int64_t cache_limit;
  int64_t largest_free_block_bytes;  // of the cached ones
};

MemoryStats memory_stats();
void reset_peak_memory();
void set_cache_limit(int64_t n_bytes);

// Gives all cached blocks back to the system.
void trim_memory();

// Keep the locks of the allocator and of dropped references over a fork, so that the child finds
// them free and the lists whole.
void lock_memory();
void unlock_memory();
void lock_garbage();
void unlock_garbage();

// Drops a reference now if this thread holds the GIL, otherwise as soon as one that does looks.
void release_object(PyObject* object);

// Drops the references that threads without the GIL left behind; needs the GIL.
void collect_released();

}  // namespace gradax
