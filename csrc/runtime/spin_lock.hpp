// A lock for critical sections of a few instructions.
#pragma once

#include <atomic>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gradax {

inline void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class SpinLock {
 public:
  void lock() {
    int tries = 0;
    while (taken_.exchange(true, std::memory_order_acquire)) {
      // The holder may have lost its core: let it run.
      if (++tries % 64 == 0) std::this_thread::yield();
      pause_cpu();
    }
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace gradax
