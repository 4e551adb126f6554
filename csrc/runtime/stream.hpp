// One thread for each device, which runs the calls enqueued on it in order.
#pragma once

#include <memory>
#include <vector>

#include "runtime/event.hpp"
#include "runtime/executable.hpp"
#include "runtime/memory.hpp"

namespace gradax {

// A call that waits for its turn. It owns references to all that it touches.
struct Task {
  Executable* program = nullptr;
  PyObject* owner = nullptr;  // keeps `program` alive
  std::vector<BufferRef> args;
  std::vector<BufferRef> outs;
  std::vector<Event*> waits_for;
  Event* event = nullptr;
  int device = 0;
  int n_threads = 1;

  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task();
  void run();
  // Counts the task's references as ones that end before a later task of its stream begins.
  void mark_buffers(int change);
  // Whether it reads what `other` writes, or writes what `other` reads or writes.
  bool must_follow(const Task& other) const;
};

// Hands a task to its device's stream; waits, with the GIL released, while too many are queued.
void enqueue(std::unique_ptr<Task> task);

// Whether this thread runs a stream's calls: it must never wait for that stream.
bool is_stream_thread();

// Where a callback of a stream waits for an event: runs the queued calls that finish it, without
// the GIL. False: the event is that of the callback's own call, or follows it.
bool run_ahead(const Event& wanted);

// How many callbacks of calls are running: a call made meanwhile may be what one of them waits for.
extern std::atomic<int> running_callbacks;

// Waits, with the GIL released, until all streams are idle; -1 when a signal's handler raised.
int synchronize();

// In the child of a fork: the streams' threads do not exist, so start over.
void reset_streams();

// "FILE:LINE (FUNCTION)" of the innermost Python frame outside the package; empty if unknown.
std::string user_line();
int set_package_folder(PyObject* path);

}  // namespace gradax
