#include "runtime/cpu_count.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace gradax {
namespace {

int cpus_by_affinity() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
  return std::max(1u, std::thread::hardware_concurrency());
}

// Reads the quota of cgroup v2 ("max 100000" or "150000 100000") or v1; 0 if there is none.
double cpus_by_quota() {
  double quota = 0, period = 0;
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0;
    std::fclose(file);
    return period > 0 ? quota / period : 0;
  }
  FILE* quota_file = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
  FILE* period_file = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
  if (!quota_file || std::fscanf(quota_file, "%lf", &quota) != 1) quota = 0;
  if (!period_file || std::fscanf(period_file, "%lf", &period) != 1) period = 0;
  if (quota_file) std::fclose(quota_file);
  if (period_file) std::fclose(period_file);
  return quota > 0 && period > 0 ? quota / period : 0;
}

}  // namespace

int cpu_count() {
  if (const char* stated = std::getenv("GRADAX_NUM_THREADS")) {
    const int wanted = std::atoi(stated);
    if (wanted > 0) return std::min(wanted, kMaxThreads);
  }
  int count = cpus_by_affinity();
  const double quota = cpus_by_quota();
  if (quota > 0) count = std::min(count, std::max(1, static_cast<int>(std::ceil(quota))));
  return std::min(count, kMaxThreads);
}

}  // namespace gradax
