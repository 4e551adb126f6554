// Lambdas over gx_parallel_for, scratch memory of a call, and failure without exceptions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "../abi.h"

namespace gradax {

// Runs `body(begin, end)` over pieces of [0, n), each at least `grain` long where n allows.
template <class Body>
void parallel_for(CallContext* ctx, int64_t n, int64_t grain, Body&& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (n <= grain) return body(int64_t{0}, n);
  using Plain = std::remove_reference_t<Body>;
  auto call = [](CallContext*, void* env, int64_t begin, int64_t end) {
    (*static_cast<Plain*>(env))(begin, end);
  };
  gx_parallel_for(ctx, call, const_cast<void*>(static_cast<const void*>(&body)), n, grain);
}

// The grain at which a piece does at least `target` units of work.
inline int64_t grain_for(int64_t work_per_item, int64_t target = 1 << 15) {
  return std::max<int64_t>(1, target / std::max<int64_t>(work_per_item, 1));
}

// Uninitialized memory that ends with its scope; null (and the call marked failed) without memory.
template <class T>
class Scratch {
 public:
  Scratch(CallContext* ctx, int64_t count)
      : ctx_(ctx),
        data_(static_cast<T*>(
            gx_alloc(ctx, std::max<int64_t>(count, 1) * static_cast<int64_t>(sizeof(T))))) {}
  ~Scratch() { gx_free(ctx_, data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  CallContext* ctx_;
  T* data_;
};

}  // namespace gradax
