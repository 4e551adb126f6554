// gradax.Array: an immutable array in memory that the runtime owns.
#pragma once

#include <Python.h>

#include "runtime/aval_info.hpp"
#include "runtime/event.hpp"
#include "runtime/memory.hpp"

namespace gradax {

struct ArrayObject {
  PyObject_HEAD const AvalInfo* info;
  BufferRef buffer;    // empty for an array of several pieces
  Event* event;        // null once the memory is known to be written
  PyObject* sharding;  // null: the default device
  PyObject* pieces;    // tuple of Arrays, one a device; null for a single device
  PyObject* view;      // cached ndarray over the buffer
  PyObject* weakrefs;
  bool is_deleted;
  ArrayObject *before, *after;  // the ring of all arrays
};

extern PyTypeObject* array_type;

// Creates the type and adds it to the module; -1 on failure.
int init_array_type(PyObject* module);

inline bool is_array(PyObject* object) { return Py_TYPE(object) == array_type; }
inline ArrayObject* as_array(PyObject* object) { return reinterpret_cast<ArrayObject*>(object); }

// Makes an array over `buffer`. Takes a new reference to `event`; null: ready.
PyObject* make_array(const AvalInfo* info, BufferRef buffer, Event* event = nullptr,
                     PyObject* sharding = nullptr);

// Waits until the memory is written; -1 with the call's error set if it failed or was deleted.
int ensure_ready(ArrayObject* self);

// Sets the error for an array that was deleted.
void raise_deleted(const ArrayObject* self);

// Returns a new list of all arrays that were not deleted, pieces of others included.
PyObject* live_arrays();

// Drops the memory, as a donation does.
void delete_array(ArrayObject* self);

// Returns a new reference to the read-only ndarray over the array's memory, waiting for it.
PyObject* array_view(ArrayObject* self);

// Makes an array of `info` from an ndarray or NumPy scalar; memory is shared when `copy` is false
// and it is dense and aligned.
PyObject* array_from_numpy(PyObject* source, const AvalInfo* info, bool copy);

// Returns a writable ndarray over new memory; array_from_numpy takes it over without a copy.
PyObject* empty_ndarray(const AvalInfo* info);

extern PyMethodDef array_numpy_methods[];
extern PyMethodDef array_dlpack_methods[];
extern PyMethodDef array_life_methods[];
extern PyGetSetDef array_attributes[];

PyObject* array_float(PyObject* self);
PyObject* array_int(PyObject* self);
PyObject* array_index(PyObject* self);
int array_bool(PyObject* self);
int array_get_buffer(PyObject* self, Py_buffer* out, int flags);
PyObject* array_complex(PyObject* self, PyObject*);

}  // namespace gradax
