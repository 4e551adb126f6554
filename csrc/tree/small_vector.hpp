// A vector of trivially copyable items that lives on the stack while it is small.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace gradax::tree {

template <class T, size_t N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SmallVector() noexcept : data_(inline_items()) {}
  SmallVector(const SmallVector&) = delete;
  SmallVector& operator=(const SmallVector&) = delete;
  SmallVector(SmallVector&& other) noexcept : data_(inline_items()) { take(other); }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVector() { release(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& back() { return data_[size_ - 1]; }

  void push(T item) {
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    data_[size_++] = item;
  }
  T pop() { return data_[--size_]; }
  void clear() { size_ = 0; }
  void truncate(size_t n) { size_ = n; }
  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  // The items between the old and the new size are uninitialised.
  void resize(size_t n) {
    reserve(n);
    size_ = n;
  }

 private:
  T* inline_items() { return reinterpret_cast<T*>(inline_); }
  bool is_inline() const { return data_ == reinterpret_cast<const T*>(inline_); }

  void grow(size_t at_least) {
    size_t capacity = capacity_ * 2 > at_least ? capacity_ * 2 : at_least;
    T* data = static_cast<T*>(std::malloc(capacity * sizeof(T)));
    if (!data) throw std::bad_alloc();
    std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    if (!is_inline()) std::free(data_);
    data_ = data;
    capacity_ = capacity;
  }
  void release() {
    if (!is_inline()) std::free(data_);
    data_ = inline_items();
    size_ = 0;
    capacity_ = N;
  }
  void take(SmallVector& other) {
    if (other.is_inline()) {
      std::memcpy(static_cast<void*>(data_), other.data_, other.size_ * sizeof(T));
    } else {
      data_ = other.data_;
      capacity_ = other.capacity_;
      other.data_ = other.inline_items();
      other.capacity_ = N;
    }
    size_ = std::exchange(other.size_, 0);
  }

  T* data_;
  size_t size_ = 0;
  size_t capacity_ = N;
  alignas(T) std::byte inline_[N * sizeof(T)];
};

}  // namespace gradax::tree
