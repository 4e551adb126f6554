// Arrays of the leaves that users pass: Python scalars here, all else by the registered function.
#include <cstring>

#include "jit/jit_function.hpp"
#include "runtime/hooks.hpp"

namespace gradax {
namespace {

union Scalar {
  npy_bool b;
  npy_int32 i32;
  npy_int64 i64;
  float f32[2];
  double f64[2];
};

bool out_of_bounds(PyObject* number, const AvalInfo* info) {
  PyErr_Format(PyExc_OverflowError, "Python integer %R out of bounds for %S", number, info->dtype);
  return false;
}

bool store_integer(PyObject* number, const AvalInfo* info, Scalar& out) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (value == -1 && PyErr_Occurred()) return false;
  if (overflow != 0) return out_of_bounds(number, info);
  out.i64 = value;
  if (info->type_num == NPY_INT64) return true;
  if (value < INT32_MIN || value > INT32_MAX) return out_of_bounds(number, info);
  out.i32 = static_cast<npy_int32>(value);
  return true;
}

void store_float(double real, double imaginary, const AvalInfo* info, Scalar& out) {
  if (info->itemsize == 4 || info->type_num == NPY_CFLOAT) {
    out.f32[0] = static_cast<float>(real);
    out.f32[1] = static_cast<float>(imaginary);
  } else {
    out.f64[0] = real;
    out.f64[1] = imaginary;
  }
}

// The usual scalar dtypes are stored here; any other goes through the registered function.
bool is_usual(const AvalInfo* info) {
  switch (info->type_num) {
    case NPY_BOOL:
    case NPY_INT32:
    case NPY_INT64:
    case NPY_FLOAT32:
    case NPY_FLOAT64:
    case NPY_CFLOAT:
    case NPY_CDOUBLE:
      return true;
    default:
      return false;
  }
}

const AvalInfo* scalar_aval(PyObject* leaf, const Config* config) {
  if (PyFloat_CheckExact(leaf)) return config->float_aval;
  if (PyLong_CheckExact(leaf)) return config->int_aval;
  if (PyBool_Check(leaf)) return config->bool_aval;
  if (PyComplex_CheckExact(leaf)) return config->complex_aval;
  return nullptr;
}

PyObject* array_of_scalar(PyObject* leaf, const AvalInfo* info) {
  Scalar value;
  if (PyFloat_CheckExact(leaf)) {
    store_float(PyFloat_AS_DOUBLE(leaf), 0.0, info, value);
  } else if (PyBool_Check(leaf)) {
    value.b = leaf == Py_True;
  } else if (PyLong_CheckExact(leaf)) {
    if (!store_integer(leaf, info, value)) return nullptr;
  } else {
    const Py_complex number = PyComplex_AsCComplex(leaf);
    store_float(number.real, number.imag, info, value);
  }
  BufferRef buffer = BufferRef::take(allocate(info->nbytes));
  if (!buffer) return PyErr_NoMemory();
  std::memcpy(buffer.data(), &value, info->nbytes);
  return make_array(info, std::move(buffer));
}

}  // namespace

PyObject* array_of_leaf(PyObject* leaf, const Config* config) {
  const AvalInfo* info = scalar_aval(leaf, config);
  if (info && is_usual(info)) return array_of_scalar(leaf, info);
  PyObject* hook = get_hook(Hook::ToArray);
  Object array(hook ? PyObject_CallOneArg(hook, leaf) : nullptr);
  if (!array || is_array(array.get())) return array.release();
  if (array.get() != Py_NotImplemented)
    PyErr_Format(PyExc_TypeError, "the to_array hook returned %s, not a gradax.Array",
                 Py_TYPE(array.get())->tp_name);
  return nullptr;
}

}  // namespace gradax
