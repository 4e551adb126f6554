// How many threads this process should use.
#pragma once

namespace gradax {

constexpr int kMaxThreads = 256;

// GRADAX_NUM_THREADS, else the smaller of the affinity mask and the cgroup's quota, rounded up.
int cpu_count();

}  // namespace gradax
