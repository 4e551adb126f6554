// The structure of a pytree: its nodes, parents before children.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tree/node.hpp"
#include "tree/registry.hpp"
#include "tree/tree.hpp"

namespace gradax::tree {

struct Node {
  const NodeType* type = nullptr;  // null: a leaf
  PyObject* data = nullptr;        // a tuple as `Opened` has it, or null if empty; owned
  uint32_t arity = 0;
  uint32_t n_leaves = 1;  // of the subtree, as is `n_nodes`
  uint32_t n_nodes = 1;

  Kind kind() const { return type ? type->kind : Kind::Leaf; }
  PyTypeObject* python_type() const;  // null for a leaf
};

class TreeDef {
 public:
  TreeDef() = default;
  TreeDef(TreeDef&& other) noexcept : nodes_(std::move(other.nodes_)) { other.nodes_.clear(); }
  TreeDef& operator=(TreeDef&&) = delete;
  ~TreeDef();

  const std::vector<Node>& nodes() const { return nodes_; }
  size_t n_leaves() const { return nodes_.empty() ? 0 : nodes_[0].n_leaves; }
  size_t n_nodes() const { return nodes_.size(); }

  // Building: `open` a node, append its children, `close` it.
  void add_leaf() { nodes_.emplace_back(); }
  size_t open(const NodeType& type, PyObject* owned_data, uint32_t arity);
  void close(size_t at);
  // A part of another treedef: the node at `at` and everything below it.
  void add_subtree(const TreeDef& other, size_t at);

  TreeDef subtree(size_t at) const;
  // `inner` in the place of each leaf.
  TreeDef compose(const TreeDef& inner) const;
  int equals(const TreeDef& other) const;  // -1 with an error set
  Py_hash_t hash() const;                  // -1 with an error set
  int traverse(visitproc visit, void* arg) const;

 private:
  std::vector<Node> nodes_;
};

// The text of a treedef. Throws nanobind::python_error if a `__repr__` raised.
std::string to_text(const TreeDef& treedef);

// Moves a treedef into a Python object.
TreeDefPtr share(TreeDef&& treedef);

// As `flatten`, into an empty treedef of the caller's; false with an error set.
bool flatten_to(PyObject* tree, LeafVector& leaves, PyObject* is_leaf, TreeDef& treedef);

// The subtrees of `tree` at the leaves of `treedef`, appended to `subtrees`.
// 1 if the structure agrees, 0 if not, -1 with an error set.
int flatten_up_to(const TreeDef& treedef, PyObject* tree, LeafVector& subtrees);

// Calls `f` with the leaves of the first tree and the subtrees of the rest.
PyObject* map(PyObject* f, PyObject* tree, PyObject* rest, PyObject* is_leaf);

// Leaves with their paths: a list of (path, leaf), and the structure; false with an error set.
bool flatten_with_path(PyObject* tree, PyObject* is_leaf, bool takes_path, PyObject* pairs,
                       TreeDef& treedef);

// Raises the error that the Python side makes of a mismatch. `which` is the number of the argument.
void raise_mismatch(const TreeDef& treedef, PyObject* tree, const char* operation, size_t which);

}  // namespace gradax::tree
