// The sinks of the walk: a signature, a treedef, and a treedef with paths.
#include <nanobind/nanobind.h>

#include <limits>

#include "tree/treedef.hpp"
#include "tree/walk.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

PyObject* to_tuple(PyObject* const* items, size_t n) {
  PyObject* tuple = PyTuple_New(Py_ssize_t(n));
  if (!tuple) return nullptr;
  for (size_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple, Py_ssize_t(i), Py_NewRef(items[i]));
  return tuple;
}

// A prefix code, so that what follows a tree in the signature is never taken for a part of it.
struct SignatureSink {
  static constexpr bool has_paths = false;
  LeafVector& leaves;
  Signature& signature;

  bool leaf(PyObject* object) {
    leaves.push(object);
    signature.add_word(uint64_t(Kind::Leaf));
    return true;
  }
  bool open(const NodeType& type, Opened& opened) {
    signature.add_word(uint64_t(type.kind) | uint64_t(opened.children.size()) << 8);
    if (type.kind == Kind::Custom || type.kind == Kind::Dataclass) {
      signature.add_address(&type);
      for (PyObject* item : opened.data)
        if (!signature.add_data(item)) return false;
      return true;
    }
    for (PyObject* item : opened.data)
      if (!signature.add_object(item)) return false;
    return true;
  }
  void close() {}
};

struct TreeDefBuilder {
  TreeDef& treedef;
  SmallVector<size_t, 16> opened_at;

  bool open(const NodeType& type, Opened& opened) {
    if (opened.children.size() > std::numeric_limits<uint32_t>::max() / 2) {
      PyErr_SetString(PyExc_OverflowError, "flattening a pytree: a node has too many children");
      return false;
    }
    PyObject* data = nullptr;
    if (!opened.data.empty()) {
      data = to_tuple(opened.data.data(), opened.data.size());
      if (!data) return false;
    }
    opened_at.push(treedef.open(type, data, uint32_t(opened.children.size())));
    return true;
  }
  void close() { treedef.close(opened_at.pop()); }
};

struct TreeDefSink : TreeDefBuilder {
  static constexpr bool has_paths = false;
  LeafVector& leaves;

  TreeDefSink(TreeDef& treedef, LeafVector& leaves) : TreeDefBuilder{treedef, {}}, leaves(leaves) {}
  bool leaf(PyObject* object) {
    leaves.push(object);
    treedef.add_leaf();
    return true;
  }
};

struct PathSink : TreeDefBuilder {
  static constexpr bool has_paths = true;
  PyObject* pairs;
  RefVector<16> path;

  PathSink(TreeDef& treedef, PyObject* pairs) : TreeDefBuilder{treedef, {}}, pairs(pairs) {}
  PyObject* path_tuple() { return to_tuple(path.data(), path.size()); }
  bool leaf(PyObject* object) {
    nb::object keys = nb::steal(path_tuple());
    if (!keys.is_valid()) return false;
    nb::object pair = nb::steal(PyTuple_Pack(2, keys.ptr(), object));
    treedef.add_leaf();
    return pair.is_valid() && PyList_Append(pairs, pair.ptr()) == 0;
  }
};

PyObject* null_if_none(PyObject* object) { return object == Py_None ? nullptr : object; }

}  // namespace

bool Signature::add_object(PyObject* object) {
  Py_hash_t hash = PyObject_Hash(object);
  if (hash == -1) return false;
  add_hashed(object, hash);
  return true;
}

bool Signature::add_data(PyObject* object) {
  Py_hash_t hash = PyObject_Hash(object);
  if (hash == -1) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    PyErr_Clear();
    hash = 0;
  }
  add_hashed(object, hash);
  return true;
}

void Signature::add_hashed(PyObject* object, Py_hash_t hash) {
  objects_.push(object);
  object_hashes_.push(hash);
  mix(uint64_t(hash));
}

int Signature::equals(const Signature& other) const {
  auto same_bytes = [](const auto& x, const auto& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0;
  };
  if (hash_ != other.hash_ || !same_bytes(words_, other.words_)) return 0;
  if (!same_bytes(object_hashes_, other.object_hashes_)) return 0;
  for (size_t i = 0; i < objects_.size(); ++i) {
    PyObject *x = objects_[i], *y = other.objects_[i];
    if (x == y) continue;
    int equal = PyObject_RichCompareBool(x, y, Py_EQ);
    if (equal != 1) return equal;
  }
  return 1;
}

void Signature::clear() {
  words_.clear();
  objects_.clear();
  object_hashes_.clear();
  hash_ = initial_hash;
}

bool flatten_hashed(PyObject* tree, LeafVector& leaves, Signature& signature) {
  SignatureSink sink{leaves, signature};
  return Walk(sink, nullptr).visit(tree);
}

bool flatten_to(PyObject* tree, LeafVector& leaves, PyObject* is_leaf, TreeDef& treedef) {
  TreeDefSink sink(treedef, leaves);
  return Walk<TreeDefSink>(sink, null_if_none(is_leaf)).visit(tree);
}

TreeDefPtr flatten(PyObject* tree, LeafVector& leaves, PyObject* is_leaf) {
  TreeDef treedef;
  if (!flatten_to(tree, leaves, is_leaf, treedef)) return {};
  return share(std::move(treedef));
}

bool flatten_with_path(PyObject* tree, PyObject* is_leaf, bool takes_path, PyObject* pairs,
                       TreeDef& treedef) {
  PathSink sink(treedef, pairs);
  return Walk<PathSink>(sink, null_if_none(is_leaf), takes_path).visit(tree);
}

}  // namespace gradax::tree
