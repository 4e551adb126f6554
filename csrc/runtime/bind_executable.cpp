// Executable, as Python makes and calls it.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "llvm/code.hpp"
#include "runtime/bind.hpp"
#include "runtime/executable.hpp"
#include "runtime/stream.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

const AvalInfo* info_of(nb::handle aval) {
  const AvalInfo* info = aval_info(aval.ptr());
  if (!info) nb::raise_python_error();
  return info;
}

// An output is an aval, (aval,) or (aval, sharding).
void add_output(Executable& program, nb::handle out) {
  nb::handle aval = out, sharding = nb::none();
  nb::object held;
  if (PyTuple_Check(out.ptr())) {
    const Py_ssize_t n = PyTuple_GET_SIZE(out.ptr());
    if (n < 1 || n > 2)
      throw nb::value_error("Executable: an output is (aval,) or (aval, sharding)");
    aval = PyTuple_GET_ITEM(out.ptr(), 0);
    if (n == 2) sharding = PyTuple_GET_ITEM(out.ptr(), 1);
  }
  program.outs.push_back(info_of(aval));
  if (!sharding.is_none()) program.keep.push_back(Object::share(sharding.ptr()));
  program.out_shardings.push_back(sharding.is_none() ? nullptr : sharding.ptr());
}

void add_constant(Executable& program, nb::handle constant) {
  if (!is_array(constant.ptr())) throw nb::type_error("Executable: constants are gradax.Arrays");
  ArrayObject* array = as_array(constant.ptr());
  if (array->pieces) throw nb::value_error("Executable: a constant lies on one device");
  if (ensure_ready(array) != 0) nb::raise_python_error();
  program.constants.push_back(array->buffer);
}

void add_donation(Executable& program, std::pair<int, int> donation) {
  const auto [arg, out] = donation;
  const bool valid = arg >= 0 && arg < static_cast<int>(program.ins.size()) && out >= -1 &&
                     out < static_cast<int>(program.outs.size());
  if (!valid) throw nb::index_error("Executable: a donation names an argument and an output or -1");
  if (out >= 0 && program.ins[arg]->nbytes != program.outs[out]->nbytes)
    throw nb::value_error("Executable: an output takes over an argument of as many bytes only");
  for (const auto& [other_arg, other_out] : program.donations)
    if (other_arg == arg || (out >= 0 && other_out == out))
      throw nb::value_error("Executable: an argument and an output are donated once");
  program.donations.push_back(donation);
}

void make(Executable* program, nb::handle_t<llvm::Code> code, nb::iterable in_avals,
          nb::iterable outs, int64_t arena_bytes, double cost_ns,
          const std::vector<std::pair<int, int>>& donate, nb::iterable constants, nb::object keep,
          int device, bool synchronous, const std::vector<int64_t>& sizes) {
  if (!nb::inst_ready(code) || arena_bytes < 0 || device < 0 || device > 4095)
    throw nb::value_error("Executable: expected code, arena_bytes >= 0 and a device >= 0");
  new (program) Executable;
  try {
    program->entry = &nb::inst_ptr<llvm::Code>(code)->entry();
    program->arena_bytes = arena_bytes;
    program->device = device;
    program->synchronous = synchronous;
    program->sizes = sizes;
    program->measures_cost = !(cost_ns >= 0);
    program->set_cost_ns(program->measures_cost ? 1e12 : cost_ns);
    for (nb::handle aval : in_avals) program->ins.push_back(info_of(aval));
    for (nb::handle out : outs) add_output(*program, out);
    for (const auto& donation : donate) add_donation(*program, donation);
    for (nb::handle constant : constants) add_constant(*program, constant);
    program->keep.push_back(Object::share(code.ptr()));
    if (!keep.is_none()) program->keep.push_back(Object::share(keep.ptr()));
  } catch (...) {
    program->~Executable();
    throw;
  }
}

nb::list execute(nb::handle_t<Executable> self, nb::handle args, std::optional<std::string> where) {
  if (!nb::inst_ready(self)) throw nb::type_error("Executable.execute: __init__ did not run");
  auto* program = nb::inst_ptr<Executable>(self);
  Object items(PySequence_Fast(args.ptr(), "Executable.execute: expected a list of arrays"));
  if (!items) nb::raise_python_error();
  std::vector<PyObject*> results(program->outs.size());
  // A tuple of its own: the list may change while the call waits without the GIL.
  Object fixed(PySequence_Tuple(items.get()));
  if (!fixed) nb::raise_python_error();
  PyObject* const* first = &PyTuple_GET_ITEM(fixed.get(), 0);
  const size_t n = PyTuple_GET_SIZE(fixed.get());
  if (program->call(self.ptr(), first, n, results.data(), where ? where->c_str() : nullptr) != 0)
    nb::raise_python_error();
  nb::list out;
  for (PyObject* result : results) out.append(nb::steal(result));
  return out;
}

nb::list avals(const std::vector<const AvalInfo*>& infos) {
  nb::list out;
  for (const AvalInfo* info : infos) out.append(nb::borrow(info->aval));
  return out;
}

// Cycles run through what a program keeps, such as its callbacks; clearing those breaks them.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  for (const Object& kept : nb::inst_ptr<Executable>(self)->keep) Py_VISIT(kept.get());
  return 0;
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)}, {0, nullptr}};

}  // namespace

void bind_executable(nb::module_& module) {
  nb::class_<Executable>(module, "Executable", nb::is_weak_referenceable(), nb::type_slots(slots),
                         "A compiled program.")
      .def("__init__", &make, nb::arg("code"), nb::arg("in_avals"), nb::arg("outs"),
           nb::arg("arena_bytes") = 0, nb::arg("cost_ns") = -1.0,
           nb::arg("donate") = std::vector<std::pair<int, int>>(),
           nb::arg("constants") = nb::tuple(), nb::arg("keep") = nb::none(), nb::arg("device") = 0,
           nb::arg("synchronous") = false, nb::arg("sizes") = std::vector<int64_t>())
      .def("execute", &execute, nb::arg("args"), nb::arg("where") = nb::none(),
           "Call the program on a list of arrays and return the list of its outputs.")
      .def_prop_ro("in_avals", [](const Executable& self) { return avals(self.ins); })
      .def_prop_ro("out_avals", [](const Executable& self) { return avals(self.outs); })
      .def_prop_ro("arena_bytes", [](const Executable& self) { return self.arena_bytes; })
      .def_prop_ro("cost_ns", &Executable::cost_ns);
  module.def("inline_limit_ns", &inline_limit_ns, "Return the cost from which calls are queued.");
  module.def("set_inline_limit_ns", &set_inline_limit_ns, nb::arg("limit"),
             "Set the cost, in nanoseconds, from which calls are queued.");
  module.def(
      "set_package_folder",
      [](nb::handle path) {
        if (set_package_folder(path.ptr()) != 0) nb::raise_python_error();
      },
      nb::arg("path"), "State the folder whose lines are never the user's.");
}

}  // namespace gradax
