#include "runtime/cpu_count.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "runtime/cgroup.hpp"

namespace gradax {
namespace {

int cpus_by_affinity() {
  // The kernel refuses a mask that is shorter than its own: machines may have thousands.
  for (int n_cpus = 1024; n_cpus <= 1 << 16; n_cpus *= 4) {
    cpu_set_t* cpus = CPU_ALLOC(n_cpus);
    if (!cpus) break;
    const size_t size = CPU_ALLOC_SIZE(n_cpus);
    const int found = sched_getaffinity(0, size, cpus) == 0 ? CPU_COUNT_S(size, cpus) : 0;
    CPU_FREE(cpus);
    if (found > 0) return found;
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

int Processors::count() const {
  int count = affinity;
  if (quota > 0) count = std::min(count, std::max(1, static_cast<int>(std::ceil(quota))));
  return std::min(count, kMaxThreads);
}

Processors processors() { return {cpus_by_affinity(), read_grants().cpus}; }

}  // namespace gradax
