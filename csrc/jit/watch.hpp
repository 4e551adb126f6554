// Notices that a global which a compiled program was traced with has another value now.
#pragma once

#include <Python.h>

#include <vector>

#include "runtime/object.hpp"

namespace gradax {

class WatchList {
 public:
  // Reads a sequence of (globals, name, value); -1 with a Python error set.
  int read(PyObject* watches);

  // Tells the registered function about each change once; -1 if it raised. A name is watched on,
  // with its new value, if the function returns False.
  int check(PyObject* function) { return dicts_.empty() ? 0 : check_dicts(function); }

  int traverse(visitproc visit, void* arg) const;

 private:
  struct Name {
    Object name;
    Object value;
  };
  struct Dict {
    Object dict;
    uint64_t version;
    std::vector<Name> names;
  };

  int check_dicts(PyObject* function);
  int check_names(PyObject* function, size_t dict);

  std::vector<Dict> dicts_;
};

}  // namespace gradax
