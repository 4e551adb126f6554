#include "runtime/array.hpp"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <vector>

#include "runtime/hooks.hpp"
#include "runtime/object.hpp"
#include "runtime/stream.hpp"

namespace gradax {

PyTypeObject* array_type = nullptr;

namespace {

// All arrays in a ring, which the GIL guards; its head is no array.
struct Ring {
  Ring() { head.before = head.after = &head; }
  ArrayObject head{};
};
Ring ring;

void join_ring(ArrayObject* self) {
  self->before = ring.head.before;
  self->after = &ring.head;
  self->before->after = self->after->before = self;
}

void leave_ring(ArrayObject* self) {
  self->before->after = self->after;
  self->after->before = self->before;
}

void dealloc(PyObject* object) {
  ArrayObject* self = as_array(object);
  leave_ring(self);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  self->buffer.~BufferRef();
  if (self->event) self->event->release();
  Py_XDECREF(self->sharding);
  Py_XDECREF(self->pieces);
  Py_XDECREF(self->view);
  PyTypeObject* type = Py_TYPE(object);
  PyObject_Free(object);
  Py_DECREF(type);
}

ArrayObject* new_array(const AvalInfo* info) {
  ArrayObject* self = PyObject_New(ArrayObject, array_type);
  if (!self) return nullptr;
  self->info = info;
  new (&self->buffer) BufferRef;
  self->event = nullptr;
  self->sharding = self->pieces = self->view = self->weakrefs = nullptr;
  self->is_deleted = false;
  join_ring(self);
  return self;
}

bool is_done(const ArrayObject* self) {
  if (self->event && !self->event->is_done()) return false;
  for (Py_ssize_t i = 0; self->pieces && i < PyTuple_GET_SIZE(self->pieces); ++i)
    if (!is_done(as_array(PyTuple_GET_ITEM(self->pieces, i)))) return false;
  return true;
}

PyObject* is_ready(PyObject* object, PyObject*) {
  ArrayObject* self = as_array(object);
  if (self->is_deleted) return raise_deleted(self), nullptr;
  return PyBool_FromLong(is_done(self));
}

PyObject* block_until_ready(PyObject* object, PyObject*) {
  if (ensure_ready(as_array(object)) != 0) return nullptr;
  Py_INCREF(object);
  return object;
}

PyObject* delete_method(PyObject* object, PyObject*) {
  delete_array(as_array(object));
  Py_RETURN_NONE;
}

PyObject* is_deleted(PyObject* object, PyObject*) {
  return PyBool_FromLong(as_array(object)->is_deleted);
}

// Array._with(aval, sharding=None): the same memory as another aval of as many bytes.
PyObject* with_aval(PyObject* object, PyObject* const* args, Py_ssize_t n_args) {
  ArrayObject* self = as_array(object);
  if (n_args < 1 || n_args > 2) {
    PyErr_SetString(PyExc_TypeError, "Array._with: expected (aval, sharding=None)");
    return nullptr;
  }
  if (self->is_deleted) return raise_deleted(self), nullptr;
  const AvalInfo* info = aval_info(args[0]);
  if (!info) return nullptr;
  if (self->pieces || info->nbytes != self->info->nbytes) {
    PyErr_Format(PyExc_ValueError, "Array._with: cannot see %R (%lld bytes) as %R (%lld bytes)",
                 self->info->aval, (long long)self->info->nbytes, args[0], (long long)info->nbytes);
    return nullptr;
  }
  PyObject* sharding = n_args == 2 && args[1] != Py_None ? args[1] : self->sharding;
  return make_array(info, self->buffer, self->event, sharding);
}

// Array.from_pieces(aval, sharding, pieces): an array of one piece for each device.
PyObject* from_pieces(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (n_args != 3) {
    PyErr_SetString(PyExc_TypeError, "Array.from_pieces: expected (aval, sharding, pieces)");
    return nullptr;
  }
  const AvalInfo* info = aval_info(args[0]);
  Object pieces(info ? PySequence_Tuple(args[2]) : nullptr);
  if (!pieces) return nullptr;
  const Py_ssize_t n_pieces = PyTuple_GET_SIZE(pieces.get());
  for (Py_ssize_t i = 0; i < n_pieces; ++i) {
    PyObject* piece = PyTuple_GET_ITEM(pieces.get(), i);
    if (is_array(piece) && !as_array(piece)->pieces) continue;
    PyErr_Format(PyExc_TypeError, "Array.from_pieces: expected single-device arrays, got %s",
                 Py_TYPE(piece)->tp_name);
    return nullptr;
  }
  if (n_pieces == 0) {
    PyErr_SetString(PyExc_ValueError, "Array.from_pieces: expected at least one piece");
    return nullptr;
  }
  ArrayObject* self = new_array(info);
  if (!self) return nullptr;
  if (args[1] != Py_None) self->sharding = Py_NewRef(args[1]);
  self->pieces = pieces.release();
  return reinterpret_cast<PyObject*>(self);
}

PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(
      PyExc_TypeError,
      "Array: arrays are made by functions such as gradax.numpy.array, not by the class");
  return nullptr;
}

template <class Function>
PyCFunction as_method(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

PyMethodDef array_life_methods[] = {
    {"is_ready", is_ready, METH_NOARGS, "Return whether the memory is written."},
    {"block_until_ready", block_until_ready, METH_NOARGS,
     "Wait until the memory is written; raise the error of the call that should have."},
    {"delete", delete_method, METH_NOARGS, "Give the memory back now."},
    {"is_deleted", is_deleted, METH_NOARGS, "Return whether the memory was given back."},
    {"_with", as_method(with_aval), METH_FASTCALL, "Return the same memory under another aval."},
    {"from_pieces", as_method(from_pieces), METH_FASTCALL | METH_STATIC,
     "Make an array of one piece for each device."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* make_array(const AvalInfo* info, BufferRef buffer, Event* event, PyObject* sharding) {
  ArrayObject* self = new_array(info);
  if (!self) return nullptr;
  self->buffer = std::move(buffer);
  if (event) event->retain();
  self->event = event;
  self->sharding = Py_XNewRef(sharding);
  return reinterpret_cast<PyObject*>(self);
}

void raise_deleted(const ArrayObject* self) {
  PyErr_Format(
      PyExc_RuntimeError,
      "Array has been deleted or donated: dtype %S, shape %S.\nat %s\nKeep a copy of an array that "
      "is used after it was donated, or leave it out of donate_argnums.",
      self->info->dtype, self->info->shape, user_line().c_str());
}

void delete_array(ArrayObject* self) {
  self->is_deleted = true;
  Py_CLEAR(self->view);
  self->buffer.reset();
  if (Event* event = std::exchange(self->event, nullptr)) event->release();
  for (Py_ssize_t i = 0; self->pieces && i < PyTuple_GET_SIZE(self->pieces); ++i)
    delete_array(as_array(PyTuple_GET_ITEM(self->pieces, i)));
}

int ensure_ready(ArrayObject* self) {
  if (self->is_deleted) return raise_deleted(self), -1;
  for (Py_ssize_t i = 0; self->pieces && i < PyTuple_GET_SIZE(self->pieces); ++i)
    if (ensure_ready(as_array(PyTuple_GET_ITEM(self->pieces, i))) != 0) return -1;
  Event* event = self->event;
  if (!event) return 0;
  event->retain();
  int result = event->wait();
  if (result == 0 && event->has_failed()) {
    event->raise();
    result = -1;
  } else if (result == 0 && self->event == event) {
    self->event = nullptr;
    event->release();
  }
  event->release();
  // Another thread may have deleted the array while this one waited without the GIL.
  if (result == 0 && self->is_deleted) return raise_deleted(self), -1;
  return result;
}

PyObject* live_arrays() {
  PyObject* found = PyList_New(0);
  for (ArrayObject* x = ring.head.after; found && x != &ring.head; x = x->after) {
    if (x->is_deleted || PyList_Append(found, reinterpret_cast<PyObject*>(x)) == 0) continue;
    Py_CLEAR(found);
  }
  return found;
}

int init_array_type(PyObject* module) {
  static std::vector<PyMethodDef> methods;
  for (PyMethodDef* table : {array_life_methods, array_numpy_methods, array_dlpack_methods})
    for (; table->ml_name; ++table) methods.push_back(*table);
  methods.push_back({"__complex__", array_complex, METH_NOARGS, nullptr});
  methods.push_back({nullptr, nullptr, 0, nullptr});
  static PyMemberDef members[] = {
      {"__weaklistoffset__", T_PYSSIZET, offsetof(ArrayObject, weakrefs), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr},
  };
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(refuse_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
      {Py_tp_methods, methods.data()},
      {Py_tp_members, members},
      {Py_tp_getset, array_attributes},
      {Py_tp_doc, const_cast<char*>("An immutable array in the memory of one or more devices.")},
      {Py_nb_float, reinterpret_cast<void*>(array_float)},
      {Py_nb_int, reinterpret_cast<void*>(array_int)},
      {Py_nb_index, reinterpret_cast<void*>(array_index)},
      {Py_nb_bool, reinterpret_cast<void*>(array_bool)},
      {Py_bf_getbuffer, reinterpret_cast<void*>(array_get_buffer)},
      {0, nullptr},
  };
  PyType_Spec spec = {"gradax.Array", sizeof(ArrayObject), 0, Py_TPFLAGS_DEFAULT, slots};
  array_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!array_type) return -1;
  return PyModule_AddObjectRef(module, "Array", reinterpret_cast<PyObject*>(array_type));
}

}  // namespace gradax
