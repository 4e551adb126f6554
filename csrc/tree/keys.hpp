// The entries of a path through a pytree.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>

namespace gradax::tree {

// `X[0]`, `X['a']`, `X.a`, and the position among the children of a node without keys of its own.
enum class KeyKind { Sequence, Dict, Attribute, FlatIndex };

template <KeyKind K>
struct Key {
  nanobind::object field;
};
using SequenceKey = Key<KeyKind::Sequence>;
using DictKey = Key<KeyKind::Dict>;
using GetAttrKey = Key<KeyKind::Attribute>;
using FlattenedIndexKey = Key<KeyKind::FlatIndex>;

// New references, or nullptr with an error set.
PyObject* make_sequence_key(size_t index);
PyObject* make_dict_key(PyObject* key);
PyObject* make_attribute_key(PyObject* name);
PyObject* make_flat_index_key(size_t index);

void bind_keys(nanobind::module_& m);

}  // namespace gradax::tree
