// Symbols; the rest of the runtime is bound by the files beside this one.
#include "runtime/bind.hpp"

#include <nanobind/stl/string.h>

#include "abi.h"
#include "jit/jit_function.hpp"
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
  bind_threads(module);
}

}  // namespace gradax
