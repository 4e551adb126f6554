// The number of threads, and what the system grants.
#include <nanobind/stl/string.h>

#include "runtime/bind.hpp"
#include "runtime/cgroup.hpp"
#include "runtime/cpu_count.hpp"
#include "runtime/pool.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

void require_count(const char* function, int n_threads) {
  if (n_threads >= 0) return;
  throw nb::value_error((std::string(function) + ": expected 0 (automatic) or more").c_str());
}

}  // namespace

void bind_threads(nb::module_& module) {
  module.def("num_threads", &num_threads, "Return how many threads a parallel loop may use.");
  module.def(
      "set_num_threads",
      [](int n_threads) {
        require_count("set_num_threads", n_threads);
        set_num_threads(n_threads);
      },
      nb::arg("n_threads"), "Set how many threads a parallel loop may use; 0 is automatic.");
  module.def(
      "set_num_threads_here",
      [](int n_threads) {
        require_count("set_num_threads_here", n_threads);
        set_num_threads_here(n_threads);
      },
      nb::arg("n_threads"), "The same for this thread's calls; 0 is what all others have.");
  module.def(
      "processors",
      [] {
        const Processors granted = processors();
        return nb::make_tuple(granted.count(), granted.affinity, granted.quota);
      },
      "Return the automatic number of threads, the processors of the affinity mask, and those that "
      "the control groups grant (0: no limit).");
  module.def(
      "read_grants",
      [](const std::string& root, const std::string& membership) {
        const Grants grants = read_grants(root, membership);
        return nb::make_tuple(grants.cpus, grants.memory, grants.memory_used);
      },
      nb::arg("root"), nb::arg("membership"),
      "Return processors, bytes and used bytes of control groups below `root`; for tests.");
  module.def("available_memory", &available_memory,
             "Return how many bytes are left before the system runs short; -1 if unknown.");
}

}  // namespace gradax
