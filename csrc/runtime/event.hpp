// What the outputs of one asynchronous call share: whether it is done, and what went wrong.
#pragma once

#include <Python.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "abi.h"

namespace gradax {

class Event {
 public:
  explicit Event(std::string where) : where_(std::move(where)) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void retain() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release();

  bool is_done() const { return done_.load(std::memory_order_acquire); }
  bool has_failed() const { return is_done() && status_ != GX_OK; }

  // Called once, by the thread that ran the call. Takes over the context's error object.
  void finish(CallContext& ctx);
  void finish_like(const Event& failed);

  // Waits with the GIL released, answering signals; -1 with a Python error set on a signal.
  int wait();
  // Waits without touching Python.
  void wait_native();

  // Sets the Python error that the call ended with.
  void raise() const;

 private:
  ~Event();
  void notify();

  std::atomic<int32_t> refs_{1};
  std::atomic<bool> done_{false};
  int32_t status_ = GX_OK;
  PyObject* error_ = nullptr;
  std::string message_;
  std::string where_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Sets the Python error for a failed call. `where` is the user's line, or empty.
void raise_failure(int32_t status, const char* message, PyObject* error, const char* where);

}  // namespace gradax
