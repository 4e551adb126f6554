// Pytrees: what the rest of the extension may use of them.
//
// Errors: like the C API of Python. A function that fails returns false, nullptr, -1 or an empty
// TreeDefPtr with a Python error set; only std::bad_alloc is thrown. The GIL is held throughout.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "tree/small_vector.hpp"

namespace nanobind {
class module_;
}

namespace gradax::tree {

// Owned references; no allocation while there are at most N.
template <size_t N>
class RefVector {
 public:
  RefVector() = default;
  RefVector(RefVector&&) noexcept = default;
  RefVector& operator=(RefVector&& other) noexcept {
    if (this != &other) {
      clear();
      items_ = std::move(other.items_);
    }
    return *this;
  }
  ~RefVector() { clear(); }

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  PyObject* const* data() const { return items_.data(); }
  PyObject* operator[](size_t i) const { return items_[i]; }  // borrowed
  PyObject* const* begin() const { return items_.begin(); }
  PyObject* const* end() const { return items_.end(); }

  void push(PyObject* item) { items_.push(Py_NewRef(item)); }
  void push_owned(PyObject* item) { items_.push(item); }
  void reserve(size_t n) { items_.reserve(n); }
  void clear() { truncate(0); }
  // Finalizers that run here may reach this vector again, so it is consistent at each one.
  void truncate(size_t n) {
    while (items_.size() > n) Py_DECREF(items_.pop());
  }
  // Gives the references away: the caller now owns the items of `data()` beyond `n`.
  void forget(size_t n) { items_.truncate(n); }
  int traverse(visitproc visit, void* arg) const {
    for (PyObject* item : items_) Py_VISIT(item);
    return 0;
  }

 private:
  SmallVector<PyObject*, N> items_;
};

using LeafVector = RefVector<16>;

// The structure of a call's arguments (and whatever else its cache key holds), without a TreeDef:
// words compared bitwise, and objects compared by identity, then by hash and `__eq__`.
// It owns its objects, so it may be moved into a cache as it is.
class Signature {
 public:
  Signature() = default;
  Signature(Signature&&) noexcept = default;
  Signature& operator=(Signature&&) noexcept = default;

  // Any word that belongs to the key: a tag, a count, an interned aval's or a type's address.
  // The caller keeps what an address points to alive as long as the signature is in use.
  void add_word(uint64_t word) {
    words_.push(word);
    mix(word);
  }
  void add_address(const void* address) { add_word(reinterpret_cast<uintptr_t>(address)); }
  // Any hashable object, for example a static argument. False, with the error set, if unhashable.
  bool add_object(PyObject* object);
  // The same, but what has no hash is compared by `__eq__` alone. For auxiliary data.
  bool add_data(PyObject* object);

  uint64_t hash() const { return hash_ ^ (hash_ >> 29); }
  // 1 if equal, 0 if not, -1 with an error set if an `__eq__` raised.
  int equals(const Signature& other) const;
  void clear();
  int traverse(visitproc visit, void* arg) const { return objects_.traverse(visit, arg); }

 private:
  void add_hashed(PyObject* object, Py_hash_t hash);
  void mix(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15u;
    hash_ ^= hash_ >> 32;
  }

  static constexpr uint64_t initial_hash = 0x243F6A8885A308D3u;

  uint64_t hash_ = initial_hash;
  SmallVector<uint64_t, 48> words_;
  RefVector<16> objects_;
  SmallVector<Py_hash_t, 16> object_hashes_;
};

class TreeDef;

// A strong reference to a treedef. The Python object `PyTreeDef` holds the TreeDef itself, so that
// the garbage collector sees each of its references once.
class TreeDefPtr {
 public:
  TreeDefPtr() = default;
  TreeDefPtr(PyObject* owned, const TreeDef* treedef) : object_(owned), treedef_(treedef) {}
  TreeDefPtr(const TreeDefPtr& other) : TreeDefPtr(Py_XNewRef(other.object_), other.treedef_) {}
  TreeDefPtr(TreeDefPtr&& other) noexcept { swap(other); }
  TreeDefPtr& operator=(TreeDefPtr other) noexcept {
    swap(other);
    return *this;
  }
  ~TreeDefPtr() { Py_XDECREF(object_); }

  explicit operator bool() const { return treedef_ != nullptr; }
  const TreeDef& operator*() const { return *treedef_; }
  const TreeDef* operator->() const { return treedef_; }
  PyObject* object() const { return object_; }  // borrowed
  PyObject* release() {                         // the caller owns it
    treedef_ = nullptr;
    return std::exchange(object_, nullptr);
  }
  void swap(TreeDefPtr& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(treedef_, other.treedef_);
  }
  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(object_);
    return 0;
  }

 private:
  PyObject* object_ = nullptr;
  const TreeDef* treedef_ = nullptr;
};

// Appends the leaves of `tree` to `leaves` (new references, owned by the vector) and returns the
// structure. `is_leaf`, if not null or None, is asked about every node before it is opened.
TreeDefPtr flatten(PyObject* tree, LeafVector& leaves, PyObject* is_leaf = nullptr);

// The call path: the same walk, but the structure goes into `signature`; equal signatures mean
// equal treedefs. May be called once for each argument with the same `leaves` and `signature`. On
// failure what was appended stays in both.
bool flatten_hashed(PyObject* tree, LeafVector& leaves, Signature& signature);

// Builds the tree (a new reference) from `n` borrowed leaves; a ValueError if `n` is wrong.
PyObject* unflatten(const TreeDef& treedef, PyObject* const* leaves, size_t n);

// The treedef in a Python object (borrowed), or nullptr with a TypeError set.
const TreeDef* treedef_of(PyObject* object);

size_t n_leaves(const TreeDef& treedef);

}  // namespace gradax::tree

namespace gradax {

void bind_tree(nanobind::module_& m);

}  // namespace gradax
