// Putting nodes together, and with them whole trees.
#include <nanobind/nanobind.h>

#include "tree/node.hpp"
#include "tree/treedef.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

// Fills a dict with the keys from position `first` of the data; `set` as PyObject_SetItem.
PyObject* fill_dict(PyObject* dict, PyObject* data, Py_ssize_t first, PyObject* const* children,
                    size_t n, int (*set)(PyObject*, PyObject*, PyObject*)) {
  nb::object result = nb::steal(dict);
  if (!dict) return nullptr;
  for (size_t i = 0; i < n; ++i) {
    PyObject* key = PyTuple_GET_ITEM(data, first + Py_ssize_t(i));
    if (set(dict, key, children[i]) != 0) return nullptr;
  }
  return result.release().ptr();
}

PyObject* close_tuple(PyObject* const* children, size_t n) {
  PyObject* tuple = PyTuple_New(Py_ssize_t(n));
  if (!tuple) return nullptr;
  for (size_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple, Py_ssize_t(i), Py_NewRef(children[i]));
  return tuple;
}

PyObject* close_list(PyObject* const* children, size_t n) {
  PyObject* list = PyList_New(Py_ssize_t(n));
  if (!list) return nullptr;
  for (size_t i = 0; i < n; ++i) PyList_SET_ITEM(list, Py_ssize_t(i), Py_NewRef(children[i]));
  return list;
}

PyObject* close_custom(const NodeType& type, PyObject* data, PyObject* const* children, size_t n) {
  nb::object items = nb::steal(close_tuple(children, n));
  if (!items.is_valid()) return nullptr;
  PyObject* args[] = {PyTuple_GET_ITEM(data, 0), items.ptr()};
  return PyObject_Vectorcall(type.unflatten, args, 2, nullptr);
}

PyObject* close_dataclass(const NodeType& type, PyObject* data, PyObject* const* children,
                          size_t n) {
  SmallVector<PyObject*, 16> args;
  for (size_t i = 0; i < n; ++i) args.push(children[i]);
  for (Py_ssize_t i = 0; data && i < PyTuple_GET_SIZE(data); ++i)
    args.push(PyTuple_GET_ITEM(data, i));
  auto* cls = reinterpret_cast<PyObject*>(type.type);
  return PyObject_Vectorcall(cls, args.data(), 0, type.all_fields);
}

bool raise_n_leaves(size_t expected, size_t got) {
  const char* mend = "Pass as many leaves as `flatten` gave; a value of None is not a leaf.";
  PyErr_Format(tree_error(),
               "unflatten: too %s leaves for the PyTreeDef; expected %zu, got %zu. %s",
               got < expected ? "few" : "many", expected, got, mend);
  return false;
}

}  // namespace

PyObject* close_node(const NodeType& type, PyObject* data, PyObject* const* children, size_t n) {
  switch (type.kind) {
    case Kind::Leaf:
    case Kind::None:
      return Py_NewRef(Py_None);
    case Kind::Tuple:
      return close_tuple(children, n);
    case Kind::List:
      return close_list(children, n);
    case Kind::NamedTuple:
      return PyObject_Vectorcall(PyTuple_GET_ITEM(data, 0), children, n, nullptr);
    case Kind::Dict:
      return fill_dict(PyDict_New(), data, 0, children, n, PyDict_SetItem);
    case Kind::OrderedDict: {
      auto* cls = reinterpret_cast<PyObject*>(type.type);
      return fill_dict(PyObject_CallNoArgs(cls), data, 0, children, n, PyObject_SetItem);
    }
    case Kind::DefaultDict: {
      auto* cls = reinterpret_cast<PyObject*>(type.type);
      PyObject* dict = PyObject_CallOneArg(cls, PyTuple_GET_ITEM(data, 0));
      return fill_dict(dict, data, 1, children, n, PyDict_SetItem);
    }
    case Kind::Custom:
      return close_custom(type, data, children, n);
    case Kind::Dataclass:
      return close_dataclass(type, data, children, n);
  }
  return nullptr;
}

// Without recursion: a finished value may complete its parent, which may complete its own.
PyObject* unflatten(const TreeDef& treedef, PyObject* const* leaves, size_t n) {
  struct Pending {
    const Node* node;
    uint32_t missing;
  };
  if (n != treedef.n_leaves() && !raise_n_leaves(treedef.n_leaves(), n)) return nullptr;
  RefVector<32> values;
  SmallVector<Pending, 16> pending;
  for (const Node& node : treedef.nodes()) {
    if (node.arity != 0) {
      pending.push({&node, node.arity});
      continue;
    }
    PyObject* value =
        node.type ? close_node(*node.type, node.data, nullptr, 0) : Py_NewRef(*leaves++);
    if (!value) return nullptr;
    values.push_owned(value);
    while (!pending.empty() && --pending.back().missing == 0) {
      const Node& parent = *pending.pop().node;
      size_t first = values.size() - parent.arity;
      value = close_node(*parent.type, parent.data, values.data() + first, parent.arity);
      if (!value) return nullptr;
      values.truncate(first);
      values.push_owned(value);
    }
  }
  return Py_NewRef(values[0]);
}

}  // namespace gradax::tree
