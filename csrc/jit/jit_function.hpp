// The type of jitted functions: a cache of compiled programs behind a vectorcall.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "jit/watch.hpp"
#include "runtime/executable.hpp"
#include "runtime/object.hpp"
#include "runtime/state.hpp"
#include "tree/tree.hpp"

namespace gradax {

// What one signature leads to.
struct Entry {
  tree::Signature signature;
  Object executable;              // an Executable, or a callable from list to list of arrays
  Executable* program = nullptr;  // null for a callable
  tree::TreeDefPtr out_tree;
  bool is_single_leaf = false;
  bool keeps_all = true;
  std::vector<Object> captured;  // arrays that the program takes first
  std::vector<uint32_t> kept;    // the leaves that follow, unless all do
  // Result i is the program's output routes[i] >= 0, or else the leaf ~routes[i]; empty: in order.
  std::vector<int32_t> routes;
  WatchList watches;

  int traverse(visitproc visit, void* arg) const;
};

using EntryPtr = std::shared_ptr<Entry>;

struct JitFunction {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* function;
  PyObject* compile;  // (args, kwargs) -> what make_entry takes
  PyObject* slow;     // (args, kwargs) -> result
  std::vector<Py_ssize_t> static_argnums;
  std::vector<Object> static_argnames;
  std::unordered_multimap<uint64_t, EntryPtr> entries;
};

// Creates the type and adds it to the module; -1 on failure.
int init_jit_type(PyObject* module);

// The call itself, as the vectorcall protocol has it.
PyObject* call_jit(PyObject* self, PyObject* const* args, size_t n_args_and_flag, PyObject* names);

// What a call is made of, once its arguments are flattened.
struct CallArguments {
  tree::Signature signature;
  tree::LeafVector leaves;  // Arrays, after `convert_leaves`
};

enum class Outcome { Ready, SlowPath, Failed };

// Splits static from dynamic arguments and flattens those; fills the signature.
Outcome gather_arguments(const JitFunction* self, PyObject* const* args, Py_ssize_t n_args,
                         PyObject* names, CallArguments& call);

// Makes an Array of a leaf that is none; null without an error set: take the slow path.
PyObject* array_of_leaf(PyObject* leaf, const Config* config);

// Reads what `compile` returned; null with a Python error set if it is malformed.
EntryPtr make_entry(PyObject* compiled, tree::Signature&& signature, size_t n_leaves);

// Runs the entry on the leaves and builds the result.
PyObject* run_entry(Entry& entry, const tree::LeafVector& leaves);

}  // namespace gradax
