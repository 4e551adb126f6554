#include "runtime/event.hpp"

#include <chrono>

#include "runtime/gil.hpp"
#include "runtime/hooks.hpp"
#include "runtime/memory.hpp"
#include "runtime/spin_lock.hpp"
#include "runtime/stream.hpp"

namespace gradax {

Event::~Event() { release_object(error_); }

void Event::release() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Event::notify() {
  {
    std::lock_guard guard(mutex_);
    done_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
}

void Event::finish(CallContext& ctx) {
  status_ = ctx.status;
  if (status_ != GX_OK) message_ = ctx.message;
  error_ = static_cast<PyObject*>(std::exchange(ctx.error, nullptr));
  notify();
}

// An input failed: this call did not run, and fails with the same words. The error object stays
// with the first event, because a thread without the GIL cannot share it.
void Event::finish_like(const Event& failed) {
  status_ = failed.status_ == GX_PYTHON_ERROR ? GX_RUNTIME_ERROR : failed.status_;
  message_ = failed.message_;
  where_ = failed.where_;
  notify();
}

void Event::wait_native() {
  for (int i = 0; i < 200; ++i) {
    if (is_done()) return;
    pause_cpu();
  }
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [this] { return is_done(); });
}

int Event::wait() {
  // A long program must not make the process deaf to Ctrl-C.
  constexpr auto kBetweenSignals = std::chrono::milliseconds(50);
  bool waits_for_itself = false;
  while (!is_done()) {
    {
      WithoutGil others_run;
      waits_for_itself = !run_ahead(*this);
      for (int i = 0; i < 200 && !is_done(); ++i) pause_cpu();
      std::unique_lock guard(mutex_);
      if (!waits_for_itself)
        changed_.wait_for(guard, kBetweenSignals, [this] { return is_done(); });
    }
    if (waits_for_itself) {
      PyErr_SetString(error_class(GX_RUNTIME_ERROR),
                      "a callback waits for a value of the call that it belongs to, or of one that "
                      "follows it; pass what it needs to it as arguments");
      return -1;
    }
    if (!is_done() && PyErr_CheckSignals() != 0) return -1;
  }
  return 0;
}

void Event::raise() const { raise_failure(status_, message_.c_str(), error_, where_.c_str()); }

void raise_failure(int32_t status, const char* message, PyObject* error, const char* where) {
  if (error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
    return;
  }
  const char* text = *message ? message : "a compiled program failed without a message";
  if (*where)
    PyErr_Format(error_class(status), "%s\nThe call was made at %s", text, where);
  else
    PyErr_SetString(error_class(status), text);
}

}  // namespace gradax
