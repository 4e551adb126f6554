// The call path of jitted functions: flatten, look up, run; Python only on a miss.
#include <new>

#include "jit/jit_function.hpp"
#include "runtime/hooks.hpp"

namespace gradax {
namespace {

Object positional(PyObject* const* args, Py_ssize_t n_args) {
  Object tuple(PyTuple_New(n_args));
  for (Py_ssize_t i = 0; tuple && i < n_args; ++i)
    PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  return tuple;
}

Object named(PyObject* const* values, PyObject* names) {
  Object dict(PyDict_New());
  for (Py_ssize_t i = 0; dict && names && i < PyTuple_GET_SIZE(names); ++i)
    if (PyDict_SetItem(dict.get(), PyTuple_GET_ITEM(names, i), values[i]) != 0) return Object();
  return dict;
}

// Lets the error that is set go on with the traceback that its reader is to see.
void shorten_traceback() {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  PyObject* hook = find_hook("on_error");
  PyObject* found = hook && value && traceback
                        ? PyObject_CallFunctionObjArgs(hook, value, traceback, nullptr)
                        : nullptr;
  PyErr_Clear();
  if (found) {
    Py_XDECREF(traceback);
    traceback = found == Py_None ? nullptr : Py_NewRef(found);
    Py_DECREF(found);
  }
  PyErr_Restore(type, value, traceback);
}

PyObject* call_with(PyObject* target, PyObject* const* args, Py_ssize_t n_args, PyObject* names) {
  Object tuple = positional(args, n_args);
  Object dict = named(args + n_args, names);
  if (!tuple || !dict) return nullptr;
  PyObject* result = PyObject_CallFunctionObjArgs(target, tuple.get(), dict.get(), nullptr);
  if (!result) shorten_traceback();
  return result;
}

// Comparing static arguments may run Python, which may change the cache: so look at copies.
EntryPtr find(const JitFunction* self, const tree::Signature& signature) {
  auto [first, last] = self->entries.equal_range(signature.hash());
  if (first == last) return nullptr;
  EntryPtr candidate = first->second;
  std::vector<EntryPtr> others;
  for (++first; first != last; ++first) others.push_back(first->second);
  for (size_t i = 0;; ++i) {
    const int equal = candidate->signature.equals(signature);
    if (equal > 0) return candidate;
    if (equal < 0 || i == others.size()) return nullptr;
    candidate = others[i];
  }
}

// Null without an error where there is nothing to keep.
EntryPtr compile(JitFunction* self, CallArguments& call, PyObject* const* args, Py_ssize_t n_args,
                 PyObject* names) {
  Object compiled(call_with(self->compile, args, n_args, names));
  if (!compiled || compiled.get() == Py_None) return nullptr;
  const uint64_t hash = call.signature.hash();
  EntryPtr entry = make_entry(compiled.get(), std::move(call.signature), call.leaves.size());
  if (!entry) return nullptr;
  // Another thread may have compiled the same meanwhile; then its entry stays the one.
  if (EntryPtr found = find(self, entry->signature)) return found;
  if (PyErr_Occurred()) return nullptr;
  self->entries.emplace(hash, entry);
  return entry;
}

PyObject* call_fast(JitFunction* self, PyObject* const* args, Py_ssize_t n_args, PyObject* names) {
  collect_released();
  CallArguments call;
  switch (gather_arguments(self, args, n_args, names, call)) {
    case Outcome::Failed:
      return nullptr;
    case Outcome::SlowPath:
      return call_with(self->slow, args, n_args, names);
    case Outcome::Ready:
      break;
  }
  EntryPtr entry = find(self, call.signature);
  if (!entry) {
    if (PyErr_Occurred()) return nullptr;
    entry = compile(self, call, args, n_args, names);
    if (!entry)  // without an error: a program that needs Python at each call
      return PyErr_Occurred() ? nullptr : call_with(self->slow, args, n_args, names);
  } else if (entry->watches.check(reinterpret_cast<PyObject*>(self)) != 0) {
    return nullptr;
  }
  return run_entry(*entry, call.leaves);
}

}  // namespace

PyObject* call_jit(PyObject* object, PyObject* const* args, size_t n_args_and_flag,
                   PyObject* names) {
  auto* self = reinterpret_cast<JitFunction*>(object);
  const Py_ssize_t n_args = PyVectorcall_NARGS(n_args_and_flag);
  const ThreadState& thread = thread_state;
  if (thread.trace || thread.avoids_fast_path || all_avoid_fast_path)
    return call_with(self->slow, args, n_args, names);
  try {
    return call_fast(self, args, n_args, names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace gradax
