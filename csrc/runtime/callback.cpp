// Python functions that compiled programs call.
#include <nanobind/nanobind.h>

#include <cstring>
#include <vector>

#include "abi.h"
#include "runtime/array.hpp"
#include "runtime/bind.hpp"
#include "runtime/gil.hpp"
#include "runtime/object.hpp"
#include "runtime/stream.hpp"
#include "symbols.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

struct Callback {
  PyObject* function;  // (*ndarrays) -> sequence of what NumPy takes for an array
  std::vector<const AvalInfo*> ins;
  std::vector<const AvalInfo*> outs;

  ~Callback() { Py_XDECREF(function); }
  bool call(void* const* in_data, void* const* out_data) const;
  Object arguments(void* const* data) const;
  bool store(PyObject* value, const AvalInfo* info, void* data) const;
};

// Copies: the function may keep its arguments, the program reuses their memory.
Object Callback::arguments(void* const* data) const {
  Object tuple(PyTuple_New(static_cast<Py_ssize_t>(ins.size())));
  for (size_t i = 0; tuple && i < ins.size(); ++i) {
    PyObject* array = empty_ndarray(ins[i]);
    if (!array) return Object();
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), array);
    void* memory = PyArray_DATA(reinterpret_cast<PyArrayObject*>(array));
    if (ins[i]->nbytes) std::memcpy(memory, data[i], ins[i]->nbytes);
  }
  return tuple;
}

bool Callback::store(PyObject* value, const AvalInfo* info, void* data) const {
  Object array(PyArray_FROM_O(value));
  if (!array) return false;
  auto* source = reinterpret_cast<PyArrayObject*>(array.get());
  Object shape(PyObject_GetAttrString(array.get(), "shape"));
  const int same = shape ? PyObject_RichCompareBool(shape.get(), info->shape, Py_EQ) : -1;
  if (same < 0) return false;
  if (!same || !PyArray_CanCastTypeTo(PyArray_DESCR(source), info->descr, NPY_SAME_KIND_CASTING)) {
    PyErr_Format(PyExc_ValueError, "callback %R: expected a result of %S, got dtype %S, shape %S",
                 function, info->aval, PyArray_DESCR(source), shape.get());
    return false;
  }
  Py_INCREF(info->descr);
  Object target(PyArray_NewFromDescr(&PyArray_Type, info->descr, info->ndim(), info->dims.data(),
                                     nullptr, data, NPY_ARRAY_CARRAY, nullptr));
  return target && PyArray_CopyInto(reinterpret_cast<PyArrayObject*>(target.get()), source) == 0;
}

bool Callback::call(void* const* in_data, void* const* out_data) const {
  Object held = Object::share(function);
  if (!held) {
    PyErr_SetString(PyExc_RuntimeError, "a callback was called after its collection");
    return false;
  }
  Object args = arguments(in_data);
  Object result(args ? PyObject_CallObject(function, args.get()) : nullptr);
  if (!result) return false;
  if (outs.empty()) return true;
  Object values(PySequence_Fast(result.get(), "callback: expected a sequence of results"));
  if (!values) return false;
  if (PySequence_Fast_GET_SIZE(values.get()) != static_cast<Py_ssize_t>(outs.size())) {
    PyErr_Format(PyExc_ValueError, "callback %R: expected %zu results, got %zd", function,
                 outs.size(), PySequence_Fast_GET_SIZE(values.get()));
    return false;
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    PyObject* value = PySequence_Fast_GET_ITEM(values.get(), static_cast<Py_ssize_t>(i));
    if (!store(value, outs[i], out_data[i])) return false;
  }
  return true;
}

// Moves the current Python error into the context; the first error of a call is the one kept.
void keep_error(CallContext* ctx) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value && traceback) PyException_SetTraceback(value, traceback);
  gx_fail(ctx, GX_PYTHON_ERROR, "a Python callback failed");
  if (ctx->status == GX_PYTHON_ERROR && !ctx->error)
    ctx->error = value;
  else
    Py_XDECREF(value);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
}

void make(Callback* self, nb::object function, nb::iterable ins, nb::iterable outs) {
  std::vector<const AvalInfo*> infos[2];
  const nb::iterable* sources[] = {&ins, &outs};
  for (int i = 0; i < 2; ++i) {
    for (nb::handle aval : *sources[i]) {
      infos[i].push_back(aval_info(aval.ptr()));
      if (!infos[i].back()) nb::raise_python_error();
    }
  }
  if (!PyCallable_Check(function.ptr())) throw nb::type_error("Callback: expected a callable");
  new (self) Callback{function.release().ptr(), std::move(infos[0]), std::move(infos[1])};
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<Callback>(self)->function);
  return 0;
}

int clear(PyObject* self) {
  if (nb::inst_ready(self)) Py_CLEAR(nb::inst_ptr<Callback>(self)->function);
  return 0;
}

PyType_Slot slots[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {0, nullptr},
};

}  // namespace
}  // namespace gradax

extern "C" {

// params: the address of a Callback. Does nothing once the call has failed: what a callback would
// see is then not what the program means.
static void gx_callback(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  if (ctx->status != GX_OK) return;
  gradax::running_callbacks.fetch_add(1, std::memory_order_relaxed);
  const PyGILState_STATE state = gradax::ensure_gil();
  if (!reinterpret_cast<const gradax::Callback*>(params[0])->call(ins, outs))
    gradax::keep_error(ctx);
  PyGILState_Release(state);
  gradax::running_callbacks.fetch_sub(1, std::memory_order_relaxed);
}

// The same, of the callback numbered params[0] among those whose params[1] addresses ins[0] holds.
// outs[0] gets these addresses too: who reads them there runs later.
static void gx_callback_of(CallContext* ctx, void* const* ins, void* const* outs,
                           const int64_t* params) {
  const auto* addresses = static_cast<const int64_t*>(ins[0]);
  if (outs[0] != ins[0]) std::memcpy(outs[0], addresses, params[1] * sizeof(int64_t));
  gx_callback(ctx, ins + 1, outs + 1, addresses + params[0]);
}

// A callback of the numbers of gx_callback_of that is called only where ins[1], an int32, is not
// params[2].
static void gx_check_of(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  const auto* addresses = static_cast<const int64_t*>(ins[0]);
  if (outs[0] != ins[0]) std::memcpy(outs[0], addresses, params[1] * sizeof(int64_t));
  if (*static_cast<const int32_t*>(ins[1]) != params[2])
    gx_callback(ctx, ins + 1, outs + 1, addresses + params[0]);
}
}

namespace gradax {

std::atomic<int> running_callbacks{0};

void bind_callbacks(nb::module_& module) {
  register_symbol("gx_callback", &gx_callback);
  register_symbol("gx_callback_of", &gx_callback_of);
  register_symbol("gx_check_of", &gx_check_of);
  nb::class_<Callback>(module, "Callback", nb::type_slots(slots),
                       "A Python function that compiled programs call.")
      .def("__init__", &make, nb::arg("function"), nb::arg("in_avals"), nb::arg("out_avals"))
      .def_prop_ro("address",
                   [](const Callback& self) { return reinterpret_cast<uintptr_t>(&self); });
}

}  // namespace gradax
