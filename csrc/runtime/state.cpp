#include "runtime/state.hpp"

#include <unordered_map>

namespace gradax {

thread_local ThreadState thread_state;
bool all_avoid_fast_path = false;

namespace {

const Config* default_config = nullptr;

// Keys are interned objects, kept for ever: there are as many as combinations of settings in use.
std::unordered_map<PyObject*, Config*>& configs() {
  static auto* instance = new std::unordered_map<PyObject*, Config*>;
  return *instance;
}

const Config* find_config(PyObject* key) {
  const auto found = configs().find(key);
  if (found != configs().end()) return found->second;
  PyErr_Format(PyExc_KeyError, "settings %R are not registered with set_scalar_avals", key);
  return nullptr;
}

}  // namespace

const Config* current_config() {
  return thread_state.config ? thread_state.config : default_config;
}

int register_config(PyObject* key, PyObject* const avals[4]) {
  const AvalInfo* infos[4];
  for (int i = 0; i < 4; ++i) {
    infos[i] = aval_info(avals[i]);
    if (!infos[i]) return -1;
    if (infos[i]->ndim() == 0 && !infos[i]->is_extended && infos[i]->type_num <= NPY_CLONGDOUBLE)
      continue;
    PyErr_Format(PyExc_ValueError, "set_scalar_avals: expected a scalar of a builtin dtype, got %R",
                 avals[i]);
    return -1;
  }
  Config*& config = configs()[key];
  if (!config) config = new Config{Py_NewRef(key), nullptr, nullptr, nullptr, nullptr};
  *config = {config->key, infos[0], infos[1], infos[2], infos[3]};
  return 0;
}

int set_thread_config(PyObject* key) {
  const Config* config = key == Py_None ? nullptr : find_config(key);
  if (!config && key != Py_None) return -1;
  thread_state.config = config;
  return 0;
}

int set_default_config(PyObject* key) {
  const Config* config = find_config(key);
  if (!config) return -1;
  default_config = config;
  return 0;
}

}  // namespace gradax
