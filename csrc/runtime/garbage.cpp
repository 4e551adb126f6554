// References dropped by threads that do not hold the GIL.
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/memory.hpp"
#include "runtime/spin_lock.hpp"

namespace gradax {
namespace {

struct Garbage {
  SpinLock lock;
  std::vector<PyObject*> objects;
  std::atomic<bool> has_some{false};
  bool is_call_pending = false;
};

Garbage& garbage() {
  static auto* instance = new Garbage;
  return *instance;
}

int collect_pending(void*) {
  collect_released();
  return 0;
}

}  // namespace

void lock_garbage() { garbage().lock.lock(); }
void unlock_garbage() { garbage().lock.unlock(); }

void release_object(PyObject* object) {
  // After the interpreter has gone (a thread's own variables die last) nothing can be released.
  if (!object || !Py_IsInitialized()) return;
  if (PyGILState_Check()) {
    Py_DECREF(object);
    return;
  }
  Garbage& all = garbage();
  bool ask = false;
  {
    std::lock_guard guard(all.lock);
    all.objects.push_back(object);
    all.has_some.store(true, std::memory_order_release);
    ask = !std::exchange(all.is_call_pending, true);
  }
  // If the queue is full the next call of a compiled function collects instead.
  if (ask && Py_IsInitialized() && Py_AddPendingCall(collect_pending, nullptr) != 0) {
    std::lock_guard guard(all.lock);
    all.is_call_pending = false;
  }
}

void collect_released() {
  Garbage& all = garbage();
  if (!all.has_some.load(std::memory_order_acquire)) return;
  std::vector<PyObject*> objects;
  {
    std::lock_guard guard(all.lock);
    objects.swap(all.objects);
    all.has_some.store(false, std::memory_order_relaxed);
    all.is_call_pending = false;
  }
  for (PyObject* object : objects) Py_DECREF(object);
}

}  // namespace gradax
