#include "runtime/cgroup.hpp"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace gradax {
namespace {

// Returns the text of a small file, empty if it cannot be read.
std::string read_text(const std::string& path) {
  std::string text;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char part[4096];
    while (const size_t n = std::fread(part, 1, sizeof part, file)) text.append(part, n);
    std::fclose(file);
  }
  return text;
}

// Returns the number that a file begins with; 0 for "max" and for files that are not there.
double read_number(const std::string& path) { return std::atof(read_text(path).c_str()); }

// Returns the number behind a word that begins a line; -1 if there is none.
int64_t find_number(const std::string& text, std::string_view word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.compare(0, word.size(), word) == 0) return std::atoll(line.c_str() + word.size());
  return -1;
}

void lower(double& limit, double stated) {
  if (stated > 0 && (limit == 0 || stated < limit)) limit = stated;
}

// Without a limit version 1 states one near 2^63.
void lower(Grants& grants, double limit, double used, const std::string& counts) {
  constexpr double kNone = 1e18;
  if (!(limit > 0) || limit > kNone) return;
  if (grants.memory != 0 && static_cast<double>(grants.memory) <= limit) return;
  grants.memory = static_cast<int64_t>(limit);
  // Pages of files go first when memory runs short.
  int64_t droppable = find_number(counts, "total_inactive_file ");
  if (droppable < 0) droppable = find_number(counts, "inactive_file ");
  grants.memory_used = static_cast<int64_t>(used) - (droppable > 0 ? droppable : 0);
}

void read_group(const std::string& folder, Grants& grants) {
  double quota = 0, period = 0;
  if (std::sscanf(read_text(folder + "/cpu.max").c_str(), "%lf %lf", &quota, &period) == 2 &&
      period > 0)
    lower(grants.cpus, quota / period);
  quota = read_number(folder + "/cpu.cfs_quota_us");
  period = read_number(folder + "/cpu.cfs_period_us");
  if (quota > 0 && period > 0) lower(grants.cpus, quota / period);
  const std::string counts = read_text(folder + "/memory.stat");
  lower(grants, read_number(folder + "/memory.max"), read_number(folder + "/memory.current"),
        counts);
  lower(grants, read_number(folder + "/memory.limit_in_bytes"),
        read_number(folder + "/memory.usage_in_bytes"), counts);
}

// A group and all above it. In a container the path may be the host's, and only the top is there.
void read_groups(const std::string& top, std::string path, Grants& grants) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  while (!path.empty()) {
    read_group(top + path, grants);
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  read_group(top, grants);
}

}  // namespace

Grants read_grants(const std::string& root, const std::string& membership) {
  Grants grants;
  read_groups(root, "", grants);
  for (const char* controller : {"/cpu", "/memory"}) read_groups(root + controller, "", grants);
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool matters = controllers.empty() || controllers.find("cpu") == 0 ||
                         controllers.find("memory") != std::string::npos;
    if (!matters) continue;
    const std::string top = controllers.empty() ? root : root + "/" + controllers;
    read_groups(top, line.substr(second + 1), grants);
  }
  return grants;
}

Grants read_grants() { return read_grants("/sys/fs/cgroup", read_text("/proc/self/cgroup")); }

int64_t available_memory() {
  const int64_t kibibytes = find_number(read_text("/proc/meminfo"), "MemAvailable:");
  int64_t available = kibibytes < 0 ? -1 : kibibytes * 1024;
  const Grants grants = read_grants();
  if (grants.memory > 0) {
    const int64_t left = grants.memory - grants.memory_used;
    if (available < 0 || left < available) available = left > 0 ? left : 0;
  }
  return available;
}

}  // namespace gradax
