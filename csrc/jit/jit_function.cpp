// The Python type of jitted functions.
#include "jit/jit_function.hpp"

#include <structmember.h>

#include <cstddef>
#include <new>

namespace gradax {
namespace {

JitFunction* as_jit(PyObject* object) { return reinterpret_cast<JitFunction*>(object); }

bool read_argnums(PyObject* source, std::vector<Py_ssize_t>& out) {
  Object items(PySequence_Fast(source, "JitFunction: static_argnums is a sequence of ints"));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    out.push_back(PyNumber_AsSsize_t(PySequence_Fast_GET_ITEM(items.get(), i), PyExc_IndexError));
    if (out.back() == -1 && PyErr_Occurred()) return false;
  }
  return true;
}

bool read_argnames(PyObject* source, std::vector<Object>& out) {
  Object items(PySequence_Fast(source, "JitFunction: static_argnames is a sequence of names"));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* name = PySequence_Fast_GET_ITEM(items.get(), i);
    if (!PyUnicode_Check(name)) {
      PyErr_Format(PyExc_TypeError, "JitFunction: expected a name, got %R", name);
      return false;
    }
    out.push_back(Object::share(name));
  }
  return true;
}

JitFunction* allocate_jit(PyTypeObject* type) {
  auto* self = reinterpret_cast<JitFunction*>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  new (&self->static_argnums) std::vector<Py_ssize_t>;
  new (&self->static_argnames) std::vector<Object>;
  new (&self->entries) std::unordered_multimap<uint64_t, EntryPtr>;
  self->vectorcall = call_jit;
  return self;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"fun",  "compile", "slow", "static_argnums", "static_argnames",
                                nullptr};
  PyObject *function, *compile, *slow, *argnums = nullptr, *argnames = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|OO:JitFunction", const_cast<char**>(names),
                                   &function, &compile, &slow, &argnums, &argnames))
    return nullptr;
  for (PyObject* callable : {function, compile, slow}) {
    if (PyCallable_Check(callable)) continue;
    PyErr_Format(PyExc_TypeError, "JitFunction: expected a callable, got %s",
                 Py_TYPE(callable)->tp_name);
    return nullptr;
  }
  JitFunction* self = allocate_jit(type);
  if (!self) return nullptr;
  Object owner(reinterpret_cast<PyObject*>(self));
  if (argnums && !read_argnums(argnums, self->static_argnums)) return nullptr;
  if (argnames && !read_argnames(argnames, self->static_argnames)) return nullptr;
  self->function = Py_NewRef(function);
  self->compile = Py_NewRef(compile);
  self->slow = Py_NewRef(slow);
  return owner.release();
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  JitFunction* self = as_jit(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->dict);
  Py_VISIT(self->function);
  Py_VISIT(self->compile);
  Py_VISIT(self->slow);
  for (const auto& [hash, entry] : self->entries) {
    // An entry in use by a running call has references that the collector does not see.
    if (entry.use_count() > 1) continue;
    if (const int stop = entry->traverse(visit, arg)) return stop;
  }
  return 0;
}

int clear(PyObject* object) {
  JitFunction* self = as_jit(object);
  // Finalizers may run and look at the function: it is empty before they do.
  const auto entries = std::exchange(self->entries, {});
  Py_CLEAR(self->dict);
  Py_CLEAR(self->compile);
  Py_CLEAR(self->slow);
  Py_CLEAR(self->function);
  return 0;
}

void dealloc(PyObject* object) {
  JitFunction* self = as_jit(object);
  PyObject_GC_UnTrack(object);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  clear(object);
  using Entries = std::unordered_multimap<uint64_t, EntryPtr>;
  self->entries.~Entries();
  self->static_argnames.~vector();
  self->static_argnums.~vector();
  PyTypeObject* type = Py_TYPE(object);
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* bind_to_instance(PyObject* self, PyObject* instance, PyObject*) {
  if (!instance || instance == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, instance);
}

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("<jitted %R>", as_jit(self)->function);
}

PyObject* cache_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(as_jit(self)->entries.size());
}

PyObject* clear_cache(PyObject* self, PyObject*) {
  const auto entries = std::exchange(as_jit(self)->entries, {});
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"_cache_size", cache_size, METH_NOARGS, "Return the number of compiled signatures."},
    {"clear_cache", clear_cache, METH_NOARGS, "Forget what was compiled."},
    {"_clear_entries", clear_cache, METH_NOARGS, "Forget what this object alone remembers."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(JitFunction, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(JitFunction, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(JitFunction, weakrefs), READONLY, nullptr},
    {"_fun", T_OBJECT_EX, offsetof(JitFunction, function), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

int init_jit_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(clear)},
      {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
      {Py_tp_descr_get, reinterpret_cast<void*>(bind_to_instance)},
      {Py_tp_repr, reinterpret_cast<void*>(repr)},
      {Py_tp_methods, methods},
      {Py_tp_members, members},
      {Py_tp_getset, attributes},
      {0, nullptr},
  };
  PyType_Spec spec = {"gradax.JitFunction", sizeof(JitFunction), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                          Py_TPFLAGS_METHOD_DESCRIPTOR,
                      slots};
  Object type(PyType_FromSpec(&spec));
  return type ? PyModule_AddObjectRef(module, "JitFunction", type.get()) : -1;
}

}  // namespace gradax
