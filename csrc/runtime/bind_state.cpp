// The current interpreter, the settings and the registered functions.
#include "runtime/bind.hpp"
#include "runtime/hooks.hpp"
#include "runtime/state.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

PyObject* get_trace(PyObject*, PyObject*) {
  PyObject* trace = thread_state.trace;
  return Py_NewRef(trace ? trace : Py_None);
}

PyObject* set_trace(PyObject*, PyObject* trace) {
  PyObject* previous = thread_state.trace;
  thread_state.trace = trace == Py_None ? nullptr : Py_NewRef(trace);
  return previous ? previous : Py_NewRef(Py_None);
}

PyObject* get_config(PyObject*, PyObject*) {
  const Config* config = current_config();
  return Py_NewRef(config ? config->key : Py_None);
}

PyObject* avoid_fast_path(PyObject*, PyObject* value) {
  const int avoid = PyObject_IsTrue(value);
  if (avoid < 0) return nullptr;
  const bool previous = thread_state.avoids_fast_path;
  thread_state.avoids_fast_path = avoid != 0;
  return PyBool_FromLong(previous);
}

PyMethodDef functions[] = {
    {"get_trace", get_trace, METH_NOARGS,
     "Return this thread's current interpreter, None when operations run at once."},
    {"set_trace", set_trace, METH_O, "Set the current interpreter and return the previous one."},
    {"get_config_key", get_config, METH_NOARGS, "Return the settings that this thread uses."},
    {"avoid_fast_path", avoid_fast_path, METH_O,
     "Send this thread's jitted calls to the slow path, or no longer; return the previous value."},
    {nullptr, nullptr, 0, nullptr},
};

void check(int result) {
  if (result != 0) nb::raise_python_error();
}

}  // namespace

void bind_state(nb::module_& module) {
  check(PyModule_AddFunctions(module.ptr(), functions));
  module.def(
      "set_scalar_avals",
      [](nb::handle key, nb::handle b, nb::handle i, nb::handle f, nb::handle c) {
        PyObject* const avals[] = {b.ptr(), i.ptr(), f.ptr(), c.ptr()};
        check(register_config(key.ptr(), avals));
      },
      nb::arg("key").none(), nb::arg("bool_aval"), nb::arg("int_aval"), nb::arg("float_aval"),
      nb::arg("complex_aval"), "State which avals Python's scalars take under the settings `key`.");
  module.def(
      "set_config_key", [](nb::handle key) { check(set_thread_config(key.ptr())); },
      nb::arg("key").none(), "Set this thread's settings; None follows the default ones.");
  module.def(
      "set_default_config_key", [](nb::handle key) { check(set_default_config(key.ptr())); },
      nb::arg("key"), "Set the settings of all threads that have none of their own.");
  module.def(
      "avoid_fast_path_everywhere", [](bool avoid) { all_avoid_fast_path = avoid; },
      nb::arg("avoid"), "Send all threads' jitted calls to the slow path, or no longer.");
  module.def(
      "set_hook",
      [](nb::str name, nb::handle function) { check(set_hook(name.c_str(), function.ptr())); },
      nb::arg("name"), nb::arg("function").none(),
      "Register the Python function that the runtime calls as `name`.");
  module.def(
      "get_hook",
      [](nb::str name) {
        PyObject* hook = find_hook(name.c_str());
        return hook ? nb::borrow(hook) : nb::none();
      },
      nb::arg("name"), "Return the function registered as `name`, or None.");
  module.def(
      "set_error_class",
      [](int status, nb::handle type) { check(set_error_class(status, type.ptr())); },
      nb::arg("status"), nb::arg("type"), "Register the class that a failure status raises.");
}

}  // namespace gradax
