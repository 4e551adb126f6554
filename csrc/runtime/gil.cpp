#include "runtime/gil.hpp"

#include <cxxabi.h>
#include <unistd.h>

namespace gradax {
namespace {

[[noreturn]] void stay() {
  for (;;) pause();
}

}  // namespace

// The handlers never end, so what was caught needs no rethrowing. What is caught has no address,
// which is no fault.
#ifdef __GLIBCXX__
#define GX_MAY_CATCH_NULL __attribute__((no_sanitize("null")))

GX_MAY_CATCH_NULL void restore_thread(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    stay();
  }
}

GX_MAY_CATCH_NULL PyGILState_STATE ensure_gil() {
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
