#include "runtime/stream.hpp"

#include <algorithm>
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

class Stream;

thread_local Stream* served = nullptr;

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

  // In the stream's own thread, within a callback: runs what `wanted` waits for. False: that is
  // the callback's own call.
  bool run_ahead(const Event& wanted) {
    while (!wanted.is_done()) {
      std::unique_ptr<Task> task;
      switch (take_ahead(wanted, task)) {
        case Ahead::IsElsewhere:
          return true;
        case Ahead::WaitsForItself:
          return false;
        case Ahead::Found:
          run(std::move(task));
      }
    }
    return true;
  }

 private:
  enum class Ahead { Found, IsElsewhere, WaitsForItself };

  void serve() {
    served = this;
    for (;;) run(next());
  }

  void run(std::unique_ptr<Task> task) {
    running_.push_back(task.get());
    task->run();
    running_.pop_back();
    task.reset();
    // Last of all: a fork may follow as soon as the stream counts as idle.
    std::lock_guard guard(mutex_);
    --n_unfinished_;
    changed_.notify_all();
  }

  // Takes the first task, up to the one that finishes `wanted`, that can go before what stands.
  Ahead take_ahead(const Event& wanted, std::unique_ptr<Task>& taken) {
    std::lock_guard guard(mutex_);
    std::vector<const Task*> standing(running_.begin(), running_.end());
    for (const Task* task : standing)
      if (task->event == &wanted) return Ahead::WaitsForItself;
    const auto last = std::find_if(tasks_.begin(), tasks_.end(),
                                   [&](const auto& task) { return task->event == &wanted; });
    if (last == tasks_.end()) return Ahead::IsElsewhere;
    for (auto task = tasks_.begin(); task <= last; ++task) {
      if (std::any_of(standing.begin(), standing.end(),
                      [&](const Task* other) { return (*task)->must_follow(*other); })) {
        standing.push_back(task->get());
        continue;
      }
      taken = std::move(*task);
      tasks_.erase(task);
      return Ahead::Found;
    }
    return Ahead::WaitsForItself;
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
  std::vector<const Task*>
      running_;  // one, and those that its callbacks wait for; the thread's own
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

bool is_stream_thread() { return served != nullptr; }

bool run_ahead(const Event& wanted) { return !served || served->run_ahead(wanted); }

int synchronize() {
  // A callback of a queued call would wait for itself.
  if (served) return 0;
  collect_released();
  // Another thread may enqueue while this one has let the GIL go: until none has waited.
  for (size_t i = 0; i < streams().size();) {
    Stream* stream = streams()[i++];
    while (stream && !stream->is_idle()) {
      {
        WithoutGil others_run;
        stream->wait_a_while();
      }
      if (PyErr_CheckSignals() != 0) return -1;
      i = 0;
    }
  }
  return 0;
}

void reset_streams() {
  streams().clear();
  served = nullptr;
}

}  // namespace gradax
