// LLVM's part of the Python module.
#pragma once

#include <nanobind/nanobind.h>

namespace gradax {

void bind_llvm(nanobind::module_& module);

}  // namespace gradax
