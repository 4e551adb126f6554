// An owning pointer to a Python object, without nanobind's exceptions: for slots and hot paths.
#pragma once

#include <Python.h>

#include <utility>

namespace gradax {

class Object {
 public:
  Object() = default;
  // Takes over a new reference, which may be null.
  explicit Object(PyObject* owned) : object_(owned) {}
  static Object share(PyObject* borrowed) {
    Py_XINCREF(borrowed);
    return Object(borrowed);
  }
  Object(const Object&) = delete;
  Object(Object&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Object& operator=(Object&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Object() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

}  // namespace gradax
