// Threads and symbols; the rest of the runtime is bound by the files beside this one.
#include "runtime/bind.hpp"

#include <nanobind/stl/string.h>

#include "abi.h"
#include "jit/jit_function.hpp"
#include "runtime/pool.hpp"
#include "symbols.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

nb::dict symbols_dict() {
  nb::dict out;
  for (const auto& [name, address] : symbols())
    out[nb::str(name.c_str())] = reinterpret_cast<uintptr_t>(address);
  return out;
}

}  // namespace

void bind_runtime(nb::module_& module) {
  register_symbol("gx_parallel_for", &gx_parallel_for);
  register_symbol("gx_alloc", &gx_alloc);
  register_symbol("gx_free", &gx_free);
  register_symbol("gx_fail", &gx_fail);
  bind_state(module);
  bind_arrays(module);
  bind_executable(module);
  bind_callbacks(module);
  bind_fork(module);
  if (init_jit_type(module.ptr()) != 0) nb::raise_python_error();
  module.def("symbols", &symbols_dict, "Return the addresses that compiled code may name.");
  module.def("num_threads", &num_threads, "Return how many threads a parallel loop may use.");
  module.def(
      "set_num_threads",
      [](int n_threads) {
        if (n_threads < 0) throw nb::value_error("set_num_threads: expected 0 (automatic) or more");
        set_num_threads(n_threads);
      },
      nb::arg("n_threads"), "Set how many threads a parallel loop may use; 0 is automatic.");
}

}  // namespace gradax
