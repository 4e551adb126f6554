// Operators of small arrays.
#pragma once

#include <Python.h>

namespace gradax {

// Creates the type and adds it to the module; -1 on failure.
int init_operator_type(PyObject* module);

}  // namespace gradax
