// What a fork must leave behind: a child has none of its parent's threads.
#include <pthread.h>

#include "runtime/bind.hpp"
#include "runtime/memory.hpp"
#include "runtime/pool.hpp"
#include "runtime/stream.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

void before_fork() { lock_memory(); }
void after_fork_in_parent() { unlock_memory(); }

void after_fork_in_child() {
  unlock_memory();
  reset_pool();
  reset_streams();
}

}  // namespace

void bind_fork(nb::module_& module) {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  module.def("synchronize", &synchronize, "Wait until every queued call has run.");
  nb::object wait = module.attr("synchronize");
  // Python's own hook may let the GIL go, which a queued call that calls Python needs.
  nb::module_::import_("os").attr("register_at_fork")(nb::arg("before") = wait);
  // Machine code must not run while the interpreter takes its owner apart.
  nb::module_::import_("atexit").attr("register")(wait);
}

}  // namespace gradax
