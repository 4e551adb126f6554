// What belongs to a thread of the user's program: its interpreter and its settings.
#pragma once

#include <Python.h>

#include "runtime/aval_info.hpp"

namespace gradax {

// The settings that a compiled program depends on, as one interned object, with the avals that
// Python's scalars take under them.
struct Config {
  PyObject* key;
  const AvalInfo* bool_aval;
  const AvalInfo* int_aval;
  const AvalInfo* float_aval;
  const AvalInfo* complex_aval;
};

struct ThreadState {
  PyObject* trace = nullptr;       // null: eager
  const Config* config = nullptr;  // null: the process's default
  bool avoids_fast_path = false;
  int n_threads = 0;  // of a parallel loop; 0: the process's number
};

extern thread_local ThreadState thread_state;

// Sends the jitted calls of all threads to the slow path.
extern bool all_avoid_fast_path;

// The thread's settings, or the default ones; null before any were registered.
const Config* current_config();

int register_config(PyObject* key, PyObject* const avals[4]);
int set_thread_config(PyObject* key);  // None: follow the default
int set_default_config(PyObject* key);

}  // namespace gradax
