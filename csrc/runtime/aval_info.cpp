#include "runtime/aval_info.hpp"

#include <memory>
#include <unordered_map>

#include "runtime/object.hpp"

namespace gradax {
namespace {

// The dtype of the memory: an extended dtype is stored as unsigned integers of its item size.
PyArray_Descr* physical_descr(PyObject* dtype) {
  if (PyArray_DescrCheck(dtype)) {
    Py_INCREF(dtype);
    return reinterpret_cast<PyArray_Descr*>(dtype);
  }
  Object itemsize(PyObject_GetAttrString(dtype, "itemsize"));
  if (!itemsize) return nullptr;
  switch (PyLong_AsLongLong(itemsize.get())) {
    case 1:
      return PyArray_DescrFromType(NPY_UINT8);
    case 2:
      return PyArray_DescrFromType(NPY_UINT16);
    case 4:
      return PyArray_DescrFromType(NPY_UINT32);
    case 8:
      return PyArray_DescrFromType(NPY_UINT64);
    default:
      break;
  }
  if (!PyErr_Occurred())
    PyErr_Format(PyExc_TypeError, "aval: an extended dtype has items of 1, 2, 4 or 8 bytes, got %R",
                 dtype);
  return nullptr;
}

bool read_shape(AvalInfo& info) {
  if (!PyTuple_Check(info.shape)) {
    PyErr_Format(PyExc_TypeError, "aval: expected a tuple for the shape, got %R", info.shape);
    return false;
  }
  info.size = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(info.shape); ++i) {
    const int64_t dim = PyLong_AsLongLong(PyTuple_GET_ITEM(info.shape, i));
    if (dim == -1 && PyErr_Occurred()) return false;
    if (dim < 0 || __builtin_mul_overflow(info.size, dim, &info.size)) {
      PyErr_Format(PyExc_ValueError, "aval: sizes must be positive and address memory, got %R",
                   info.shape);
      return false;
    }
    info.dims.push_back(dim);
  }
  return true;
}

const AvalInfo* make_info(PyObject* aval) {
  Object shape(PyObject_GetAttrString(aval, "shape"));
  Object dtype(shape ? PyObject_GetAttrString(aval, "dtype") : nullptr);
  Object weak(dtype ? PyObject_GetAttrString(aval, "weak_type") : nullptr);
  if (!weak) {
    PyErr_Format(PyExc_TypeError, "expected an aval, got %s", Py_TYPE(aval)->tp_name);
    return nullptr;
  }
  auto info = std::make_unique<AvalInfo>();
  info->shape = shape.get();
  if (!read_shape(*info)) return nullptr;
  if (info->dims.size() > NPY_MAXDIMS) {
    PyErr_Format(PyExc_ValueError, "aval: at most %d dimensions, got %zd", NPY_MAXDIMS,
                 info->dims.size());
    return nullptr;
  }
  info->descr = physical_descr(dtype.get());
  if (!info->descr) return nullptr;
  info->is_extended = !PyArray_DescrCheck(dtype.get());
  info->itemsize = PyDataType_ELSIZE(info->descr);
  info->type_num = info->descr->type_num;
  if (PyDataType_REFCHK(info->descr) ||
      __builtin_mul_overflow(info->size, info->itemsize, &info->nbytes)) {
    PyErr_Format(PyExc_ValueError, "aval: no memory layout for %R", aval);
    Py_DECREF(info->descr);
    return nullptr;
  }
  Py_INCREF(aval);
  info->aval = aval;
  info->shape = shape.release();
  info->dtype = dtype.release();
  info->weak_type = weak.release();
  return info.release();
}

}  // namespace

const AvalInfo* aval_info(PyObject* aval) {
  static auto* infos = new std::unordered_map<PyObject*, const AvalInfo*>;
  const auto found = infos->find(aval);
  if (found != infos->end()) return found->second;
  const AvalInfo* info = make_info(aval);
  if (info) infos->emplace(aval, info);
  return info;
}

}  // namespace gradax
