// A compiled program and how it is called: at once, or on its device's stream.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "abi.h"
#include "runtime/array.hpp"
#include "runtime/object.hpp"

namespace gradax {

struct Task;

class Executable {
 public:
  // Where the code's entry stands; better code may take its place between two calls.
  const std::atomic<GxEntry>* entry = nullptr;
  std::vector<const AvalInfo*> ins;
  // Whether a call returns when it is done: it has side effects that its caller may look for.
  bool synchronous = false;
  std::vector<const AvalInfo*> outs;
  std::vector<PyObject*> out_shardings;  // null: the default device
  int64_t arena_bytes = 0;
  // Of the axes that the code leaves open: one code serves executables of many sizes.
  std::vector<int64_t> sizes;
  // (argument, output): the argument is deleted, and the output may take its memory over;
  // output -1: only deleted.
  std::vector<std::pair<int, int>> donations;
  std::vector<BufferRef> constants;  // passed after the arguments
  std::vector<Object> keep;          // what must live as long: machine code, constants
  int device = 0;
  bool measures_cost = false;

  double cost_ns() const { return cost_ns_.load(std::memory_order_relaxed); }
  void set_cost_ns(double cost) { cost_ns_.store(cost, std::memory_order_relaxed); }

  // Runs the program on `n` borrowed Arrays; appends one new reference for each output to
  // `results`, which has room for them. -1 with a Python error set, and then nothing was appended.
  // `self` is the Python object of this executable, kept alive by an asynchronous call.
  int call(PyObject* self, PyObject* const* args, size_t n, PyObject** results,
           const char* where = nullptr);

 private:
  friend struct Task;
  int call_gathered(PyObject* self, PyObject* const* args, size_t n, PyObject** results,
                    const char* where);
  int check(PyObject* const* args, size_t n, bool& all_ready) const;
  int check_donations(PyObject* const* args) const;
  bool allocate_outs(PyObject* const* args, BufferRef* buffers, bool queued) const;
  void enter(CallContext& ctx, PyObject* const* args, void** in, void** out);
  int run_inline(PyObject* const* args, BufferRef* buffers, PyObject** results, const char* where);
  int run_queued(PyObject* self, PyObject* const* args, BufferRef* buffers, PyObject** results,
                 const char* where);
  CallContext context(int n_threads) const;
  int wrap(BufferRef* buffers, Event* event, PyObject** results) const;
  void note_cost(double seen_ns);

  std::atomic<double> cost_ns_{0.0};
};

// A call whose cost is below this runs in the caller's thread if its inputs are ready.
double inline_limit_ns();
void set_inline_limit_ns(double limit);

}  // namespace gradax
