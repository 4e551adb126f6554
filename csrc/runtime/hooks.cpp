#include "runtime/hooks.hpp"

#include <cstring>

#include "abi.h"

namespace gradax {
namespace {

constexpr const char* kNames[] = {"to_array", "sharding", "assemble", "on_global_changed",
                                  "on_error"};
constexpr int kHooks = static_cast<int>(Hook::Count);
constexpr int kStatuses = GX_PYTHON_ERROR + 1;

PyObject* hooks[kHooks];
PyObject* error_classes[kStatuses];

}  // namespace

PyObject* get_hook(Hook hook) {
  const int index = static_cast<int>(hook);
  if (!hooks[index])
    PyErr_Format(PyExc_RuntimeError, "the runtime's '%s' hook is not registered", kNames[index]);
  return hooks[index];
}

int set_hook(const char* name, PyObject* function) {
  for (int i = 0; i < kHooks; ++i) {
    if (std::strcmp(kNames[i], name) != 0) continue;
    if (function == Py_None) {
      Py_CLEAR(hooks[i]);
      return 0;
    }
    if (!PyCallable_Check(function)) {
      PyErr_Format(PyExc_TypeError, "set_hook: '%s' wants a callable, got %s", name,
                   Py_TYPE(function)->tp_name);
      return -1;
    }
    Py_INCREF(function);
    Py_XSETREF(hooks[i], function);
    return 0;
  }
  PyErr_Format(PyExc_ValueError,
               "set_hook: expected to_array, sharding, assemble, on_global_changed or on_error,"
               " got '%s'",
               name);
  return -1;
}

PyObject* find_hook(const char* name) {
  for (int i = 0; i < kHooks; ++i)
    if (std::strcmp(kNames[i], name) == 0) return hooks[i];
  return nullptr;
}

int set_error_class(int32_t status, PyObject* type) {
  if (status <= GX_OK || status >= kStatuses || !PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_ValueError,
                    "set_error_class: expected a failure status (1 to 5) and an exception class");
    return -1;
  }
  Py_INCREF(type);
  Py_XSETREF(error_classes[status], type);
  return 0;
}

PyObject* error_class(int32_t status) {
  if (status > GX_OK && status < kStatuses && error_classes[status]) return error_classes[status];
  switch (status) {
    case GX_VALUE_ERROR:
      return PyExc_ValueError;
    case GX_FLOATING_POINT_ERROR:
      return PyExc_FloatingPointError;
    case GX_MEMORY_ERROR:
      return PyExc_MemoryError;
    default:
      return PyExc_RuntimeError;
  }
}

}  // namespace gradax
