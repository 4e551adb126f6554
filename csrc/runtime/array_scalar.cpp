// Python scalars from arrays, by NumPy's rules.
#include "runtime/array.hpp"
#include "runtime/object.hpp"

namespace gradax {
namespace {

bool check_scalar(ArrayObject* self, const char* function) {
  if (ensure_ready(self) != 0) return false;
  if (self->info->ndim() == 0 && !self->info->is_extended) return true;
  PyErr_Format(PyExc_TypeError,
               "%s(): only 0-dimensional arrays can be converted to Python scalars, got shape %R "
               "and dtype %S",
               function, self->info->shape, self->info->dtype);
  return false;
}

// Any dtype: through the ndarray.
PyObject* item(ArrayObject* self) {
  Object view(array_view(self));
  return view ? PyObject_CallMethod(view.get(), "item", nullptr) : nullptr;
}

const void* memory(const ArrayObject* self) { return self->pieces ? nullptr : self->buffer.data(); }

template <class T>
T load(const void* memory) {
  return *static_cast<const T*>(memory);
}

PyObject* load_integer(const void* memory, int type_num) {
  switch (type_num) {
    case NPY_BOOL:
      return PyLong_FromLong(load<npy_bool>(memory) != 0);
    case NPY_INT8:
      return PyLong_FromLong(load<npy_int8>(memory));
    case NPY_INT16:
      return PyLong_FromLong(load<npy_int16>(memory));
    case NPY_INT32:
      return PyLong_FromLong(load<npy_int32>(memory));
    case NPY_INT64:
      return PyLong_FromLongLong(load<npy_int64>(memory));
    case NPY_UINT8:
      return PyLong_FromLong(load<npy_uint8>(memory));
    case NPY_UINT16:
      return PyLong_FromLong(load<npy_uint16>(memory));
    case NPY_UINT32:
      return PyLong_FromUnsignedLong(load<npy_uint32>(memory));
    case NPY_UINT64:
      return PyLong_FromUnsignedLongLong(load<npy_uint64>(memory));
    default:
      return nullptr;
  }
}

}  // namespace

PyObject* array_float(PyObject* object) {
  ArrayObject* self = as_array(object);
  if (!check_scalar(self, "float")) return nullptr;
  if (const void* from = memory(self)) {
    if (self->info->type_num == NPY_FLOAT32) return PyFloat_FromDouble(load<float>(from));
    if (self->info->type_num == NPY_FLOAT64) return PyFloat_FromDouble(load<double>(from));
  }
  Object value(item(self));
  return value ? PyNumber_Float(value.get()) : nullptr;
}

PyObject* array_int(PyObject* object) {
  ArrayObject* self = as_array(object);
  if (!check_scalar(self, "int")) return nullptr;
  if (const void* from = memory(self))
    if (PyObject* value = load_integer(from, self->info->type_num)) return value;
  if (PyErr_Occurred()) return nullptr;
  Object value(item(self));
  return value ? PyNumber_Long(value.get()) : nullptr;
}

PyObject* array_index(PyObject* object) {
  ArrayObject* self = as_array(object);
  const bool is_integer = !self->info->is_extended &&
                          (PyTypeNum_ISINTEGER(self->info->type_num) ||
                           self->info->descr->kind == 'i' || self->info->descr->kind == 'u');
  if (!is_integer || self->info->ndim() != 0) {
    PyErr_Format(PyExc_TypeError,
                 "only integer scalar arrays can be converted to a scalar index, got shape %R and "
                 "dtype %S",
                 self->info->shape, self->info->dtype);
    return nullptr;
  }
  return array_int(object);
}

PyObject* array_complex(PyObject* object, PyObject*) {
  ArrayObject* self = as_array(object);
  if (!check_scalar(self, "complex")) return nullptr;
  Object value(item(self));
  if (!value || PyComplex_Check(value.get())) return value.release();
  Object real(PyNumber_Float(value.get()));
  return real ? PyComplex_FromDoubles(PyFloat_AS_DOUBLE(real.get()), 0.0) : nullptr;
}

int array_bool(PyObject* object) {
  ArrayObject* self = as_array(object);
  if (ensure_ready(self) != 0) return -1;
  if (self->info->size != 1) {
    PyErr_Format(PyExc_ValueError,
                 "the truth value of an array of shape %R is ambiguous; use a.any() or a.all()",
                 self->info->shape);
    return -1;
  }
  if (self->info->is_extended) {
    PyErr_Format(PyExc_TypeError, "an array of dtype %S has no truth value", self->info->dtype);
    return -1;
  }
  const void* from = memory(self);
  if (from && self->info->type_num == NPY_BOOL) return load<npy_bool>(from) != 0;
  Object value(item(self));
  return value ? PyObject_IsTrue(value.get()) : -1;
}

}  // namespace gradax
