// Letting the GIL go and taking it, safely while the interpreter ends.
//
// Python ends a thread that asks for the GIL of an ending interpreter by unwinding its stack. C++
// frames must not be unwound so: those that promise not to throw abort the process, and others
// release Python objects without the GIL. Such a thread stays where it is until the process ends.
#pragma once

#include <Python.h>

namespace gradax {

// PyEval_RestoreThread and PyGILState_Ensure that return with the GIL or never.
void restore_thread(PyThreadState* state);
PyGILState_STATE ensure_gil();

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { restore_thread(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace gradax
