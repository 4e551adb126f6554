// The attributes of Array that Python reads.
#include "runtime/array.hpp"
#include "runtime/hooks.hpp"
#include "runtime/object.hpp"

namespace gradax {
namespace {

PyObject* get_aval(PyObject* self, void*) { return Py_NewRef(as_array(self)->info->aval); }
PyObject* get_shape(PyObject* self, void*) { return Py_NewRef(as_array(self)->info->shape); }
PyObject* get_dtype(PyObject* self, void*) { return Py_NewRef(as_array(self)->info->dtype); }
PyObject* get_weak_type(PyObject* self, void*) {
  return Py_NewRef(as_array(self)->info->weak_type);
}
PyObject* get_ndim(PyObject* self, void*) { return PyLong_FromLong(as_array(self)->info->ndim()); }
PyObject* get_size(PyObject* self, void*) {
  return PyLong_FromLongLong(as_array(self)->info->size);
}
PyObject* get_nbytes(PyObject* self, void*) {
  return PyLong_FromLongLong(as_array(self)->info->nbytes);
}
PyObject* get_itemsize(PyObject* self, void*) {
  return PyLong_FromLongLong(as_array(self)->info->itemsize);
}

PyObject* get_sharding(PyObject* self, void*) {
  if (PyObject* sharding = as_array(self)->sharding) return Py_NewRef(sharding);
  PyObject* hook = get_hook(Hook::Sharding);
  return hook ? PyObject_CallOneArg(hook, self) : nullptr;
}

// None for the default device, without asking Python for its sharding.
PyObject* get_own_sharding(PyObject* self, void*) {
  PyObject* sharding = as_array(self)->sharding;
  return Py_NewRef(sharding ? sharding : Py_None);
}

PyObject* get_pieces(PyObject* self, void*) {
  if (as_array(self)->is_deleted) return raise_deleted(as_array(self)), nullptr;
  PyObject* pieces = as_array(self)->pieces;
  return pieces ? Py_NewRef(pieces) : PyTuple_Pack(1, self);
}

PyObject* get_device_bytes(PyObject* self, void*) {
  const ArrayObject* array = as_array(self);
  int64_t n_bytes = array->pieces ? 0 : array->info->nbytes;
  for (Py_ssize_t i = 0; array->pieces && i < PyTuple_GET_SIZE(array->pieces); ++i)
    n_bytes += as_array(PyTuple_GET_ITEM(array->pieces, i))->info->nbytes;
  return PyLong_FromLongLong(n_bytes);
}

PyObject* get_pointer(PyObject* object, void*) {
  ArrayObject* self = as_array(object);
  if (ensure_ready(self) != 0) return nullptr;
  if (!self->buffer) {
    PyErr_SetString(PyExc_ValueError, "Array: an array of several pieces has no single address");
    return nullptr;
  }
  return PyLong_FromVoidPtr(self->buffer.data());
}

}  // namespace

PyGetSetDef array_attributes[] = {
    {"aval", get_aval, nullptr, "The abstract value: shape, dtype and weak type.", nullptr},
    {"shape", get_shape, nullptr, "The sizes of the axes.", nullptr},
    {"dtype", get_dtype, nullptr, "The dtype of the elements.", nullptr},
    {"weak_type", get_weak_type, nullptr, "Whether the dtype yields in promotion.", nullptr},
    {"ndim", get_ndim, nullptr, "The number of axes.", nullptr},
    {"size", get_size, nullptr, "The number of elements.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"sharding", get_sharding, nullptr, "How the array lies on devices.", nullptr},
    {"_sharding", get_own_sharding, nullptr, "The sharding, None for the default device.", nullptr},
    {"_pieces", get_pieces, nullptr, "One single-device array for each device.", nullptr},
    {"on_device_size_in_bytes", get_device_bytes, nullptr, "Bytes on all devices.", nullptr},
    {"_pointer", get_pointer, nullptr, "The address of the memory, once written.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace gradax
