// Arrays to DLPack capsules and back, without copying where alignment allows.
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/array.hpp"
#include "runtime/dlpack.h"
#include "runtime/dlpack.hpp"
#include "runtime/object.hpp"

namespace gradax {
namespace {

constexpr const char* kName = "dltensor";
constexpr const char* kUsedName = "used_dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";
constexpr const char* kUsedVersionedName = "used_dltensor_versioned";

bool dlpack_type(const AvalInfo* info, DLDataType& type) {
  const auto bits = static_cast<uint8_t>(8 * info->itemsize);
  type = {0, bits, 1};
  const char kind = info->is_extended ? '?' : info->descr->kind;
  Object name(PyObject_Str(reinterpret_cast<PyObject*>(info->descr)));
  const bool is_bfloat = name && PyUnicode_CompareWithASCIIString(name.get(), "bfloat16") == 0;
  if (kind == 'b')
    type.code = kDLBool;
  else if (kind == 'i' && PyTypeNum_ISINTEGER(info->type_num))
    type.code = kDLInt;
  else if (kind == 'u' && PyTypeNum_ISINTEGER(info->type_num))
    type.code = kDLUInt;
  else if (kind == 'f' && info->type_num < NPY_USERDEF)
    type.code = kDLFloat;
  else if (kind == 'c')
    type.code = kDLComplex;
  else if (is_bfloat)
    type.code = kDLBfloat;
  else {
    if (!PyErr_Occurred())
      PyErr_Format(PyExc_BufferError, "__dlpack__: DLPack has no type for dtype %S", info->dtype);
    return false;
  }
  return true;
}

// What a capsule's consumer holds: the tensor, its shape and a reference to the memory.
template <class Managed>
struct Export {
  Managed managed;
  BufferRef buffer;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

template <class Managed>
void delete_export(Managed* managed) {
  delete static_cast<Export<Managed>*>(managed->manager_ctx);
}

template <class Managed>
Export<Managed>* make_export(const AvalInfo* info, BufferRef buffer, DLDataType type) {
  auto out = std::make_unique<Export<Managed>>();
  out->buffer = std::move(buffer);
  out->shape.assign(info->dims.begin(), info->dims.end());
  out->strides.resize(out->shape.size());
  int64_t stride = 1;
  for (size_t i = out->shape.size(); i-- > 0; stride *= out->shape[i]) out->strides[i] = stride;
  out->managed.manager_ctx = out.get();
  out->managed.deleter = delete_export<Managed>;
  out->managed.dl_tensor = {out->buffer.data(),
                            {kDLCPU, 0},
                            info->ndim(),
                            type,
                            out->shape.data(),
                            out->strides.data(),
                            0};
  return out.release();
}

template <class Managed>
void drop_unused(PyObject* capsule, const char* name) {
  if (!PyCapsule_IsValid(capsule, name)) return;  // its consumer took the tensor over
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

void drop_plain(PyObject* capsule) { drop_unused<DLManagedTensor>(capsule, kName); }
void drop_versioned(PyObject* capsule) {
  drop_unused<DLManagedTensorVersioned>(capsule, kVersionedName);
}

// Whether the consumer knows DLPack 1: max_version is None or a pair.
int wants_versioned(PyObject* max_version) {
  if (max_version == Py_None) return 0;
  if (!PyTuple_Check(max_version) || PyTuple_GET_SIZE(max_version) != 2) {
    PyErr_SetString(PyExc_TypeError, "__dlpack__: expected a pair for max_version");
    return -1;
  }
  const long major = PyLong_AsLong(PyTuple_GET_ITEM(max_version, 0));
  return major == -1 && PyErr_Occurred() ? -1 : major >= 1;
}

PyObject* dlpack(PyObject* object, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"stream", "max_version", "dl_device", "copy", nullptr};
  PyObject *stream = Py_None, *version = Py_None, *device = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO:__dlpack__", const_cast<char**>(names),
                                   &stream, &version, &device, &copy))
    return nullptr;
  ArrayObject* self = as_array(object);
  if (ensure_ready(self) != 0) return nullptr;
  if (stream != Py_None || self->pieces) {
    PyErr_SetString(PyExc_BufferError,
                    "__dlpack__: expected one CPU device and stream=None; move the array first");
    return nullptr;
  }
  const int versioned = wants_versioned(version);
  DLDataType type;
  if (versioned < 0 || !dlpack_type(self->info, type)) return nullptr;
  BufferRef buffer = self->buffer;
  if (copy == Py_True) {
    buffer = BufferRef::take(allocate(self->info->nbytes));
    if (!buffer) return PyErr_NoMemory();
    if (self->info->nbytes) std::memcpy(buffer.data(), self->buffer.data(), self->info->nbytes);
  }
  if (!versioned) {
    auto* out = make_export<DLManagedTensor>(self->info, std::move(buffer), type);
    return PyCapsule_New(&out->managed, kName, drop_plain);
  }
  auto* out = make_export<DLManagedTensorVersioned>(self->info, std::move(buffer), type);
  out->managed.version = {1, 0};
  out->managed.flags = copy == Py_True ? kDLFlagIsCopied : kDLFlagReadOnly;
  return PyCapsule_New(&out->managed, kVersionedName, drop_versioned);
}

PyObject* dlpack_device(PyObject*, PyObject*) { return Py_BuildValue("(ii)", kDLCPU, 0); }

bool is_dense(const DLTensor& tensor) {
  if (!tensor.strides) return true;
  int64_t stride = 1;
  for (int i = tensor.ndim - 1; i >= 0; stride *= tensor.shape[i--])
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride) return false;
  return true;
}

bool check_tensor(const DLTensor& tensor, const AvalInfo* info) {
  DLDataType type;
  if (!dlpack_type(info, type)) return false;
  bool same = tensor.ndim == info->ndim() && std::memcmp(&type, &tensor.dtype, sizeof type) == 0;
  for (int i = 0; same && i < tensor.ndim; ++i) same = tensor.shape[i] == info->dims[i];
  if (same && tensor.device.device_type == kDLCPU && is_dense(tensor)) return true;
  PyErr_Format(PyExc_ValueError, "from_dlpack: expected dense CPU memory of %R", info->aval);
  return false;
}

template <class Managed>
PyObject* import_capsule(PyObject* capsule, const char* name, const char* used,
                         const AvalInfo* info) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  const DLTensor& tensor = managed->dl_tensor;
  if (!check_tensor(tensor, info)) return nullptr;
  void* data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  if (reinterpret_cast<uintptr_t>(data) % GX_ALIGNMENT != 0 || info->nbytes == 0) {
    BufferRef copy = BufferRef::take(allocate(info->nbytes));
    if (!copy) return PyErr_NoMemory();
    if (info->nbytes) std::memcpy(copy.data(), data, info->nbytes);
    return make_array(info, std::move(copy));
  }
  // The consumer calls the deleter: a capsule of our own does so when the buffer goes.
  PyCapsule_Destructor drop = [](PyObject* owner) {
    auto* held = static_cast<Managed*>(PyCapsule_GetPointer(owner, "gradax.dlpack"));
    if (held->deleter) held->deleter(held);
  };
  Object owner(PyCapsule_New(managed, "gradax.dlpack", drop));
  if (!owner) return nullptr;
  PyCapsule_SetName(capsule, used);
  PyCapsule_SetDestructor(capsule, nullptr);
  return make_array(info, BufferRef::take(wrap_foreign(data, info->nbytes, owner.get())));
}

template <class Function>
PyCFunction as_method(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

const DLTensor* find_tensor(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, kVersionedName))
    return &static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, kVersionedName))
                ->dl_tensor;
  if (PyCapsule_IsValid(capsule, kName))
    return &static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kName))->dl_tensor;
  PyErr_SetString(PyExc_TypeError, "from_dlpack: expected a DLPack capsule that is not used yet");
  return nullptr;
}

}  // namespace

PyMethodDef array_dlpack_methods[] = {
    {"__dlpack__", as_method(dlpack), METH_VARARGS | METH_KEYWORDS,
     "Return a DLPack capsule over the array's memory."},
    {"__dlpack_device__", dlpack_device, METH_NOARGS, "Return DLPack's device type and number."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* describe_dlpack(PyObject* capsule) {
  const DLTensor* tensor = find_tensor(capsule);
  if (!tensor) return nullptr;
  Object shape(PyTuple_New(tensor->ndim));
  for (int i = 0; shape && i < tensor->ndim; ++i)
    PyTuple_SET_ITEM(shape.get(), i, PyLong_FromLongLong(tensor->shape[i]));
  if (!shape) return nullptr;
  return Py_BuildValue("(Niiii)", shape.release(), tensor->dtype.code, tensor->dtype.bits,
                       tensor->device.device_type, is_dense(*tensor));
}

PyObject* array_from_dlpack(PyObject* capsule, const AvalInfo* info) {
  if (!find_tensor(capsule)) return nullptr;
  if (PyCapsule_IsValid(capsule, kVersionedName))
    return import_capsule<DLManagedTensorVersioned>(capsule, kVersionedName, kUsedVersionedName,
                                                    info);
  return import_capsule<DLManagedTensor>(capsule, kName, kUsedName, info);
}

}  // namespace gradax
