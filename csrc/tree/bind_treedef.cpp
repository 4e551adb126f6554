// The Python class of a treedef.
#include <nanobind/stl/string.h>

#include "tree/bind.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

int traverse_treedef(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  return nb::inst_ptr<TreeDef>(self)->traverse(visit, arg);
}

// No tp_clear: like a tuple, a treedef is immutable, so every cycle has another object to clear.
PyType_Slot treedef_slots[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(traverse_treedef)},
    {0, nullptr},
};

// `make_data` needs readable data; this is what a node must hold for the other code to trust it.
bool is_consistent(const NodeType& type, PyObject* data, size_t arity) {
  size_t n = data ? size_t(PyTuple_GET_SIZE(data)) : 0;
  switch (type.kind) {
    case Kind::Leaf:
    case Kind::None:
      return n == 0 && arity == 0;
    case Kind::Tuple:
    case Kind::List:
      return n == 0;
    case Kind::Dict:
    case Kind::OrderedDict:
      return n == arity;
    case Kind::DefaultDict:
      return n == arity + 1;
    case Kind::Custom:
      return n == 1;
    case Kind::NamedTuple:
      return n == 1 && PyType_Check(PyTuple_GET_ITEM(data, 0)) &&
             is_namedtuple(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(data, 0)));
    case Kind::Dataclass:
      return n == size_t(PyTuple_GET_SIZE(type.meta_fields)) &&
             arity == size_t(PyTuple_GET_SIZE(type.data_fields));
  }
  return false;
}

const NodeType& type_from_python(nb::handle type) {
  if (PyType_Check(type.ptr())) {
    auto* cls = reinterpret_cast<PyTypeObject*>(type.ptr());
    if (const NodeType* found = find_type(cls)) return *found;
    if (is_namedtuple(cls)) return *namedtuple_type();
  }
  PyErr_Format(tree_error(),
               "PyTreeDef: %R is not a pytree node. Register it, as with register_pytree_node, "
               "before a treedef with it is made or unpickled.",
               type.ptr());
  throw nb::python_error();
}

size_t open_checked(TreeDef& treedef, const NodeType& type, nb::object data, size_t arity) {
  if (!is_consistent(type, data.ptr(), arity)) {
    PyErr_SetString(tree_error(),
                    "PyTreeDef: the data of a node does not fit its type and its children. "
                    "Take it from node_data() or a pickle as it is.");
    throw nb::python_error();
  }
  return treedef.open(type, data.release().ptr(), uint32_t(arity));
}

// The inverse of `readable_data`.
nb::object stored_data(const NodeType& type, nb::handle python_type, nb::handle data) {
  switch (type.kind) {
    case Kind::NamedTuple:
      return nb::make_tuple(python_type);
    case Kind::Custom:
      return nb::make_tuple(data);
    case Kind::DefaultDict:
      return nb::make_tuple(data[0]) + nb::object(nb::tuple(nb::object(data[1])));
    default:
      break;
  }
  if (data.is_none()) return {};
  nb::tuple items{nb::borrow(data)};
  return items.size() == 0 ? nb::object() : nb::object(items);
}

TreeDef from_node_data(nb::handle, nb::handle node_data, nb::iterable children) {
  TreeDef treedef;
  if (node_data.is_none()) {
    treedef.add_leaf();
    return treedef;
  }
  nb::list items{children};
  const NodeType& type = type_from_python(node_data[0]);
  size_t at =
      open_checked(treedef, type, stored_data(type, node_data[0], node_data[1]), items.size());
  for (nb::handle child : items) treedef.add_subtree(nb::cast<const TreeDef&>(child), 0);
  treedef.close(at);
  return treedef;
}

nb::object node_data(const TreeDef& treedef) {
  const Node& node = treedef.nodes()[0];
  if (!node.type) return nb::none();
  nb::object data = readable_data(*node.type, node.data);
  if (node.kind() == Kind::Dict) data = nb::list(data);
  if (node.kind() == Kind::NamedTuple) data = nb::none();
  return nb::make_tuple(nb::handle(reinterpret_cast<PyObject*>(node.python_type())), data);
}

nb::list children(const TreeDef& treedef) {
  nb::list result;
  size_t at = 1;
  for (uint32_t i = 0; i < treedef.nodes()[0].arity; ++i) {
    result.append(nb::cast(treedef.subtree(at)));
    at += treedef.nodes()[at].n_nodes;
  }
  return result;
}

nb::list get_state(const TreeDef& treedef) {
  nb::list state;
  for (const Node& node : treedef.nodes()) {
    nb::handle type = reinterpret_cast<PyObject*>(node.python_type());
    nb::handle data = node.data;
    state.append(nb::make_tuple(type.is_valid() ? nb::borrow(type) : nb::none(), node.arity,
                                data.is_valid() ? nb::borrow(data) : nb::none()));
  }
  return state;
}

void raise_bad_state() {
  PyErr_SetString(tree_error(), "PyTreeDef: the pickled nodes do not form one tree");
  throw nb::python_error();
}

TreeDef from_state(nb::list state) {
  struct Open {
    size_t at;
    uint32_t missing;
  };
  TreeDef treedef;
  std::vector<Open> open;
  for (nb::handle item : state) {
    if (open.empty() && treedef.n_nodes() != 0) raise_bad_state();
    nb::tuple node = nb::cast<nb::tuple>(item);
    if (node.size() != 3) raise_bad_state();
    if (node[0].is_none()) {
      treedef.add_leaf();
    } else {
      auto arity = nb::cast<uint32_t>(node[1]);
      nb::object data;
      if (!node[2].is_none()) data = nb::cast<nb::tuple>(node[2]);
      size_t at = open_checked(treedef, type_from_python(node[0]), data, arity);
      open.push_back({at, arity});
      if (arity != 0) continue;
      treedef.close(at);
      open.pop_back();
    }
    while (!open.empty() && --open.back().missing == 0) {
      treedef.close(open.back().at);
      open.pop_back();
    }
  }
  if (!open.empty() || treedef.n_nodes() == 0) raise_bad_state();
  return treedef;
}

nb::object unflatten_from(const TreeDef& treedef, nb::handle leaves) {
  nb::object items = checked(PySequence_Tuple(leaves.ptr()));
  size_t n = size_t(PyTuple_GET_SIZE(items.ptr()));
  return checked(unflatten(treedef, reinterpret_cast<PyTupleObject*>(items.ptr())->ob_item, n));
}

nb::object flatten_up_to_list(const TreeDef& treedef, nb::handle tree, const std::string& operation,
                              size_t which) {
  LeafVector subtrees;
  int matched = flatten_up_to(treedef, tree.ptr(), subtrees);
  if (matched == 0) raise_mismatch(treedef, tree.ptr(), operation.c_str(), which);
  check(matched == 1);
  return to_list(subtrees);
}

TreeDef treedef_tuple(nb::iterable treedefs) {
  nb::list items{treedefs};
  TreeDef result;
  size_t at = result.open(*find_type(&PyTuple_Type), nullptr, uint32_t(items.size()));
  for (nb::handle item : items) {
    const TreeDef* part = treedef_of(item.ptr());
    check(part != nullptr);
    result.add_subtree(*part, 0);
  }
  result.close(at);
  return result;
}

}  // namespace

TreeDefPtr share(TreeDef&& treedef) {
  nb::object object = nb::cast(std::move(treedef));
  const TreeDef* inside = nb::inst_ptr<TreeDef>(object);
  return {object.release().ptr(), inside};
}

const TreeDef* treedef_of(PyObject* object) {
  if (nb::isinstance<TreeDef>(object) && nb::inst_ready(object))
    return nb::inst_ptr<TreeDef>(object);
  PyErr_Format(PyExc_TypeError, "expected a PyTreeDef, as tree.structure gives it; got %R", object);
  return nullptr;
}

void bind_treedef(nb::module_& m) {
  nb::class_<TreeDef>(m, "PyTreeDef", nb::type_slots(treedef_slots),
                      "The structure of a pytree, without its leaves.")
      .def_prop_ro("num_leaves", &TreeDef::n_leaves, "The number of leaves.")
      .def_prop_ro("num_nodes", &TreeDef::n_nodes, "The number of nodes, leaves included.")
      .def("unflatten", &unflatten_from, nb::arg("leaves"), "Build the tree from its leaves.")
      .def("flatten_up_to", &flatten_up_to_list, nb::arg("tree").none(), nb::kw_only(),
           nb::arg("operation") = "PyTreeDef.flatten_up_to", nb::arg("which") = 0,
           "Return the subtrees of `tree` at the positions of the leaves.")
      .def("compose", &TreeDef::compose, nb::arg("inner"),
           "Return the structure with `inner` in the place of each leaf.")
      .def("children", &children, "Return the structures of the root's children.")
      .def("node_data", &node_data, "Return the root's type and its data, or None for a leaf.")
      .def_static("from_node_data_and_children", &from_node_data, nb::arg("registry").none(),
                  nb::arg("node_data").none(), nb::arg("children"),
                  "Make the structure whose root has this `node_data` and these children.")
      .def("__repr__", &to_text)
      .def("__eq__",
           [](const TreeDef& self, nb::handle other) -> nb::object {
             if (!nb::isinstance<TreeDef>(other)) return nb::not_implemented();
             int equal = self.equals(nb::cast<const TreeDef&>(other));
             check(equal >= 0);
             return nb::bool_(equal == 1);
           })
      .def("__hash__",
           [](const TreeDef& self) {
             Py_hash_t hash = self.hash();
             check(hash != -1);
             return hash;
           })
      .def("__getstate__", &get_state)
      .def("__setstate__",
           [](TreeDef& self, nb::list state) { new (&self) TreeDef(from_state(state)); });
  m.def("treedef_tuple", &treedef_tuple, nb::arg("treedefs"),
        "Return the structure of a tuple of trees with these structures.");
}

}  // namespace gradax::tree
