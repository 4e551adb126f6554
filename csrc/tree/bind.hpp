// What the bindings of the tree code share.
#pragma once

#include <nanobind/nanobind.h>

#include "tree/treedef.hpp"

namespace gradax::tree {

// The data of a node as users see it, from the tuple that `Opened` describes (or null).
nanobind::object readable_data(const NodeType& type, nanobind::handle data);

// A new reference, or the Python error as an exception.
inline nanobind::object checked(PyObject* result) {
  if (!result) throw nanobind::python_error();
  return nanobind::steal(result);
}
inline void check(bool ok) {
  if (!ok) throw nanobind::python_error();
}

// A list that takes over the references.
nanobind::object to_list(LeafVector& items);

void bind_treedef(nanobind::module_& m);

}  // namespace gradax::tree
