// The Python functions of the tree code.
#include "tree/bind.hpp"

#include <nanobind/stl/string.h>

#include "tree/keys.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

nb::tuple py_flatten(nb::handle tree, nb::handle is_leaf) {
  LeafVector leaves;
  TreeDef treedef;
  check(flatten_to(tree.ptr(), leaves, is_leaf.ptr(), treedef));
  return nb::make_tuple(to_list(leaves), nb::cast(std::move(treedef)));
}

nb::object py_leaves(nb::handle tree, nb::handle is_leaf) {
  LeafVector leaves;
  TreeDef treedef;
  check(flatten_to(tree.ptr(), leaves, is_leaf.ptr(), treedef));
  return to_list(leaves);
}

TreeDef py_structure(nb::handle tree, nb::handle is_leaf) {
  LeafVector leaves;
  TreeDef treedef;
  check(flatten_to(tree.ptr(), leaves, is_leaf.ptr(), treedef));
  return treedef;
}

nb::tuple py_flatten_with_path(nb::handle tree, nb::handle is_leaf, bool takes_path) {
  nb::list pairs;
  TreeDef treedef;
  check(flatten_with_path(tree.ptr(), is_leaf.ptr(), takes_path, pairs.ptr(), treedef));
  return nb::make_tuple(pairs, nb::cast(std::move(treedef)));
}

nb::object py_map(nb::handle f, nb::handle tree, nb::tuple rest, nb::handle is_leaf) {
  return checked(map(f.ptr(), tree.ptr(), rest.ptr(), is_leaf.ptr()));
}

template <size_t N>
nb::object to_tuple(const RefVector<N>& items) {
  nb::list list;
  for (PyObject* item : items) list.append(nb::handle(item));
  return nb::tuple(list);
}

const NodeType& checked_type(nb::handle node) {
  if (const NodeType* type = node_type(node.ptr())) return *type;
  PyErr_Format(tree_error(),
               "flatten_one_level: expected a pytree node; got a leaf of type %s. Check with "
               "treedef_is_leaf, or register the class.",
               Py_TYPE(node.ptr())->tp_name);
  throw nb::python_error();
}

nb::tuple flatten_one_level(nb::handle node) {
  const NodeType& type = checked_type(node);
  Opened opened;
  check(open_node(node.ptr(), type, opened));
  nb::object children = to_tuple(opened.children);
  if (type.kind == Kind::List) children = nb::list(children);
  return nb::make_tuple(children, readable_data(type, to_tuple(opened.data)));
}

nb::tuple flatten_one_level_with_keys(nb::handle node) {
  const NodeType& type = checked_type(node);
  Opened opened;
  RefVector<12> keys;
  check(open_node_with_keys(node.ptr(), type, opened, keys));
  nb::list pairs;
  for (size_t i = 0; i < keys.size(); ++i)
    pairs.append(nb::make_tuple(nb::handle(keys[i]), nb::handle(opened.children[i])));
  return nb::make_tuple(nb::tuple(pairs), readable_data(type, to_tuple(opened.data)));
}

PyTypeObject* checked_class(nb::handle type) {
  if (PyType_Check(type.ptr())) return reinterpret_cast<PyTypeObject*>(type.ptr());
  PyErr_Format(PyExc_TypeError, "registering a pytree node: expected a class; got %R", type.ptr());
  throw nb::python_error();
}

void check_callable(nb::handle function, const char* what) {
  if (PyCallable_Check(function.ptr())) return;
  PyErr_Format(PyExc_TypeError, "registering a pytree node: %s must be callable; got %R", what,
               function.ptr());
  throw nb::python_error();
}

void py_register_node(nb::handle type, nb::handle flatten, nb::handle unflatten,
                      nb::handle flatten_with_keys) {
  PyTypeObject* cls = checked_class(type);
  check_callable(flatten, "the flatten function");
  check_callable(unflatten, "the unflatten function");
  if (!flatten_with_keys.is_none())
    check_callable(flatten_with_keys, "the flatten function with keys");
  check(register_custom(cls, flatten.ptr(), unflatten.ptr(), flatten_with_keys.ptr()));
}

void py_register_dataclass(nb::handle type, nb::tuple data_fields, nb::tuple meta_fields) {
  PyTypeObject* cls = checked_class(type);
  for (nb::handle fields : {nb::handle(data_fields), nb::handle(meta_fields)})
    for (nb::handle name : nb::cast<nb::tuple>(fields))
      if (!PyUnicode_CheckExact(name.ptr())) nb::raise_type_error("field names must be str");
  check(register_dataclass(cls, data_fields.ptr(), meta_fields.ptr()));
}

bool is_node_type(nb::handle type) {
  PyTypeObject* cls = checked_class(type);
  return find_type(cls) || is_namedtuple(cls);
}

bool all_leaves(nb::iterable items) {
  for (nb::handle item : items)
    if (node_type(item.ptr())) return false;
  return true;
}

bool same_signature(nb::handle x, nb::handle y) {
  LeafVector leaves;
  Signature first, second;
  check(flatten_hashed(x.ptr(), leaves, first) && flatten_hashed(y.ptr(), leaves, second));
  int equal = first.equals(second);
  check(equal >= 0);
  return equal == 1;
}

void set_hooks(nb::object error, nb::object explain) {
  hooks() = {.error = error.release().ptr(), .explain = explain.release().ptr()};
}

void bind_walks(nb::module_& m) {
  auto is_leaf = nb::arg("is_leaf").none() = nb::none();
  m.def("tree_flatten", &py_flatten, nb::arg("tree").none(), is_leaf,
        "Return the leaves of a pytree and its structure.");
  m.def("tree_leaves", &py_leaves, nb::arg("tree").none(), is_leaf,
        "Return the leaves of a pytree.");
  m.def("tree_structure", &py_structure, nb::arg("tree").none(), is_leaf,
        "Return the structure of a pytree.");
  m.def("tree_flatten_with_path", &py_flatten_with_path, nb::arg("tree").none(), is_leaf,
        nb::arg("is_leaf_takes_path") = false,
        "Return the leaves of a pytree, each with its path, and the structure.");
  m.def("tree_map", &py_map, nb::arg("f"), nb::arg("tree").none(), nb::arg("rest"), is_leaf,
        "Call `f` on the leaves of `tree` and the subtrees of `rest` at their places.");
  m.def("flatten_one_level", &flatten_one_level, nb::arg("node").none(),
        "Return a node's children and its data.");
  m.def("flatten_one_level_with_keys", &flatten_one_level_with_keys, nb::arg("node").none(),
        "Return a node's children, each with its key, and its data.");
  m.def("same_signature", &same_signature, nb::arg("x").none(), nb::arg("y").none(),
        "Return whether a compiled function sees the same structure in both trees.");
  m.def("all_leaves", &all_leaves, nb::arg("items"), "Return whether no item is a node.");
}

void bind_registry(nb::module_& m) {
  m.def("register_node", &py_register_node, nb::arg("type"), nb::arg("flatten"),
        nb::arg("unflatten"), nb::arg("flatten_with_keys").none() = nb::none(),
        "Make a class a pytree node.");
  m.def("register_dataclass", &py_register_dataclass, nb::arg("type"), nb::arg("data_fields"),
        nb::arg("meta_fields"), "Make a class a pytree node whose children are attributes.");
  m.def("is_node_type", &is_node_type, nb::arg("type"),
        "Return whether instances of exactly this class are pytree nodes.");
  m.def("set_tree_hooks", &set_hooks, nb::arg("error"), nb::arg("explain"),
        "Set the class of the tree errors and the function that explains a mismatch.");
}

}  // namespace

nb::object to_list(LeafVector& items) {
  nb::object list = checked(PyList_New(Py_ssize_t(items.size())));
  for (size_t i = 0; i < items.size(); ++i) PyList_SET_ITEM(list.ptr(), Py_ssize_t(i), items[i]);
  items.forget(0);
  return list;
}

}  // namespace gradax::tree

namespace gradax {

void bind_tree(nb::module_& m) {
  tree::check(tree::init_registry());
  tree::bind_keys(m);
  tree::bind_treedef(m);
  tree::bind_walks(m);
  tree::bind_registry(m);
}

}  // namespace gradax
