// Which types are nodes of a pytree, and how each is taken apart and put together.
#pragma once

#include <Python.h>

#include <cstdint>

namespace gradax::tree {

enum class Kind : uint8_t {
  Leaf,
  None,
  Tuple,
  List,
  Dict,
  NamedTuple,
  OrderedDict,
  DefaultDict,
  Custom,
  Dataclass,
};

// Made once and never freed, so that its address names it. All namedtuples share one.
struct NodeType {
  Kind kind;
  PyTypeObject* type = nullptr;
  PyObject* flatten = nullptr;            // Custom: node -> (children, aux)
  PyObject* unflatten = nullptr;          // Custom: aux, children -> node
  PyObject* flatten_with_keys = nullptr;  // Custom: node -> ((key, child)..., aux), or null
  PyObject* data_fields = nullptr;        // Dataclass: a tuple of str
  PyObject* meta_fields = nullptr;        // Dataclass: a tuple of str
  PyObject* all_fields = nullptr;         // Dataclass: data_fields + meta_fields
};

// Registers the builtin containers. False with an error set on failure.
bool init_registry();

// The entry of exactly this type, or nullptr.
const NodeType* find_type(PyTypeObject* type);

const NodeType* namedtuple_type();
bool is_namedtuple(PyTypeObject* type);

// Both raise a TreeError when the type is a node already.
bool register_custom(PyTypeObject* type, PyObject* flatten, PyObject* unflatten,
                     PyObject* flatten_with_keys);
bool register_dataclass(PyTypeObject* type, PyObject* data_fields, PyObject* meta_fields);

// The node type of an object, or nullptr for a leaf.
inline const NodeType* node_type(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (const NodeType* found = find_type(type)) return found;
  if (PyTuple_Check(object) && is_namedtuple(type)) return namedtuple_type();
  return nullptr;
}

// What the Python side supplies: its error class, and the function that explains a mismatch.
struct Hooks {
  PyObject* error = nullptr;    // a subclass of ValueError
  PyObject* explain = nullptr;  // (treedef, tree, operation, which) -> the exception to raise
};
Hooks& hooks();
inline PyObject* tree_error() { return hooks().error ? hooks().error : PyExc_ValueError; }

}  // namespace gradax::tree
