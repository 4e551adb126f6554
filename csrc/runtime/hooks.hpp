// The Python functions that the runtime calls, registered once when the package is imported.
#pragma once

#include <Python.h>

#include <cstdint>

namespace gradax {

enum class Hook {
  ToArray,          // (leaf) -> Array; NotImplemented sends the call to the slow path
  Sharding,         // (array) -> sharding of an array on the default device
  Assemble,         // (array) -> ndarray of an array with several pieces
  OnGlobalChanged,  // (function, name, old, new) -> False: the same value, watch on
  OnError,          // (error, traceback) -> the traceback that leaves a jitted function
  Count,
};

// Returns a borrowed function; null, with a Python error set, if none was registered.
PyObject* get_hook(Hook hook);

// Registers `function` (None: nothing) under its Python name; -1 with an error set for an unknown
// name.
int set_hook(const char* name, PyObject* function);

// Returns what is registered under a Python name, borrowed; null if nothing is.
PyObject* find_hook(const char* name);

// Registers the class that failures of kind `status` raise.
int set_error_class(int32_t status, PyObject* type);

// Returns a borrowed exception class.
PyObject* error_class(int32_t status);

}  // namespace gradax
