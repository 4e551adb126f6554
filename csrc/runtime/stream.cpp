#include "runtime/stream.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

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

  void wait_until_idle() {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return n_unfinished_ == 0; });
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
  Py_BEGIN_ALLOW_THREADS;
  stream.push(std::move(task));
  Py_END_ALLOW_THREADS;
}

bool is_stream_thread() { return serves_stream; }

void synchronize() {
  // A callback of a queued call would wait for itself.
  if (serves_stream) return;
  for (size_t i = 0; i < streams().size(); ++i) {
    Stream* stream = streams()[i];
    // Another thread may enqueue while this one has let the GIL go.
    while (stream && !stream->is_idle()) {
      Py_BEGIN_ALLOW_THREADS;
      stream->wait_until_idle();
      Py_END_ALLOW_THREADS;
    }
  }
  collect_released();
}

void reset_streams() { streams().clear(); }

}  // namespace gradax
