// The runtime's part of the Python module.
#pragma once

#include <nanobind/nanobind.h>

namespace gradax {

void bind_runtime(nanobind::module_& module);
void bind_arrays(nanobind::module_& module);
void bind_state(nanobind::module_& module);
void bind_executable(nanobind::module_& module);
void bind_callbacks(nanobind::module_& module);
void bind_threads(nanobind::module_& module);
void bind_fork(nanobind::module_& module);

}  // namespace gradax
