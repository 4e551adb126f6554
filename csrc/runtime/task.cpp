// What a stream's thread does for one call.
#include <algorithm>
#include <utility>

#include "runtime/clock.hpp"
#include "runtime/pool.hpp"
#include "runtime/state.hpp"
#include "runtime/stream.hpp"

namespace gradax {

Task::~Task() {
  mark_buffers(-1);
  for (Event* waited : waits_for) waited->release();
  if (event) event->release();
  args.clear();
  outs.clear();
  release_object(owner);
}

void Task::mark_buffers(int change) {
  if (device != 0) return;
  for (auto* buffers : {&args, &outs})
    for (BufferRef& buffer : *buffers)
      buffer.get()->queued_refs.fetch_add(change, std::memory_order_acq_rel);
}

bool Task::must_follow(const Task& other) const {
  const auto is_among = [](const std::vector<BufferRef>& all, const BufferRef& one) {
    return std::any_of(all.begin(), all.end(),
                       [&](const BufferRef& each) { return each.get() == one.get(); });
  };
  for (const Event* waited : waits_for)
    if (waited == other.event && !waited->is_done()) return true;
  for (const BufferRef& out : outs)
    if (is_among(other.args, out) || is_among(other.outs, out)) return true;
  return false;
}

void Task::run() {
  CallContext ctx = program->context(n_threads);
  for (Event* waited : waits_for) {
    waited->wait_native();
    if (waited->has_failed()) return event->finish_like(*waited);
  }
  // Calls that a callback makes follow the call that it belongs to.
  const int outer_threads = std::exchange(thread_state.n_threads, n_threads);
  void* arena = program->arena_bytes ? gx_alloc(&ctx, program->arena_bytes) : nullptr;
  if (ctx.status == GX_OK) {
    std::vector<void*> in_pointers, out_pointers;
    for (const BufferRef& buffer : args) in_pointers.push_back(buffer.data());
    for (const BufferRef& buffer : program->constants) in_pointers.push_back(buffer.data());
    for (const BufferRef& buffer : outs) out_pointers.push_back(buffer.data());
    const double begin = program->measures_cost ? now_ns() : 0.0;
    program->entry->load(std::memory_order_acquire)(&ctx, in_pointers.data(), out_pointers.data(),
                                                    arena);
    if (program->measures_cost) program->note_cost(now_ns() - begin);
  }
  gx_free(&ctx, arena);
  thread_state.n_threads = outer_threads;
  // Before the event: whoever it wakes finds the memory of the arguments free.
  mark_buffers(-1);
  args.clear();
  outs.clear();
  event->finish(ctx);
}

}  // namespace gradax
