// What a fork must leave behind: a child has none of its parent's threads.
#include <pthread.h>
#include <unistd.h>

#include "runtime/bind.hpp"
#include "runtime/memory.hpp"
#include "runtime/pool.hpp"
#include "runtime/stream.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

void before_fork() {
  lock_memory();
  lock_garbage();
}

void after_fork_in_parent() {
  unlock_garbage();
  unlock_memory();
}

void after_fork_in_child() {
  after_fork_in_parent();
  reset_pool();
  reset_streams();
}

void wait_for_streams() {
  if (synchronize() != 0) nb::raise_python_error();
}

// Machine code must not run while the interpreter takes its owner apart: who does not want to wait
// for it ends the process.
void finish() {
  if (synchronize() == 0) return;
  PyErr_Clear();
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* file = PySys_GetObject(name);
    Py_XDECREF(file ? PyObject_CallMethod(file, "flush", nullptr) : nullptr);
    PyErr_Clear();
  }
  constexpr int kInterrupted = 130;
  _exit(kInterrupted);
}

}  // namespace

void bind_fork(nb::module_& module) {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  module.def("synchronize", &wait_for_streams, "Wait until every queued call has run.");
  nb::object wait = module.attr("synchronize");
  // Python's own hook may let the GIL go, which a queued call that calls Python needs.
  nb::module_::import_("os").attr("register_at_fork")(nb::arg("before") = wait);
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(&finish));
}

}  // namespace gradax
