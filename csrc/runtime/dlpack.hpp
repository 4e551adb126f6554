// Arrays from DLPack capsules.
#pragma once

#include <Python.h>

#include "runtime/aval_info.hpp"

namespace gradax {

// Returns (shape, type code, bits, device type, is dense) of a capsule.
PyObject* describe_dlpack(PyObject* capsule);

// Makes an array of `info` that takes the capsule's memory over; copies unaligned memory.
PyObject* array_from_dlpack(PyObject* capsule, const AvalInfo* info);

}  // namespace gradax
