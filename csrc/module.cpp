// The extension module gradax._native.
#define GRADAX_LOADS_NUMPY
#include <nanobind/nanobind.h>

#include "kernels/kernels.hpp"
#include "llvm/bind.hpp"
#include "numpy_api.hpp"
#include "runtime/bind.hpp"
#include "tree/tree.hpp"

namespace nb = nanobind;

NB_MODULE(_native, module) {
  module.doc() = "The C++ runtime of gradax; Python reaches it through gradax.native.";
  // Registered pytree classes live as long as the process, and what they refer to with them.
  nb::set_leak_warnings(false);
  if (_import_array() < 0) nb::raise_python_error();
  gradax::bind_runtime(module);
  gradax::bind_tree(module);
  gradax::bind_kernels(module);
  gradax::bind_llvm(module);
}
