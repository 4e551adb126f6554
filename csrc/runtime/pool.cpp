#include "runtime/pool.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "abi.h"
#include "runtime/cpu_count.hpp"
#include "runtime/spin_lock.hpp"
#include "runtime/state.hpp"

namespace gradax {
namespace {

constexpr int kSlots = 16;
constexpr auto kSpin = std::chrono::microseconds(50);
constexpr int kChunksPerThread = 4;

thread_local bool is_in_loop = false;

void futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value,
          nullptr, nullptr, 0);
}

// A loop in progress. A worker joins by raising `members` while the slot is open; only then may it
// read the fields, and the caller leaves them alone until all members have left.
struct alignas(64) Slot {
  static constexpr uint32_t kOpen = 1u << 31;
  std::atomic<uint32_t> members{0};
  std::atomic<bool> is_taken{false};
  std::atomic<int32_t> places{0};  // members that can be useful
  CallContext* ctx;
  GxBody body;
  void* env;
  int64_t n, chunk;
  alignas(64) std::atomic<int64_t> next{0};

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= n) return;
      body(ctx, env, begin, std::min(begin + chunk, n));
    }
  }

  bool join() {
    uint32_t seen = members.load(std::memory_order_acquire);
    while (seen & kOpen) {
      if (static_cast<int32_t>(seen & ~kOpen) >= places.load(std::memory_order_relaxed))
        return false;
      if (members.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
};

class Pool {
 public:
  void run(CallContext* ctx, GxBody body, void* env, int64_t n, int64_t grain, int n_threads) {
    Slot* slot = claim();
    if (!slot) {
      body(ctx, env, 0, n);
      return;
    }
    const int64_t share = (n + n_threads * kChunksPerThread - 1) / (n_threads * kChunksPerThread);
    slot->ctx = ctx;
    slot->body = body;
    slot->env = env;
    slot->n = n;
    slot->chunk = (std::max(share, grain) + grain - 1) / grain * grain;
    slot->next.store(0, std::memory_order_relaxed);
    const int64_t n_chunks = (n + slot->chunk - 1) / slot->chunk;
    const int helpers = static_cast<int>(std::min<int64_t>(n_threads, n_chunks)) - 1;
    slot->places.store(helpers, std::memory_order_relaxed);
    slot->members.store(Slot::kOpen, std::memory_order_release);
    wake(helpers);
    is_in_loop = true;
    slot->work();
    is_in_loop = false;
    // Who has not begun by now never will; who has is in its last chunk.
    slot->members.fetch_and(~Slot::kOpen, std::memory_order_acq_rel);
    for (int i = 0; slot->members.load(std::memory_order_acquire) != 0; ++i) {
      if (i % 1024 == 1023) std::this_thread::yield();
      pause_cpu();
    }
    slot->is_taken.store(false, std::memory_order_release);
  }

  void ensure_workers(int wanted) {
    if (n_workers_.load(std::memory_order_acquire) >= wanted) return;
    std::lock_guard guard(growth_);
    for (int n = n_workers_.load(); n < wanted; ++n) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        return;  // the loop runs with the threads there are
      }
      n_workers_.store(n + 1, std::memory_order_release);
    }
  }

 private:
  Slot* claim() {
    for (Slot& slot : slots_) {
      bool taken = false;
      if (slot.is_taken.compare_exchange_strong(taken, true, std::memory_order_acquire))
        return &slot;
    }
    return nullptr;
  }

  void wake(int helpers) {
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) futex(epoch_, FUTEX_WAKE, helpers);
  }

  bool help_once() {
    for (Slot& slot : slots_) {
      if (!(slot.members.load(std::memory_order_acquire) & Slot::kOpen) || !slot.join()) continue;
      slot.work();
      slot.members.fetch_sub(1, std::memory_order_acq_rel);
      return true;
    }
    return false;
  }

  void serve() {
    is_in_loop = true;
    for (;;) {
      const uint32_t seen = epoch_.load(std::memory_order_seq_cst);
      while (help_once()) {
      }
      if (!spin_until_work(seen)) {
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        futex(epoch_, FUTEX_WAIT, seen);
        sleepers_.fetch_sub(1, std::memory_order_seq_cst);
      }
    }
  }

  bool spin_until_work(uint32_t seen) {
    const auto end = std::chrono::steady_clock::now() + kSpin;
    do {
      for (int i = 0; i < 32; ++i) {
        if (epoch_.load(std::memory_order_relaxed) != seen) return true;
        pause_cpu();
      }
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  Slot slots_[kSlots];
  alignas(64) std::atomic<uint32_t> epoch_{0};
  std::atomic<int32_t> sleepers_{0};
  std::atomic<int> n_workers_{0};
  std::mutex growth_;
};

// Replaced, never destroyed: workers use it until the process ends.
std::atomic<Pool*> pool{nullptr};
std::atomic<int> thread_limit{0};

Pool& current_pool() {
  Pool* current = pool.load(std::memory_order_acquire);
  if (current) return *current;
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *current;
}

}  // namespace

int num_threads() {
  if (const int own = thread_state.n_threads) return own;
  int limit = thread_limit.load(std::memory_order_relaxed);
  if (limit == 0) {
    limit = processors().count();
    thread_limit.store(limit, std::memory_order_relaxed);
  }
  return limit;
}

void set_num_threads(int n_threads) {
  thread_limit.store(std::clamp(n_threads, 0, kMaxThreads), std::memory_order_relaxed);
}

void set_num_threads_here(int n_threads) {
  thread_state.n_threads = std::clamp(n_threads, 0, kMaxThreads);
}

bool in_parallel_loop() { return is_in_loop; }

void reset_pool() {
  pool.store(nullptr, std::memory_order_release);
  is_in_loop = false;
}

}  // namespace gradax

extern "C" {

void gx_parallel_for(CallContext* ctx, GxBody body, void* env, int64_t n, int64_t grain) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (ctx->n_threads <= 1 || n <= grain || gradax::is_in_loop) {
    body(ctx, env, 0, n);
    return;
  }
  gradax::Pool& pool = gradax::current_pool();
  pool.ensure_workers(ctx->n_threads - 1);
  pool.run(ctx, body, env, n, grain, ctx->n_threads);
}

void gx_fail(CallContext* ctx, int32_t status, const char* message) {
  int32_t expected = GX_OK;
  std::atomic_ref<int32_t> current(ctx->status);
  if (!current.compare_exchange_strong(expected, status)) return;
  std::strncpy(ctx->message, message, GX_MESSAGE_SIZE - 1);
  ctx->message[GX_MESSAGE_SIZE - 1] = '\0';
}
}
