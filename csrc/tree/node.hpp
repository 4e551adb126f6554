// One node of a pytree: taken apart, put together, and given the keys of its children.
#pragma once

#include "tree/registry.hpp"
#include "tree/tree.hpp"

namespace gradax::tree {

// A snapshot: whatever Python code does to the node afterwards does not reach it.
struct Opened {
  RefVector<12> children;
  // Dict, OrderedDict: the keys. DefaultDict: the factory, then the keys. NamedTuple: the type.
  // Custom: the auxiliary data. Dataclass: the values of the meta fields. Otherwise nothing.
  RefVector<12> data;
};

bool open_node(PyObject* node, const NodeType& type, Opened& out);

// The same, and one path entry for each child.
bool open_node_with_keys(PyObject* node, const NodeType& type, Opened& out, RefVector<12>& keys);

// Builds a node from borrowed children; `data` is a tuple as `Opened` has it, or null if empty.
PyObject* close_node(const NodeType& type, PyObject* data, PyObject* const* children, size_t n);

// Levels of nesting: Python's own limit, and one of ours, because a user may raise Python's beyond
// what the C stack holds.
class Depth {
 public:
  bool enter();
  void leave() {
    --levels_;
    Py_LeaveRecursiveCall();
  }

 private:
  static constexpr int max_levels = 8000;
  int levels_ = 0;
};

}  // namespace gradax::tree
