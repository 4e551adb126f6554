// What the control groups of this process grant it, of version 1 and 2.
#pragma once

#include <cstdint>
#include <string>

namespace gradax {

struct Grants {
  double cpus = 0;          // of time, as 1.5; 0: no limit
  int64_t memory = 0;       // bytes; 0: no limit
  int64_t memory_used = 0;  // of `memory`, without pages that can be dropped
};

// Reads the groups named in `membership` (as /proc/self/cgroup) and those above them, which are
// folders below `root` (as /sys/fs/cgroup); the least counts.
Grants read_grants(const std::string& root, const std::string& membership);
Grants read_grants();

// The bytes that this process could still write to before the system ran short; -1 if unknown.
int64_t available_memory();

}  // namespace gradax
