// What C++ knows of an aval. Avals are interned and live for ever, so infos are too: an info's
// address stands for its aval in every cache key.
#pragma once

#include <Python.h>

#include <cstdint>
#include <vector>

#include "numpy_api.hpp"

namespace gradax {

struct AvalInfo {
  PyObject* aval;
  PyObject* shape;       // tuple
  PyObject* dtype;       // as the aval states it
  PyObject* weak_type;   // bool
  PyArray_Descr* descr;  // how NumPy sees the memory; keys are seen as unsigned integers
  int64_t size;
  int64_t itemsize;
  int64_t nbytes;
  std::vector<npy_intp> dims;
  int type_num;      // NumPy's, of `descr`
  bool is_extended;  // the dtype is not NumPy's own
  int ndim() const { return static_cast<int>(dims.size()); }
};

// Returns the info of an aval; null with a Python error set if it is not one.
const AvalInfo* aval_info(PyObject* aval);

}  // namespace gradax
