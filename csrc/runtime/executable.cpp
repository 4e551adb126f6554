#include "runtime/executable.hpp"

#include <algorithm>

#include <cstring>
#include <memory>

#include "runtime/clock.hpp"
#include "runtime/gil.hpp"
#include "runtime/hooks.hpp"
#include "runtime/pool.hpp"
#include "runtime/stream.hpp"
#include "tree/small_vector.hpp"

namespace gradax {
namespace {

// Below this the GIL is kept: letting it go and taking it back would cost more than it frees.
constexpr double kReleaseGilNs = 5000;

std::atomic<double> inline_limit{100e3};

// The aval that was compiled for, or one with the same memory (weak types may differ).
bool has_layout(const AvalInfo* got, const AvalInfo* wanted) {
  if (got == wanted) return true;
  return got->dims == wanted->dims &&
         (got->descr == wanted->descr || (got->is_extended == wanted->is_extended &&
                                          PyArray_EquivTypes(got->descr, wanted->descr)));
}

bool is_unique(const Buffer* buffer, bool queued) {
  // In this order: a task that ends between the two loads makes the answer "no", never a wrong
  // "yes".
  const int32_t refs = buffer->refs.load(std::memory_order_acquire);
  return refs - (queued ? buffer->queued_refs.load(std::memory_order_acquire) : 0) == 1;
}

// The event of the last call that this thread queued.
struct LastQueued {
  Event* event = nullptr;
  ~LastQueued() { set(nullptr); }
  void set(Event* next) {
    if (next) next->retain();
    if (event) event->release();
    event = next;
  }
  bool is_done() const { return !event || event->is_done(); }
};

thread_local LastQueued last_queued;

}  // namespace

double inline_limit_ns() { return inline_limit.load(std::memory_order_relaxed); }
void set_inline_limit_ns(double limit) { inline_limit.store(limit, std::memory_order_relaxed); }

CallContext Executable::context(int n_threads) const {
  CallContext ctx;
  ctx.n_threads = n_threads;
  ctx.status = GX_OK;
  ctx.error = nullptr;
  ctx.sizes = sizes.data();
  ctx.message[0] = '\0';
  return ctx;
}

int Executable::check(PyObject* const* args, size_t n, bool& all_ready) const {
  if (n != ins.size()) {
    PyErr_Format(PyExc_TypeError, "Executable: expected %zu arrays, got %zu", ins.size(), n);
    return -1;
  }
  for (size_t i = 0; i < n; ++i) {
    ArrayObject* array = as_array(args[i]);
    if (!is_array(args[i])) {
      PyErr_Format(PyExc_TypeError, "Executable: argument %zu: expected a gradax.Array, got %s", i,
                   Py_TYPE(args[i])->tp_name);
      return -1;
    }
    if (array->is_deleted) return raise_deleted(array), -1;
    if (array->pieces || !has_layout(array->info, ins[i])) {
      PyErr_Format(PyExc_TypeError, "Executable: argument %zu: expected %S on one device, got %S%s",
                   i, ins[i]->aval, array->info->aval, array->pieces ? " on several" : "");
      return -1;
    }
    if (!array->event) continue;
    if (!array->event->is_done())
      all_ready = false;
    else if (ensure_ready(array) != 0)
      return -1;
  }
  return donations.empty() ? 0 : check_donations(args);
}

int Executable::check_donations(PyObject* const* args) const {
  for (const auto& [donated, out] : donations) {
    for (size_t i = 0; i < ins.size(); ++i) {
      if (static_cast<int>(i) == donated || args[i] != args[donated]) continue;
      PyErr_Format(PyExc_ValueError,
                   "argument %d is donated, but argument %zu is the same array; pass a copy",
                   donated, i);
      return -1;
    }
  }
  return 0;
}

bool Executable::allocate_outs(PyObject* const* args, BufferRef* buffers, bool queued) const {
  for (const auto& [arg, out] : donations) {
    if (out < 0) continue;
    ArrayObject* array = as_array(args[arg]);
    if (array->view && Py_REFCNT(array->view) == 1) Py_CLEAR(array->view);
    Buffer* buffer = array->buffer.get();
    if (buffer->size_class >= 0 && is_unique(buffer, queued && device == 0))
      buffers[out] = array->buffer;
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    if (buffers[i]) continue;
    buffers[i] = BufferRef::take(allocate(outs[i]->nbytes));
    if (buffers[i]) continue;
    const MemoryStats stats = memory_stats();
    PyErr_Format(error_class(GX_MEMORY_ERROR),
                 "out of memory: the output %S takes %lld bytes; %lld of %lld are in use",
                 outs[i]->aval, (long long)outs[i]->nbytes, (long long)stats.bytes_in_use,
                 (long long)stats.bytes_limit);
    return false;
  }
  return true;
}

int Executable::wrap(BufferRef* buffers, Event* event, PyObject** results) const {
  for (size_t i = 0; i < outs.size(); ++i) {
    results[i] = make_array(outs[i], std::move(buffers[i]), event, out_shardings[i]);
    if (results[i]) continue;
    while (i-- > 0) Py_DECREF(results[i]);
    return -1;
  }
  return 0;
}

void Executable::note_cost(double seen_ns) {
  // A running mean over about four calls; the first one replaces the guess. What was quick once
  // may be endless next time: the GIL is let go in any case.
  const double old = cost_ns();
  const double mean = old > 1e11 ? seen_ns : old + (seen_ns - old) / 4;
  set_cost_ns(std::max(mean, kReleaseGilNs + 1));
}

// Runs the machine code in this thread, without the GIL unless that costs more than it frees.
void Executable::enter(CallContext& ctx, PyObject* const* args, void** in, void** out) {
  void* arena = arena_bytes ? gx_alloc(&ctx, arena_bytes) : nullptr;
  if (ctx.status != GX_OK) return;
  const double begin = measures_cost ? now_ns() : 0.0;
  if (cost_ns() <= kReleaseGilNs) {
    entry->load(std::memory_order_acquire)(&ctx, in, out, arena);
  } else {
    // Without the GIL another thread may delete an argument.
    std::vector<BufferRef> held;
    for (size_t i = 0; i < ins.size(); ++i) held.push_back(as_array(args[i])->buffer);
    WithoutGil others_run;
    entry->load(std::memory_order_acquire)(&ctx, in, out, arena);
  }
  if (measures_cost) note_cost(now_ns() - begin);
  gx_free(&ctx, arena);
}

int Executable::run_inline(PyObject* const* args, BufferRef* buffers, PyObject** results,
                           const char* where) {
  CallContext ctx = context(num_threads());
  tree::SmallVector<void*, 64> pointers;
  for (size_t i = 0; i < ins.size(); ++i) pointers.push(as_array(args[i])->buffer.data());
  for (const BufferRef& buffer : constants) pointers.push(buffer.data());
  const size_t first_out = pointers.size();
  for (size_t i = 0; i < outs.size(); ++i) pointers.push(buffers[i].data());
  enter(ctx, args, pointers.data(), pointers.data() + first_out);
  for (const auto& [donated, out] : donations) delete_array(as_array(args[donated]));
  if (ctx.status == GX_OK) return wrap(buffers, nullptr, results);
  Object error(static_cast<PyObject*>(ctx.error));
  raise_failure(ctx.status, ctx.message, error.get(), where ? where : user_line().c_str());
  return -1;
}

int Executable::run_queued(PyObject* self, PyObject* const* args, BufferRef* buffers,
                           PyObject** results, const char* where) {
  auto task = std::make_unique<Task>();
  task->program = this;
  task->owner = Py_NewRef(self);
  task->device = device;
  task->n_threads = num_threads();
  task->event = new Event(where ? where : user_line());
  for (size_t i = 0; i < ins.size(); ++i) {
    ArrayObject* array = as_array(args[i]);
    task->args.push_back(array->buffer);
    if (!array->event) continue;
    array->event->retain();
    task->waits_for.push_back(array->event);
  }
  for (size_t i = 0; i < outs.size(); ++i) task->outs.push_back(buffers[i]);
  task->mark_buffers(1);
  if (wrap(buffers, task->event, results) != 0) return -1;
  for (const auto& [donated, out] : donations) delete_array(as_array(args[donated]));
  last_queued.set(task->event);
  if (!synchronous) return enqueue(std::move(task)), 0;
  Event* event = task->event;
  event->retain();
  enqueue(std::move(task));
  const bool ok = event->wait() == 0 && !event->has_failed();
  if (!ok && !PyErr_Occurred()) event->raise();
  event->release();
  if (ok) return 0;
  for (size_t i = 0; i < outs.size(); ++i) Py_CLEAR(results[i]);
  return -1;
}

// A program runs on one device: arrays that lie on several are brought together first.
int Executable::call_gathered(PyObject* self, PyObject* const* args, size_t n, PyObject** results,
                              const char* where) {
  std::vector<PyObject*> whole(args, args + n);
  std::vector<Object> kept;
  for (size_t i = 0; i < n; ++i) {
    if (!is_array(args[i]) || !as_array(args[i])->pieces) continue;
    ArrayObject* array = as_array(args[i]);
    if (array->is_deleted) return raise_deleted(array), -1;
    Object view(array_view(array));
    if (!view) return -1;
    kept.emplace_back(array_from_numpy(view.get(), array->info, true));
    if (!kept.back()) return -1;
    whole[i] = kept.back().get();
  }
  return call(self, whole.data(), n, results, where);
}

int Executable::call(PyObject* self, PyObject* const* args, size_t n, PyObject** results,
                     const char* where) {
  for (size_t i = 0; i < n; ++i)
    if (is_array(args[i]) && as_array(args[i])->pieces)
      return call_gathered(self, args, n, results, where);
  bool all_ready = true;
  if (check(args, n, all_ready) != 0) return -1;
  // A callback may wait for this call, made by a thread that the callback started: it would wait
  // for ever behind the callback. A thread's own calls keep their order.
  const bool may_be_awaited =
      running_callbacks.load(std::memory_order_relaxed) != 0 && last_queued.is_done();
  bool queued = !all_ready || (cost_ns() >= inline_limit_ns() && !may_be_awaited);
  if (queued && is_stream_thread()) {
    // A callback makes this call, and its stream goes on only when it is done.
    for (size_t i = 0; i < n; ++i)
      if (ensure_ready(as_array(args[i])) != 0) return -1;
    queued = false;
  }
  BufferRef few[8];
  std::vector<BufferRef> many(outs.size() > 8 ? outs.size() : 0);
  BufferRef* buffers = outs.size() > 8 ? many.data() : few;
  if (!allocate_outs(args, buffers, queued)) return -1;
  return queued ? run_queued(self, args, buffers, results, where)
                : run_inline(args, buffers, results, where);
}

}  // namespace gradax
