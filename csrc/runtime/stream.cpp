#include "runtime/stream.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/gil.hpp"

namespace gradax {
namespace {

// Enough to hide the caller's work; more would only hold more memory at once.
constexpr size_t kMostQueued = 32;

thread_local bool serves_stream = false;

class Stream {
 public:
  Stream() {
    std::thread([this] { serve(); }).detach();
  }

  void push(std::unique_ptr<Task> task) {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return n_unfinished_ < kMostQueued; });
    tasks_.push_back(std::move(task));
    ++n_unfinished_;
    guard.unlock();
    changed_.notify_all();
  }

  bool is_full() {
    std::lock_guard guard(mutex_);
    return n_unfinished_ >= kMostQueued;
  }

  bool is_idle() {
    std::lock_guard guard(mutex_);
    return n_unfinished_ == 0;
  }

  // Waits until the stream is idle, but not for long: its caller must hear signals.
  void wait_a_while() {
    std::unique_lock guard(mutex_);
    changed_.wait_for(guard, std::chrono::milliseconds(50), [this] { return n_unfinished_ == 0; });
  }

 private:
  void serve() {
    serves_stream = true;
    for (;;) {
      std::unique_ptr<Task> task = next();
      task->run();
      task.reset();
      // Last of all: a fork may follow as soon as the stream counts as idle.
      std::lock_guard guard(mutex_);
      --n_unfinished_;
      changed_.notify_all();
    }
  }

  std::unique_ptr<Task> next() {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return !tasks_.empty(); });
    std::unique_ptr<Task> task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Task>> tasks_;
  size_t n_unfinished_ = 0;
};

// Indexed by device; used with the GIL held, and never destroyed.
std::vector<Stream*>& streams() {
  static auto* instance = new std::vector<Stream*>;
  return *instance;
}

Stream& stream_of(int device) {
  auto& all = streams();
  if (all.size() <= static_cast<size_t>(device)) all.resize(device + 1);
  if (!all[device]) all[device] = new Stream;
  return *all[device];
}

}  // namespace

void enqueue(std::unique_ptr<Task> task) {
  Stream& stream = stream_of(task->device);
  if (!stream.is_full()) return stream.push(std::move(task));
  WithoutGil others_run;
  stream.push(std::move(task));
}

bool is_stream_thread() { return serves_stream; }

int synchronize() {
  // A callback of a queued call would wait for itself.
  if (serves_stream) return 0;
  for (size_t i = 0; i < streams().size(); ++i) {
    Stream* stream = streams()[i];
    // Another thread may enqueue while this one has let the GIL go.
    while (stream && !stream->is_idle()) {
      {
        WithoutGil others_run;
        stream->wait_a_while();
      }
      if (PyErr_CheckSignals() != 0) return -1;
    }
  }
  collect_released();
  return 0;
}

void reset_streams() { streams().clear(); }

}  // namespace gradax
