// One tree against the structure of another, and mapping over several.
#include <nanobind/nanobind.h>

#include "tree/treedef.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

class Matcher {
 public:
  Matcher(const TreeDef& treedef, LeafVector& subtrees)
      : next_(treedef.nodes().data()), subtrees_(subtrees) {}

  int visit(PyObject* object) {
    const Node& node = *next_++;
    if (!node.type) {
      subtrees_.push(object);
      return 1;
    }
    if (node_type(object) != node.type) return 0;
    if (!depth_.enter()) return -1;
    int answer = visit_children(node, object);
    depth_.leave();
    return answer;
  }

 private:
  int visit_children(const Node& node, PyObject* object) {
    Opened opened;
    if (!open_node(object, *node.type, opened)) return -1;
    if (opened.children.size() != node.arity) return 0;
    int answer = compare_data(node, opened);
    for (size_t i = 0; answer == 1 && i < opened.children.size(); ++i)
      answer = visit(opened.children[i]);
    return answer;
  }

  static int compare_data(const Node& node, const Opened& opened) {
    size_t n = node.data ? size_t(PyTuple_GET_SIZE(node.data)) : 0;
    if (opened.data.size() != n) return 0;
    for (size_t i = 0; i < n; ++i) {
      PyObject* expected = PyTuple_GET_ITEM(node.data, Py_ssize_t(i));
      int equal = PyObject_RichCompareBool(expected, opened.data[i], Py_EQ);
      if (equal != 1) return equal;
    }
    return 1;
  }

  const Node* next_;
  LeafVector& subtrees_;
  Depth depth_;
};

}  // namespace

int flatten_up_to(const TreeDef& treedef, PyObject* tree, LeafVector& subtrees) {
  return Matcher(treedef, subtrees).visit(tree);
}

void raise_mismatch(const TreeDef& treedef, PyObject* tree, const char* operation, size_t which) {
  if (!hooks().explain) {
    PyErr_Format(tree_error(), "%s: the structures of two pytrees differ", operation);
    return;
  }
  TreeDefPtr shared = share(treedef.subtree(0));
  nb::object error = nb::steal(
      PyObject_CallFunction(hooks().explain, "OOsn", shared.object(), tree, operation, which));
  if (!error.is_valid()) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

PyObject* map(PyObject* f, PyObject* tree, PyObject* rest, PyObject* is_leaf) {
  LeafVector leaves;  // those of the first tree, then those of the second, and so on
  TreeDef treedef;
  if (!flatten_to(tree, leaves, is_leaf, treedef)) return nullptr;
  size_t n = leaves.size(), n_trees = 1 + size_t(PyTuple_GET_SIZE(rest));
  for (size_t i = 1; i < n_trees; ++i) {
    PyObject* other = PyTuple_GET_ITEM(rest, Py_ssize_t(i - 1));
    int matched = flatten_up_to(treedef, other, leaves);
    if (matched == 0) raise_mismatch(treedef, other, "tree.map", i);
    if (matched != 1) return nullptr;
  }
  LeafVector results;
  results.reserve(n);
  SmallVector<PyObject*, 8> args;
  args.resize(n_trees + 1);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n_trees; ++j) args[j + 1] = leaves[j * n + i];
    PyObject* result =
        PyObject_Vectorcall(f, args.data() + 1, n_trees | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    if (!result) return nullptr;
    results.push_owned(result);
  }
  return unflatten(treedef, results.data(), n);
}

}  // namespace gradax::tree
