// Operators on small arrays, without Python: what a call would otherwise cost is most of its time.
//
// An Operator stands in for a Python function. Where both operands are arrays of one aval, or one
// is a number of Python's, the result is computed here, with the same roundings as everywhere else;
// in all other cases the function is called.
#include <Python.h>
// It needs Python.h before it.
#include <structmember.h>

#include <cstring>

#include "kernels/elementwise.hpp"
#include "runtime/array.hpp"
#include "runtime/object.hpp"
#include "runtime/operators.hpp"
#include "runtime/state.hpp"

namespace gradax {
namespace {

// As the eager evaluator has it: above this, operations are compiled.
constexpr int64_t kSmallElements = 32768;

constexpr struct {
  const char* name;
  Elementwise kind;
} kinds[] = {{"add", Elementwise::Add},
             {"subtract", Elementwise::Subtract},
             {"multiply", Elementwise::Multiply},
             {"divide", Elementwise::Divide},
             {"maximum", Elementwise::Maximum},
             {"minimum", Elementwise::Minimum},
             {"eq", Elementwise::Eq},
             {"ne", Elementwise::Ne},
             {"lt", Elementwise::Lt},
             {"le", Elementwise::Le},
             {"gt", Elementwise::Gt},
             {"ge", Elementwise::Ge}};

struct Operator {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* dict;
  PyObject* function;
  PyObject* comparison_avals;  // dict: aval -> aval of the comparison's result, as it was seen
  Elementwise kind;
  bool is_reflected;
};

Operator* as_operator(PyObject* object) { return reinterpret_cast<Operator*>(object); }

// Whether an array's memory may be read now, by whoever runs on the default device.
bool is_at_hand(const ArrayObject* x) {
  const bool is_written = !x->event || (x->event->is_done() && !x->event->has_failed());
  return !x->is_deleted && !x->pieces && !x->sharding && is_written && x->buffer;
}

// Reads an operand, an array's memory or a number of Python's; false for all else.
bool read(PyObject* operand, Operand& out) {
  if (is_array(operand)) {
    out.memory = as_array(operand)->buffer.data();
    return true;
  }
  if (PyFloat_CheckExact(operand)) {
    out.kind = NumberKind::Real;
    out.real = PyFloat_AS_DOUBLE(operand);
    return true;
  }
  if (!PyLong_CheckExact(operand)) return false;
  int overflow = 0;
  out.kind = NumberKind::Integer;
  out.integer = PyLong_AsLongLongAndOverflow(operand, &overflow);
  return overflow == 0;
}

// The result's aval; null: not seen yet.
const AvalInfo* result_info(const Operator* self, const AvalInfo* in) {
  if (!is_comparison(self->kind)) return in;
  PyObject* found = PyDict_GetItemWithError(self->comparison_avals, in->aval);
  if (!found) PyErr_Clear();
  return found ? aval_info(found) : nullptr;
}

// Returns the result, or null without an error: the function has to do it.
PyObject* try_here(const Operator* self, PyObject* x, PyObject* y) {
  const ThreadState& thread = thread_state;
  if (thread.trace || thread.avoids_fast_path || all_avoid_fast_path) return nullptr;
  const bool x_is_array = is_array(x), y_is_array = is_array(y);
  if (!x_is_array && !y_is_array) return nullptr;
  const ArrayObject* array = as_array(x_is_array ? x : y);
  const AvalInfo* in = array->info;
  if (in->size > kSmallElements || in->is_extended || !is_at_hand(array)) return nullptr;
  if (x_is_array && y_is_array && (as_array(y)->info != in || !is_at_hand(as_array(y))))
    return nullptr;
  const AvalInfo* out = result_info(self, in);
  if (!out) return nullptr;
  Operand a, b;
  if (!read(x, a) || !read(y, b)) return nullptr;
  BufferRef buffer = BufferRef::take(allocate(static_cast<size_t>(out->nbytes)));
  if (!buffer || !compute_elementwise(self->kind, in->type_num, in->size, a, b, buffer.data()))
    return nullptr;
  return make_array(out, std::move(buffer));
}

// Remembers which aval comparing arrays of `x`'s aval gives.
void note_comparison(Operator* self, PyObject* x, PyObject* result) {
  if (!is_comparison(self->kind) || !result || !is_array(result) || !is_array(x)) return;
  const AvalInfo* in = as_array(x)->info;
  const AvalInfo* out = as_array(result)->info;
  if (out->type_num != NPY_BOOL || out->is_extended || out->dims != in->dims) return;
  if (PyDict_SetItem(self->comparison_avals, in->aval, out->aval) != 0) PyErr_Clear();
}

PyObject* call(PyObject* object, PyObject* const* args, size_t n_args_and_flag, PyObject* names) {
  Operator* self = as_operator(object);
  const bool is_plain = !names && PyVectorcall_NARGS(n_args_and_flag) == 2;
  if (is_plain) {
    PyObject* result =
        self->is_reflected ? try_here(self, args[1], args[0]) : try_here(self, args[0], args[1]);
    if (result || PyErr_Occurred()) return result;
  }
  PyObject* result = PyObject_Vectorcall(self->function, args, n_args_and_flag, names);
  if (is_plain) note_comparison(self, args[0], result);
  return result;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject* function;
  const char* name;
  int is_reflected = 0;
  if (!PyArg_ParseTuple(args, "Os|p:Operator", &function, &name, &is_reflected)) return nullptr;
  for (const auto& known : kinds) {
    if (std::strcmp(known.name, name) != 0) continue;
    Object avals(PyDict_New());
    auto* self = avals ? as_operator(type->tp_alloc(type, 0)) : nullptr;
    if (!self) return nullptr;
    self->vectorcall = call;
    self->function = Py_NewRef(function);
    self->comparison_avals = avals.release();
    self->kind = known.kind;
    self->is_reflected = is_reflected;
    return reinterpret_cast<PyObject*>(self);
  }
  return PyErr_Format(PyExc_ValueError, "Operator: %s is not one that is computed here", name);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(as_operator(object)->dict);
  Py_VISIT(as_operator(object)->function);
  Py_VISIT(as_operator(object)->comparison_avals);
  return 0;
}

int clear(PyObject* object) {
  Py_CLEAR(as_operator(object)->dict);
  Py_CLEAR(as_operator(object)->function);
  Py_CLEAR(as_operator(object)->comparison_avals);
  return 0;
}

void dealloc(PyObject* object) {
  PyObject_GC_UnTrack(object);
  clear(object);
  PyTypeObject* type = Py_TYPE(object);
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* bind_to_instance(PyObject* self, PyObject* instance, PyObject*) {
  if (!instance || instance == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, instance);
}

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Operator, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(Operator, dict), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

int init_operator_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(clear)},
      {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
      {Py_tp_descr_get, reinterpret_cast<void*>(bind_to_instance)},
      {Py_tp_members, members},
      {Py_tp_getset, attributes},
      {0, nullptr},
  };
  PyType_Spec spec = {"gradax.Operator", sizeof(Operator), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                          Py_TPFLAGS_METHOD_DESCRIPTOR,
                      slots};
  Object type(PyType_FromSpec(&spec));
  return type ? PyModule_AddObjectRef(module, "Operator", type.get()) : -1;
}

}  // namespace gradax
