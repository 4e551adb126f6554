#pragma once

#include <chrono>

namespace gradax {

// Returns a time in nanoseconds that only grows.
inline double now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(now).count();
}

}  // namespace gradax
