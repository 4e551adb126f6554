// What `compile` returns, read once; and how it is run on every call.
#include <nanobind/nanobind.h>

#include "jit/jit_function.hpp"
#include "tree/small_vector.hpp"
#include "tree/treedef.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

using Pointers = tree::SmallVector<PyObject*, 64>;

bool read_program(Entry& entry, PyObject* executable) {
  entry.executable = Object::share(executable);
  if (nb::isinstance<Executable>(executable) && nb::inst_ready(executable)) {
    entry.program = nb::inst_ptr<Executable>(executable);
    return true;
  }
  if (PyCallable_Check(executable)) return true;
  PyErr_Format(PyExc_TypeError, "compile: expected an Executable or a callable, got %s",
               Py_TYPE(executable)->tp_name);
  return false;
}

// Reads integers of [low, high).
template <class T>
bool read_indices(PyObject* source, long low, long high, std::vector<T>& out) {
  Object items(PySequence_Fast(source, "compile: leaf indices and routes are sequences of ints"));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    const long index = PyLong_AsLong(PySequence_Fast_GET_ITEM(items.get(), i));
    if (index == -1 && PyErr_Occurred()) return false;
    if (index < low || index >= high) {
      PyErr_Format(PyExc_IndexError, "compile: index %ld is not in [%ld, %ld)", index, low, high);
      return false;
    }
    out.push_back(static_cast<T>(index));
  }
  return true;
}

bool read_captured(Entry& entry, PyObject* captured) {
  if (captured == Py_None) return true;
  Object items(PySequence_Fast(captured, "compile: captured constants are a sequence of arrays"));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
    if (!is_array(item)) {
      PyErr_Format(PyExc_TypeError, "compile: expected a captured gradax.Array, got %s",
                   Py_TYPE(item)->tp_name);
      return false;
    }
    entry.captured.push_back(Object::share(item));
  }
  return true;
}

// The numbers have to agree before the first call, not during it.
bool check_counts(const Entry& entry, size_t n_leaves) {
  if (!entry.program) return true;
  const size_t passed = (entry.keeps_all ? n_leaves : entry.kept.size()) + entry.captured.size();
  const size_t results = entry.routes.empty() ? entry.program->outs.size() : entry.routes.size();
  if (passed == entry.program->ins.size() && results == tree::n_leaves(*entry.out_tree))
    return true;
  PyErr_Format(PyExc_ValueError,
               "compile: the program takes %zu arrays and gives %zu; the call has %zu and %zu",
               entry.program->ins.size(), results, passed, tree::n_leaves(*entry.out_tree));
  return false;
}

// Calls a program that is a Python callable: appends its results, new references.
bool call_python(Entry& entry, const Pointers& args, Pointers& results) {
  Object list(PyList_New(static_cast<Py_ssize_t>(args.size())));
  if (!list) return false;
  for (size_t i = 0; i < args.size(); ++i)
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), Py_NewRef(args[i]));
  Object returned(PyObject_CallOneArg(entry.executable.get(), list.get()));
  Object items(returned ? PySequence_Fast(returned.get(), "a program returns a list") : nullptr);
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i)
    results.push(Py_NewRef(PySequence_Fast_GET_ITEM(items.get(), i)));
  return true;
}

bool call_program(Entry& entry, const Pointers& args, Pointers& results) {
  if (!entry.program) return call_python(entry, args, results);
  results.resize(entry.program->outs.size());
  if (entry.program->call(entry.executable.get(), args.data(), args.size(), results.data()) == 0)
    return true;
  results.clear();
  return false;
}

PyObject* build_result(Entry& entry, const tree::LeafVector& leaves, const Pointers& results) {
  if (entry.routes.empty()) return tree::unflatten(*entry.out_tree, results.data(), results.size());
  Pointers routed;
  for (const int32_t route : entry.routes) {
    const size_t at = static_cast<size_t>(route < 0 ? ~route : route);
    if (route >= 0 && at >= results.size()) {
      PyErr_Format(PyExc_ValueError, "a program returned %zu arrays, expected more than %zu",
                   results.size(), at);
      return nullptr;
    }
    routed.push(route < 0 ? leaves[at] : results[at]);
  }
  return tree::unflatten(*entry.out_tree, routed.data(), routed.size());
}

}  // namespace

int Entry::traverse(visitproc visit, void* arg) const {
  Py_VISIT(executable.get());
  for (const Object& constant : captured) Py_VISIT(constant.get());
  if (const int stop = signature.traverse(visit, arg)) return stop;
  if (const int stop = out_tree.traverse(visit, arg)) return stop;
  return watches.traverse(visit, arg);
}

EntryPtr make_entry(PyObject* compiled, tree::Signature&& signature, size_t n_leaves) {
  PyObject *executable, *tree, *kept, *captured, *watches, *routes = Py_None;
  if (!PyTuple_Check(compiled)) {
    PyErr_SetString(PyExc_TypeError,
                    "compile: expected (executable, out_tree, kept, captured, watches, routes)");
    return nullptr;
  }
  if (!PyArg_ParseTuple(compiled, "OOOOO|O:compile", &executable, &tree, &kept, &captured, &watches,
                        &routes))
    return nullptr;
  auto entry = std::make_shared<Entry>();
  entry->signature = std::move(signature);
  const tree::TreeDef* treedef = tree::treedef_of(tree);
  if (!treedef || !read_program(*entry, executable) || !read_captured(*entry, captured))
    return nullptr;
  entry->out_tree = tree::TreeDefPtr(Py_NewRef(tree), treedef);
  entry->keeps_all = kept == Py_None;
  const long n = static_cast<long>(n_leaves);
  const long n_outs = entry->program ? static_cast<long>(entry->program->outs.size()) : INT32_MAX;
  if (kept != Py_None && !read_indices(kept, 0, n, entry->kept)) return nullptr;
  if (routes != Py_None && !read_indices(routes, -n, n_outs, entry->routes)) return nullptr;
  if (watches != Py_None && entry->watches.read(watches) != 0) return nullptr;
  if (!check_counts(*entry, n_leaves)) return nullptr;
  entry->is_single_leaf = entry->routes.empty() && entry->program && treedef->n_nodes() == 1 &&
                          treedef->n_leaves() == 1;
  return entry;
}

PyObject* run_entry(Entry& entry, const tree::LeafVector& leaves) {
  Pointers args, results;
  for (const Object& constant : entry.captured) args.push(constant.get());
  if (entry.keeps_all) {
    for (PyObject* leaf : leaves) args.push(leaf);
  } else {
    for (const uint32_t i : entry.kept) args.push(leaves[i]);
  }
  if (!call_program(entry, args, results)) {
    for (PyObject* result : results) Py_DECREF(result);
    return nullptr;
  }
  if (entry.is_single_leaf) return results[0];
  PyObject* result = build_result(entry, leaves, results);
  for (PyObject* item : results) Py_DECREF(item);
  return result;
}

}  // namespace gradax
