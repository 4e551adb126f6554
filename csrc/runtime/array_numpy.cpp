// Arrays from NumPy's memory and NumPy's view of arrays.
#include <algorithm>
#include <cstring>

#include "runtime/array.hpp"
#include "runtime/gil.hpp"
#include "runtime/hooks.hpp"
#include "runtime/object.hpp"

namespace gradax {
namespace {

constexpr const char* kCapsule = "gradax.buffer";

void drop_capsule(PyObject* capsule) {
  BufferRef::take(static_cast<Buffer*>(PyCapsule_GetPointer(capsule, kCapsule)));
}

// Returns an ndarray over the buffer. Its base owns the buffer and not the Array, so that an Array
// and its cached view are no cycle.
PyObject* make_view(const AvalInfo* info, const BufferRef& buffer, int flags) {
  Py_INCREF(info->descr);
  Object view(PyArray_NewFromDescr(&PyArray_Type, info->descr, info->ndim(), info->dims.data(),
                                   nullptr, buffer.data(), flags, nullptr));
  if (!view) return nullptr;
  BufferRef owner = buffer;
  PyObject* base = PyCapsule_New(owner.get(), kCapsule, drop_capsule);
  if (!base) return nullptr;
  owner.release();
  if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(view.get()), base) != 0)
    return nullptr;
  return view.release();
}

bool check_matches(PyArrayObject* source, const AvalInfo* info) {
  const bool same_shape = std::equal(info->dims.begin(), info->dims.end(), PyArray_DIMS(source),
                                     PyArray_DIMS(source) + PyArray_NDIM(source));
  if (!same_shape) {
    Object shape(PyObject_GetAttrString(reinterpret_cast<PyObject*>(source), "shape"));
    if (shape)
      PyErr_Format(PyExc_ValueError, "from_numpy: expected shape %R for %R, got %R", info->shape,
                   info->aval, shape.get());
    return false;
  }
  PyArray_Descr* descr = PyArray_DESCR(source);
  if (descr == info->descr || PyArray_EquivTypes(descr, info->descr)) return true;
  if (descr->kind == info->descr->kind && PyDataType_ELSIZE(descr) == info->itemsize &&
      descr->type_num == info->type_num)
    return true;  // the other byte order: the copy converts
  PyErr_Format(PyExc_TypeError, "from_numpy: expected dtype %S for %R, got %S", info->descr,
               info->aval, descr);
  return false;
}

Object no_memory(const AvalInfo* info) {
  const MemoryStats stats = memory_stats();
  PyErr_Format(error_class(GX_MEMORY_ERROR),
               "out of memory: %R takes %lld bytes; %lld of %lld are in use", info->aval,
               (long long)info->nbytes, (long long)stats.bytes_in_use,
               (long long)stats.bytes_limit);
  return Object();
}

// The buffer behind an ndarray that empty_ndarray made, if this is all of it.
Buffer* own_buffer(PyArrayObject* source) {
  PyObject* base = PyArray_BASE(source);
  if (!base || !PyCapsule_CheckExact(base)) return nullptr;
  if (!PyCapsule_IsValid(base, kCapsule)) return nullptr;
  auto* buffer = static_cast<Buffer*>(PyCapsule_GetPointer(base, kCapsule));
  return buffer->data == PyArray_DATA(source) ? buffer : nullptr;
}

BufferRef share_memory(PyArrayObject* source, const AvalInfo* info) {
  if (Buffer* own = own_buffer(source)) {
    PyArray_CLEARFLAGS(source, NPY_ARRAY_WRITEABLE);
    return BufferRef::share(own);
  }
  return BufferRef::take(
      wrap_foreign(PyArray_DATA(source), info->nbytes, reinterpret_cast<PyObject*>(source)));
}

bool is_shareable(PyArrayObject* source, const AvalInfo* info) {
  const auto address = reinterpret_cast<uintptr_t>(PyArray_DATA(source));
  return info->nbytes > 0 && PyArray_IS_C_CONTIGUOUS(source) && PyArray_ISNOTSWAPPED(source) &&
         address % GX_ALIGNMENT == 0;
}

BufferRef copy_memory(PyArrayObject* source, const AvalInfo* info) {
  BufferRef buffer = BufferRef::take(allocate(info->nbytes));
  if (!buffer) return no_memory(info), BufferRef();
  if (PyArray_IS_C_CONTIGUOUS(source) && PyArray_ISNOTSWAPPED(source)) {
    if (info->nbytes > (1 << 20)) {
      WithoutGil others_run;
      std::memcpy(buffer.data(), PyArray_DATA(source), info->nbytes);
    } else if (info->nbytes > 0) {
      std::memcpy(buffer.data(), PyArray_DATA(source), info->nbytes);
    }
    return buffer;
  }
  Object target(make_view(info, buffer, NPY_ARRAY_CARRAY));
  if (!target || PyArray_CopyInto(reinterpret_cast<PyArrayObject*>(target.get()), source) != 0)
    return BufferRef();
  return buffer;
}

PyObject* from_numpy(PyObject*, PyObject* const* args, Py_ssize_t n_args, PyObject* names) {
  const Py_ssize_t n_named = names ? PyTuple_GET_SIZE(names) : 0;
  const bool copy_is_named =
      n_named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "copy") == 0;
  if (n_args < 2 || n_args + n_named > 3 || (n_named > 0 && !copy_is_named)) {
    PyErr_SetString(PyExc_TypeError, "Array.from_numpy: expected (ndarray, aval, copy=True)");
    return nullptr;
  }
  const int copy = n_args + n_named == 3 ? PyObject_IsTrue(args[2]) : 1;
  const AvalInfo* info = copy < 0 ? nullptr : aval_info(args[1]);
  return info ? array_from_numpy(args[0], info, copy != 0) : nullptr;
}

// NumPy asks for a buffer first and for __array__ next, whatever the first ended with. What a
// signal raised meanwhile is kept for the second.
thread_local PyObject* interruption = nullptr;

void forget_interruption() { Py_CLEAR(interruption); }

void keep_interruption() {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  interruption = Py_XNewRef(value);
  PyErr_Restore(type, value, traceback);
}

bool raise_interruption() {
  Object kept(std::exchange(interruption, nullptr));
  if (kept) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(kept.get())), kept.get());
  return static_cast<bool>(kept);
}

bool is_waited_for(ArrayObject* self) { return self->event && !self->event->is_done(); }

// Array.__array__(dtype=None, copy=None)
PyObject* array_protocol(PyObject* object, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"dtype", "copy", nullptr};
  PyObject *dtype = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:__array__", const_cast<char**>(names), &dtype,
                                   &copy))
    return nullptr;
  ArrayObject* self = as_array(object);
  if (self->info->is_extended) {
    PyErr_Format(PyExc_TypeError,
                 "Array.__array__: dtype %S has no NumPy counterpart; take the raw data first, for "
                 "example with gradax.random.key_data",
                 self->info->dtype);
    return nullptr;
  }
  if (is_waited_for(self) && raise_interruption()) return nullptr;
  Object view(array_view(self));
  if (!view) return nullptr;
  Object wanted;
  if (dtype != Py_None) {
    PyArray_Descr* descr = nullptr;
    if (!PyArray_DescrConverter(dtype, &descr)) return nullptr;
    wanted = Object(reinterpret_cast<PyObject*>(descr));
  }
  const bool converts =
      wanted &&
      !PyArray_EquivTypes(reinterpret_cast<PyArray_Descr*>(wanted.get()), self->info->descr);
  if (copy == Py_False && converts) {
    PyErr_Format(PyExc_ValueError, "Array.__array__: %S cannot be seen as %S without a copy",
                 self->info->dtype, wanted.get());
    return nullptr;
  }
  auto* source = reinterpret_cast<PyArrayObject*>(view.get());
  if (converts)
    return PyArray_CastToType(source, reinterpret_cast<PyArray_Descr*>(wanted.release()), 0);
  return copy == Py_True ? PyArray_NewCopy(source, NPY_CORDER) : view.release();
}

PyObject* assemble(PyObject* array) {
  PyObject* hook = get_hook(Hook::Assemble);
  Object whole(hook ? PyObject_CallOneArg(hook, array) : nullptr);
  if (!whole || PyArray_Check(whole.get())) return whole.release();
  PyErr_Format(PyExc_TypeError, "Array: the assemble hook returned %s, not an ndarray",
               Py_TYPE(whole.get())->tp_name);
  return nullptr;
}

template <class Function>
PyCFunction as_method(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

PyMethodDef array_numpy_methods[] = {
    {"from_numpy", as_method(from_numpy), METH_FASTCALL | METH_KEYWORDS | METH_STATIC,
     "Make an array from an ndarray; without a copy if asked and possible."},
    {"__array__", as_method(array_protocol), METH_VARARGS | METH_KEYWORDS,
     "Return a read-only ndarray over the array's memory."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* array_view(ArrayObject* self) {
  if (self->view && !self->event) return Py_NewRef(self->view);
  if (ensure_ready(self) != 0) return nullptr;
  if (!self->view) {
    PyObject* view = self->pieces ? assemble(reinterpret_cast<PyObject*>(self))
                                  : make_view(self->info, self->buffer, NPY_ARRAY_CARRAY_RO);
    if (!view) return nullptr;
    Py_XSETREF(self->view, view);
  }
  return Py_NewRef(self->view);
}

PyObject* empty_ndarray(const AvalInfo* info) {
  BufferRef buffer = BufferRef::take(allocate(info->nbytes));
  return buffer ? make_view(info, buffer, NPY_ARRAY_CARRAY) : no_memory(info).release();
}

PyObject* array_from_numpy(PyObject* object, const AvalInfo* info, bool copy) {
  Object converted;
  if (!PyArray_Check(object)) {
    if (!PyArray_CheckScalar(object)) {
      PyErr_Format(PyExc_TypeError, "from_numpy: expected an ndarray or a NumPy scalar, got %s",
                   Py_TYPE(object)->tp_name);
      return nullptr;
    }
    converted = Object(PyArray_FromScalar(object, nullptr));
    if (!converted) return nullptr;
    object = converted.get();
  }
  auto* source = reinterpret_cast<PyArrayObject*>(object);
  if (!check_matches(source, info)) return nullptr;
  const bool share = !copy && is_shareable(source, info);
  BufferRef buffer = share ? share_memory(source, info) : copy_memory(source, info);
  if (!buffer) {
    if (!PyErr_Occurred()) PyErr_NoMemory();
    return nullptr;
  }
  return make_array(info, std::move(buffer));
}

int array_get_buffer(PyObject* self, Py_buffer* out, int flags) {
  out->obj = nullptr;
  if (as_array(self)->info->is_extended) {
    PyErr_Format(PyExc_BufferError, "Array: dtype %S has no buffer format",
                 as_array(self)->info->dtype);
    return -1;
  }
  forget_interruption();
  Object view(array_view(as_array(self)));
  if (view) return PyObject_GetBuffer(view.get(), out, flags);
  if (is_waited_for(as_array(self))) keep_interruption();
  return -1;
}

}  // namespace gradax
