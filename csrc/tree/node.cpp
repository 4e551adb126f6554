#include "tree/node.hpp"

#include <nanobind/nanobind.h>

#include <algorithm>

#include "tree/keys.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

struct Entry {
  PyObject* key;
  PyObject* value;
};

bool key_less(const Entry& x, const Entry& y) {
  if (PyUnicode_IS_COMPACT_ASCII(x.key) && PyUnicode_IS_COMPACT_ASCII(y.key)) {
    size_t n = PyUnicode_GET_LENGTH(x.key), m = PyUnicode_GET_LENGTH(y.key);
    int order =
        std::memcmp(PyUnicode_1BYTE_DATA(x.key), PyUnicode_1BYTE_DATA(y.key), std::min(n, m));
    return order != 0 ? order < 0 : n < m;
  }
  return PyUnicode_Compare(x.key, y.key) < 0;
}

void sort_entries(SmallVector<Entry, 16>& entries) {
  if (std::is_sorted(entries.begin(), entries.end(), key_less)) return;
  std::sort(entries.begin(), entries.end(), key_less);
}

bool raise_unsortable(PyObject* keys) {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return false;
  nb::python_error cause;
  PyObject* reason = cause.value().ptr();
  PyErr_Format(tree_error(),
               "flattening a dict: its keys must be sortable, because sorted keys give the order "
               "of the leaves; got the keys %R, whose comparison raised %s: %S. Use keys of one "
               "type, or an OrderedDict, which keeps its own order.",
               keys, Py_TYPE(reason)->tp_name, reason);
  nb::python_error error;
  PyException_SetCause(error.value().ptr(), Py_NewRef(reason));
  error.restore();
  return false;
}

// Takes the values of `keys`, a list of our own.
bool take_values(PyObject* dict, PyObject* keys, Opened& out) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys); ++i) {
    PyObject* key = PyList_GET_ITEM(keys, i);
    PyObject* value = PyDict_GetItemWithError(dict, key);
    if (!value) {
      if (!PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError,
                        "flattening a dict: it changed while its keys were being sorted");
      return false;
    }
    out.children.push(value);
    out.data.push(key);
  }
  return true;
}

bool open_dict_by_sorting(PyObject* dict, Opened& out) {
  nb::object keys = nb::steal(PyDict_Keys(dict));
  if (!keys.is_valid()) return false;
  nb::object sorted = nb::steal(PySequence_List(keys.ptr()));
  if (!sorted.is_valid()) return false;
  if (PyList_Sort(sorted.ptr()) != 0) return raise_unsortable(keys.ptr());
  return take_values(dict, sorted.ptr(), out);
}

bool open_dict(PyObject* dict, Opened& out) {
  SmallVector<Entry, 16> entries;  // borrowed: no Python code runs while it is in use
  PyObject *key, *value;
  bool all_strings = true;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value);) {
    all_strings = all_strings && PyUnicode_CheckExact(key);
    entries.push({key, value});
  }
  if (!all_strings && entries.size() > 1) return open_dict_by_sorting(dict, out);
  sort_entries(entries);
  for (const Entry& entry : entries) {
    out.data.push(entry.key);
    out.children.push(entry.value);
  }
  return true;
}

// PyDict_Next does not know the order of an OrderedDict.
bool open_ordered_dict(PyObject* dict, Opened& out) {
  nb::object keys = nb::steal(PySequence_List(dict));
  return keys.is_valid() && take_values(dict, keys.ptr(), out);
}

bool open_default_dict(PyObject* dict, Opened& out) {
  PyObject* factory = PyObject_GetAttrString(dict, "default_factory");
  if (!factory) return false;
  out.data.push_owned(factory);
  return open_dict(dict, out);
}

bool raise_bad_flatten(const NodeType& type, const char* expected, PyObject* got) {
  PyErr_Format(tree_error(),
               "flattening %R: its flatten function must return %s; got %R. Mend the function "
               "that was registered for the class.",
               type.type, expected, got);
  return false;
}

// Calls a flatten function: the children as a tuple, and the auxiliary data into `out`.
nb::object call_flatten(PyObject* node, const NodeType& type, PyObject* flatten, Opened& out) {
  nb::object result = nb::steal(PyObject_CallOneArg(flatten, node));
  if (!result.is_valid()) return {};
  if (!PyTuple_Check(result.ptr()) || PyTuple_GET_SIZE(result.ptr()) != 2) {
    raise_bad_flatten(type, "a tuple (children, aux_data)", result.ptr());
    return {};
  }
  PyObject* children = PyTuple_GET_ITEM(result.ptr(), 0);
  nb::object iterator = nb::steal(PyObject_GetIter(children));
  if (!iterator.is_valid()) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return {};
    PyErr_Clear();
    raise_bad_flatten(type, "a tuple (children, aux_data) with iterable children", result.ptr());
    return {};
  }
  out.data.push(PyTuple_GET_ITEM(result.ptr(), 1));
  return nb::steal(PySequence_Tuple(iterator.ptr()));
}

bool open_custom(PyObject* node, const NodeType& type, Opened& out) {
  nb::object children = call_flatten(node, type, type.flatten, out);
  if (!children.is_valid()) return false;
  Py_ssize_t n = PyTuple_GET_SIZE(children.ptr());
  out.children.reserve(n);
  for (Py_ssize_t i = 0; i < n; ++i) out.children.push(PyTuple_GET_ITEM(children.ptr(), i));
  return true;
}

bool open_custom_with_keys(PyObject* node, const NodeType& type, Opened& out, RefVector<12>& keys) {
  nb::object pairs = call_flatten(node, type, type.flatten_with_keys, out);
  if (!pairs.is_valid()) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs.ptr()); ++i) {
    PyObject* pair = PyTuple_GET_ITEM(pairs.ptr(), i);
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
      return raise_bad_flatten(type, "((key, child), ...) as the children", pair);
    keys.push(PyTuple_GET_ITEM(pair, 0));
    out.children.push(PyTuple_GET_ITEM(pair, 1));
  }
  return true;
}

template <class Values>
bool take_fields(PyObject* node, PyObject* fields, Values& values) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); ++i) {
    PyObject* value = PyObject_GetAttr(node, PyTuple_GET_ITEM(fields, i));
    if (!value) return false;
    values.push_owned(value);
  }
  return true;
}

PyObject* make_field_key(PyObject* node, size_t i) {
  nb::object fields = nb::steal(PyObject_GetAttrString(node, "_fields"));
  if (!fields.is_valid()) return nullptr;
  nb::object name = nb::steal(PySequence_GetItem(fields.ptr(), Py_ssize_t(i)));
  if (name.is_valid()) return make_attribute_key(name.ptr());
  PyErr_Clear();
  return make_sequence_key(i);
}

PyObject* make_key_of_child(PyObject* node, const NodeType& type, const Opened& opened, size_t i) {
  switch (type.kind) {
    case Kind::Tuple:
    case Kind::List:
      return make_sequence_key(i);
    case Kind::Dict:
    case Kind::OrderedDict:
      return make_dict_key(opened.data[i]);
    case Kind::DefaultDict:
      return make_dict_key(opened.data[i + 1]);
    case Kind::Dataclass:
      return make_attribute_key(PyTuple_GET_ITEM(type.data_fields, i));
    case Kind::NamedTuple:
      return make_field_key(node, i);
    default:
      return make_flat_index_key(i);
  }
}

}  // namespace

bool Depth::enter() {
  if (Py_EnterRecursiveCall(" while walking a pytree")) return false;
  if (++levels_ <= max_levels) return true;
  leave();
  PyErr_Format(PyExc_RecursionError,
               "walking a pytree: it is nested more than %d levels deep; a container may hold "
               "itself",
               max_levels);
  return false;
}

bool open_node(PyObject* node, const NodeType& type, Opened& out) {
  switch (type.kind) {
    case Kind::Leaf:
    case Kind::None:
      return true;
    case Kind::NamedTuple:
      out.data.push(reinterpret_cast<PyObject*>(Py_TYPE(node)));
      [[fallthrough]];
    case Kind::Tuple: {
      Py_ssize_t n = PyTuple_GET_SIZE(node);
      out.children.reserve(n);
      for (Py_ssize_t i = 0; i < n; ++i) out.children.push(PyTuple_GET_ITEM(node, i));
      return true;
    }
    case Kind::List: {
      Py_ssize_t n = PyList_GET_SIZE(node);
      out.children.reserve(n);
      for (Py_ssize_t i = 0; i < n; ++i) out.children.push(PyList_GET_ITEM(node, i));
      return true;
    }
    case Kind::Dict:
      return open_dict(node, out);
    case Kind::OrderedDict:
      return open_ordered_dict(node, out);
    case Kind::DefaultDict:
      return open_default_dict(node, out);
    case Kind::Custom:
      return open_custom(node, type, out);
    case Kind::Dataclass:
      return take_fields(node, type.data_fields, out.children) &&
             take_fields(node, type.meta_fields, out.data);
  }
  return true;
}

bool open_node_with_keys(PyObject* node, const NodeType& type, Opened& out, RefVector<12>& keys) {
  if (type.kind == Kind::Custom && type.flatten_with_keys)
    return open_custom_with_keys(node, type, out, keys);
  if (!open_node(node, type, out)) return false;
  for (size_t i = 0; i < out.children.size(); ++i) {
    PyObject* key = make_key_of_child(node, type, out, i);
    if (!key) return false;
    keys.push_owned(key);
  }
  return true;
}

}  // namespace gradax::tree
