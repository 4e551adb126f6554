// NumPy's C API, shared by every source file; module.cpp loads the table.
#pragma once

#include <Python.h>

#define PY_ARRAY_UNIQUE_SYMBOL gradax_numpy_api
#ifndef GRADAX_LOADS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
