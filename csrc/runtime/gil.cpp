#include "runtime/gil.hpp"

#include <cxxabi.h>
#include <unistd.h>

namespace gradax {
namespace {

[[noreturn]] void stay() {
  for (;;) pause();
}

}  // namespace

// The handlers never end, so what was caught needs no rethrowing.
#ifdef __GLIBCXX__

void restore_thread(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    stay();
  }
}

PyGILState_STATE ensure_gil() {
  try {
    return PyGILState_Ensure();
  } catch (abi::__forced_unwind&) {
    stay();
  }
}

#else

void restore_thread(PyThreadState* state) { PyEval_RestoreThread(state); }
PyGILState_STATE ensure_gil() { return PyGILState_Ensure(); }

#endif

}  // namespace gradax
