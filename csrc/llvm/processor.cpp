#include "llvm/processor.hpp"

#include <cstdio>

#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/utsname.h>

#include <fstream>
#endif

namespace gradax::llvm {

#if defined(__x86_64__)

std::string processor() {
  // Leaf 1 without what tells cores apart (ebx), leaf 7, and what the system saves (xgetbv).
  std::string out;
  const auto add = [&](unsigned value) {
    char text[16];
    std::snprintf(text, sizeof text, "%08x", value);
    out += text;
  };
  unsigned a = 0, b = 0, c = 0, d = 0;
  __get_cpuid(1, &a, &b, &c, &d);
  add(a), add(c & ~(1u << 27)), add(d);
  const bool saves_vectors = c & (1u << 27);
  for (unsigned leaf = 0; leaf < 2; ++leaf) {
    a = b = c = d = 0;
    __get_cpuid_count(7, leaf, &a, &b, &c, &d);
    add(a), add(b), add(c), add(d);
  }
  unsigned low = 0, high = 0;
  if (saves_vectors) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  add(low);
  return "x86-64 " + out;
}

std::string processor_vendor() {
  unsigned a = 0, words[3] = {};
  __get_cpuid(0, &a, &words[0], &words[2], &words[1]);
  return std::string(reinterpret_cast<const char*>(words), sizeof words);
}

int vector_bytes() {
  if (__builtin_cpu_supports("avx512f")) return 64;
  return __builtin_cpu_supports("avx2") ? 32 : 16;
}

bool has_fma() { return __builtin_cpu_supports("fma"); }

#else

std::string processor() {
  utsname facts{};
  uname(&facts);
  std::string out = facts.machine, line;
  std::ifstream file("/proc/cpuinfo");
  while (std::getline(file, line)) {
    const bool tells = !line.rfind("Features", 0) || !line.rfind("CPU part", 0) ||
                       !line.rfind("CPU implementer", 0) || !line.rfind("isa", 0);
    if (tells && out.find(line) == std::string::npos) out += " " + line;
  }
  return out;
}

std::string processor_vendor() { return {}; }

int vector_bytes() { return 16; }

bool has_fma() {
#if defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

#endif

}  // namespace gradax::llvm
