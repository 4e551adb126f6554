#include "jit/watch.hpp"

#include "runtime/hooks.hpp"

namespace gradax {
namespace {

// A number that changes whenever the dict does. Later Pythons have none to read: 0, never equal
// to a remembered one.
uint64_t version_of(PyObject* dict) {
#if PY_VERSION_HEX < 0x030C0000
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
#else
  (void)dict;
  return 0;
#endif
}

// 1: the change was reported; 0: Python holds the values to be the same; -1: it raised.
int report(PyObject* function, PyObject* name, PyObject* old, PyObject* now) {
  PyObject* hook = get_hook(Hook::OnGlobalChanged);
  if (!hook) return -1;
  Object result(
      PyObject_CallFunctionObjArgs(hook, function, name, old, now ? now : Py_None, nullptr));
  return result ? result.get() != Py_False : -1;
}

}  // namespace

int WatchList::read(PyObject* watches) {
  Object items(PySequence_Fast(watches, "compile: the watch list is a sequence"));
  if (!items) return -1;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
    const bool valid = PyTuple_Check(item) && PyTuple_GET_SIZE(item) == 3 &&
                       PyDict_Check(PyTuple_GET_ITEM(item, 0)) &&
                       PyUnicode_Check(PyTuple_GET_ITEM(item, 1));
    if (!valid) {
      PyErr_SetString(PyExc_TypeError, "compile: a watch is (globals dict, name, value)");
      return -1;
    }
    PyObject* dict = PyTuple_GET_ITEM(item, 0);
    size_t at = 0;
    while (at < dicts_.size() && dicts_[at].dict.get() != dict) ++at;
    // The value may have changed since tracing, so the first check looks: no version is 0.
    if (at == dicts_.size()) dicts_.push_back({Object::share(dict), 0, {}});
    dicts_[at].names.push_back(
        {Object::share(PyTuple_GET_ITEM(item, 1)), Object::share(PyTuple_GET_ITEM(item, 2))});
  }
  return 0;
}

int WatchList::check_dicts(PyObject* function) {
  for (size_t i = 0; i < dicts_.size(); ++i) {
    const uint64_t version = version_of(dicts_[i].dict.get());
    if (version != 0 && version == dicts_[i].version) continue;
    if (check_names(function, i) != 0) return -1;
    if (i < dicts_.size()) dicts_[i].version = version;
  }
  return 0;
}

int WatchList::check_names(PyObject* function, size_t dict) {
  for (size_t i = 0; i < dicts_[dict].names.size();) {
    Name& watched = dicts_[dict].names[i];
    PyObject* now = PyDict_GetItemWithError(dicts_[dict].dict.get(), watched.name.get());
    if (!now && PyErr_Occurred()) return -1;
    if (now == watched.value.get()) {
      ++i;
      continue;
    }
    // Dropped first: the report may call the function again.
    Object held = Object::share(now);
    Name changed = std::move(watched);
    dicts_[dict].names.erase(dicts_[dict].names.begin() + static_cast<std::ptrdiff_t>(i));
    const int result = report(function, changed.name.get(), changed.value.get(), held.get());
    if (result < 0) return -1;
    if (result == 0) dicts_[dict].names.push_back({std::move(changed.name), std::move(held)});
  }
  return 0;
}

int WatchList::traverse(visitproc visit, void* arg) const {
  for (const Dict& dict : dicts_) {
    Py_VISIT(dict.dict.get());
    for (const Name& watched : dict.names) Py_VISIT(watched.value.get());
  }
  return 0;
}

}  // namespace gradax
