#include "tree/treedef.hpp"

namespace gradax::tree {

PyTypeObject* Node::python_type() const {
  if (!type) return nullptr;
  if (type->kind != Kind::NamedTuple) return type->type;
  return reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(data, 0));
}

TreeDef::~TreeDef() {
  for (const Node& node : nodes_) Py_XDECREF(node.data);
}

size_t TreeDef::open(const NodeType& type, PyObject* owned_data, uint32_t arity) {
  nodes_.push_back({.type = &type, .data = owned_data, .arity = arity, .n_leaves = 0});
  return nodes_.size() - 1;
}

void TreeDef::close(size_t at) {
  Node& node = nodes_[at];
  node.n_nodes = uint32_t(nodes_.size() - at);
  size_t child = at + 1;
  for (uint32_t i = 0; i < node.arity; ++i) {
    node.n_leaves += nodes_[child].n_leaves;
    child += nodes_[child].n_nodes;
  }
}

void TreeDef::add_subtree(const TreeDef& other, size_t at) {
  size_t n = other.nodes_[at].n_nodes;
  nodes_.reserve(nodes_.size() + n);
  for (size_t i = at; i < at + n; ++i) {
    nodes_.push_back(other.nodes_[i]);
    Py_XINCREF(nodes_.back().data);
  }
}

TreeDef TreeDef::subtree(size_t at) const {
  TreeDef result;
  result.add_subtree(*this, at);
  return result;
}

TreeDef TreeDef::compose(const TreeDef& inner) const {
  TreeDef result;
  size_t inner_nodes = inner.n_nodes(), inner_leaves = inner.n_leaves();
  for (const Node& node : nodes_) {
    if (!node.type) {
      result.add_subtree(inner, 0);
      continue;
    }
    size_t n_inner = node.n_leaves;
    result.nodes_.push_back(node);
    Py_XINCREF(node.data);
    Node& copy = result.nodes_.back();
    copy.n_nodes = uint32_t(node.n_nodes - n_inner + n_inner * inner_nodes);
    copy.n_leaves = uint32_t(n_inner * inner_leaves);
  }
  return result;
}

int TreeDef::equals(const TreeDef& other) const {
  if (this == &other) return 1;
  if (nodes_.size() != other.nodes_.size()) return 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node &x = nodes_[i], &y = other.nodes_[i];
    if (x.type != y.type || x.arity != y.arity) return 0;
    if (!x.data != !y.data) return 0;
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    PyObject *x = nodes_[i].data, *y = other.nodes_[i].data;
    if (x == y) continue;
    int equal = PyObject_RichCompareBool(x, y, Py_EQ);
    if (equal != 1) return equal;
  }
  return 1;
}

// Auxiliary data takes no part: equality needs no hash of it, and users forget to make it hashable.
Py_hash_t TreeDef::hash() const {
  uint64_t hash = 0x9E3779B97F4A7C15u;
  auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 32;
  };
  for (const Node& node : nodes_) {
    mix(reinterpret_cast<uintptr_t>(node.type) + node.arity);
    bool is_user_data = node.kind() == Kind::Custom || node.kind() == Kind::Dataclass;
    if (!node.data || is_user_data) continue;
    Py_hash_t data = PyObject_Hash(node.data);
    if (data == -1) return -1;
    mix(uint64_t(data));
  }
  Py_hash_t result = Py_hash_t(hash);
  return result == -1 ? -2 : result;
}

int TreeDef::traverse(visitproc visit, void* arg) const {
  for (const Node& node : nodes_) Py_VISIT(node.data);
  return 0;
}

size_t n_leaves(const TreeDef& treedef) { return treedef.n_leaves(); }

}  // namespace gradax::tree
