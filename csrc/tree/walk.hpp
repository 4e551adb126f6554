// The one walk over a pytree. What it finds goes to a sink:
//   bool leaf(PyObject*); bool open(const NodeType&, Opened&); void close();
// and, if `Sink::has_paths`, the sink's `path` holds the keys that lead to the current object.
#pragma once

#include "tree/node.hpp"

namespace gradax::tree {

template <class Sink>
class Walk {
 public:
  // `is_leaf`: null or a callable, of the object or, if `takes_path`, of its path and it.
  Walk(Sink& sink, PyObject* is_leaf, bool takes_path = false)
      : sink_(sink), is_leaf_(is_leaf), takes_path_(takes_path) {}

  // The caller holds a reference to `object`.
  bool visit(PyObject* object) {
    if (is_leaf_) {
      int answer = ask_is_leaf(object);
      if (answer != 0) return answer > 0 && sink_.leaf(object);
    }
    const NodeType* type = node_type(object);
    if (!type) return sink_.leaf(object);
    if (!depth_.enter()) return false;
    bool ok = visit_node(object, *type);
    depth_.leave();
    return ok;
  }

 private:
  bool visit_node(PyObject* object, const NodeType& type) {
    Opened opened;
    if constexpr (Sink::has_paths) {
      RefVector<12> keys;
      if (!open_node_with_keys(object, type, opened, keys)) return false;
      if (!sink_.open(type, opened)) return false;
      for (size_t i = 0; i < opened.children.size(); ++i) {
        sink_.path.push(keys[i]);
        if (!visit(opened.children[i])) return false;
        sink_.path.truncate(sink_.path.size() - 1);
      }
    } else {
      if (!open_node(object, type, opened) || !sink_.open(type, opened)) return false;
      for (PyObject* child : opened.children)
        if (!visit(child)) return false;
    }
    sink_.close();
    return true;
  }

  // 1, 0, or -1 with an error set.
  int ask_is_leaf(PyObject* object) {
    PyObject* answer = nullptr;
    if constexpr (Sink::has_paths) {
      if (takes_path_) {
        PyObject* path = sink_.path_tuple();
        if (!path) return -1;
        PyObject* args[] = {path, object};
        answer = PyObject_Vectorcall(is_leaf_, args, 2, nullptr);
        Py_DECREF(path);
      }
    }
    if (!takes_path_) answer = PyObject_CallOneArg(is_leaf_, object);
    if (!answer) return -1;
    int result = answer == Py_True ? 1 : answer == Py_False ? 0 : -1;
    if (result < 0)
      PyErr_Format(tree_error(),
                   "is_leaf: the predicate must return a bool; got %R. Wrap it in bool().", answer);
    Py_DECREF(answer);
    return result;
  }

  Sink& sink_;
  PyObject* is_leaf_;
  bool takes_path_;
  Depth depth_;
};

}  // namespace gradax::tree
