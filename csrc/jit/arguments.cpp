// From a call's arguments to its signature and its leaves.
#include <algorithm>

#include "jit/jit_function.hpp"
#include "runtime/stream.hpp"
#include "tree/small_vector.hpp"

namespace gradax {
namespace {

// Marks in the signature; trees and leaves have words of their own.
constexpr uint64_t kStatic = 0x51A71C;
constexpr uint64_t kNamed = 0x4A3ED;

bool is_static_position(const JitFunction* self, Py_ssize_t i, Py_ssize_t n_args) {
  for (const Py_ssize_t stated : self->static_argnums)
    if (stated == i || stated + n_args == i) return true;
  return false;
}

bool is_static_name(const JitFunction* self, PyObject* name) {
  for (const Object& stated : self->static_argnames)
    if (stated.get() == name || PyUnicode_Compare(stated.get(), name) == 0) return true;
  return false;
}

// Equal values of different types (1, 1.0, True) are different static arguments.
bool add_static(PyObject* value, PyObject* function, CallArguments& call) {
  call.signature.add_word(kStatic);
  call.signature.add_object(reinterpret_cast<PyObject*>(Py_TYPE(value)));
  if (call.signature.add_object(value)) return true;
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
  PyErr_Clear();
  Object name(PyObject_GetAttrString(function, "__name__"));
  if (!name) return false;
  PyErr_Format(PyExc_ValueError,
               "jit: a static argument of %S must be hashable, got a %s: %R.\nat %s\n"
               "Make it a hashable type, such as a tuple, or an ordinary argument.",
               name.get(), Py_TYPE(value)->tp_name, value, user_line().c_str());
  return false;
}

// The positions of the keyword arguments in the order of their names, so that the order in which
// a call states them does not matter.
using Order = tree::SmallVector<Py_ssize_t, 16>;

void sort_names(PyObject* names, Order& order) {
  const Py_ssize_t n = PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < n; ++i) order.push(i);
  if (n < 2) return;
  std::sort(order.begin(), order.end(), [names](Py_ssize_t a, Py_ssize_t b) {
    return PyUnicode_Compare(PyTuple_GET_ITEM(names, a), PyTuple_GET_ITEM(names, b)) < 0;
  });
}

bool add_named(const JitFunction* self, PyObject* const* values, PyObject* names,
               CallArguments& call) {
  Order order;
  sort_names(names, order);
  for (const Py_ssize_t i : order) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    call.signature.add_word(kNamed);
    if (!call.signature.add_object(name)) return false;
    const bool added = is_static_name(self, name)
                           ? add_static(values[i], self->function, call)
                           : tree::flatten_hashed(values[i], call.leaves, call.signature);
    if (!added) return false;
  }
  return true;
}

// Adds what the program depends on of an array.
bool add_array(const ArrayObject* array, tree::Signature& signature) {
  if (array->is_deleted) return raise_deleted(array), false;
  signature.add_address(array->info);
  if (array->sharding) return signature.add_data(array->sharding);
  signature.add_word(0);
  return true;
}

// Adds each leaf to the signature, and makes Arrays of those that are none.
Outcome convert_leaves(tree::LeafVector& leaves, tree::LeafVector& arrays,
                       tree::Signature& signature, const Config* config) {
  arrays.reserve(leaves.size());
  for (PyObject* leaf : leaves) {
    if (!is_array(leaf)) {
      PyObject* made = array_of_leaf(leaf, config);
      if (!made) return PyErr_Occurred() ? Outcome::Failed : Outcome::SlowPath;
      arrays.push_owned(made);
      leaf = made;
    } else {
      arrays.push(leaf);
    }
    if (!add_array(as_array(leaf), signature)) return Outcome::Failed;
  }
  return Outcome::Ready;
}

bool all_arrays(const tree::LeafVector& leaves) {
  return std::all_of(leaves.begin(), leaves.end(), [](PyObject* leaf) { return is_array(leaf); });
}

// The same without a second vector, for the usual call.
Outcome add_arrays(const tree::LeafVector& leaves, tree::Signature& signature) {
  for (PyObject* leaf : leaves) {
    if (!add_array(as_array(leaf), signature)) return Outcome::Failed;
  }
  return Outcome::Ready;
}

}  // namespace

Outcome gather_arguments(const JitFunction* self, PyObject* const* args, Py_ssize_t n_args,
                         PyObject* names, CallArguments& call) {
  const Config* config = current_config();
  if (!config) {
    PyErr_SetString(PyExc_RuntimeError, "jit: no settings are registered with set_scalar_avals");
    return Outcome::Failed;
  }
  call.signature.add_address(config);
  call.signature.add_word(static_cast<uint64_t>(n_args));
  const bool has_statics = !self->static_argnums.empty();
  for (Py_ssize_t i = 0; i < n_args; ++i) {
    const bool added = has_statics && is_static_position(self, i, n_args)
                           ? add_static(args[i], self->function, call)
                           : tree::flatten_hashed(args[i], call.leaves, call.signature);
    if (!added) return Outcome::Failed;
  }
  if (names && !add_named(self, args + n_args, names, call)) return Outcome::Failed;
  if (all_arrays(call.leaves)) return add_arrays(call.leaves, call.signature);
  tree::LeafVector arrays;
  const Outcome outcome = convert_leaves(call.leaves, arrays, call.signature, config);
  call.leaves = std::move(arrays);
  return outcome;
}

}  // namespace gradax
