#include "tree/registry.hpp"

#include <memory>
#include <vector>

namespace gradax::tree {
namespace {

// Open addressing on the type's address. At most a quarter full, because most look-ups are for
// leaves, and a miss ends at the first empty slot.
class TypeTable {
 public:
  const NodeType* find(PyTypeObject* type) const {
    for (size_t i = slot_of(type);; ++i) {
      const NodeType* found = slots_[i & mask_];
      if (!found || found->type == type) return found;
    }
  }
  void add(std::unique_ptr<NodeType> entry) {
    if ((entries_.size() + 1) * 4 > slots_.size()) grow();
    entries_.push_back(std::move(entry));
    place(entries_.back().get());
  }

 private:
  static size_t slot_of(PyTypeObject* type) {
    auto address = reinterpret_cast<uintptr_t>(type);
    return (address >> 4) ^ (address >> 12);
  }
  void place(const NodeType* entry) {
    size_t i = slot_of(entry->type) & mask_;
    while (slots_[i]) i = (i + 1) & mask_;
    slots_[i] = entry;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, nullptr);
    mask_ = slots_.size() - 1;
    for (const auto& entry : entries_) place(entry.get());
  }

  std::vector<std::unique_ptr<NodeType>> entries_;
  std::vector<const NodeType*> slots_ = std::vector<const NodeType*>(64);
  size_t mask_ = 63;
};

// Never destroyed: its references must not be dropped after the interpreter has ended.
TypeTable& table() {
  static TypeTable* types = new TypeTable;
  return *types;
}

std::unique_ptr<NodeType> make_type(Kind kind, PyTypeObject* type) {
  auto entry = std::make_unique<NodeType>();
  entry->kind = kind;
  entry->type = type;
  Py_INCREF(type);
  return entry;
}

bool check_new(PyTypeObject* type) {
  if (!table().find(type)) return true;
  PyErr_Format(tree_error(),
               "registering a pytree node: %R is a pytree node already. Register each class "
               "once, next to its definition.",
               type);
  return false;
}

bool add_from_collections(const char* name, Kind kind) {
  PyObject* module = PyImport_ImportModule("collections");
  PyObject* type = module ? PyObject_GetAttrString(module, name) : nullptr;
  Py_XDECREF(module);
  if (!type) return false;
  table().add(make_type(kind, reinterpret_cast<PyTypeObject*>(type)));
  Py_DECREF(type);
  return true;
}

}  // namespace

bool init_registry() {
  if (table().find(&PyTuple_Type)) return true;
  table().add(make_type(Kind::None, Py_TYPE(Py_None)));
  table().add(make_type(Kind::Tuple, &PyTuple_Type));
  table().add(make_type(Kind::List, &PyList_Type));
  table().add(make_type(Kind::Dict, &PyDict_Type));
  return add_from_collections("OrderedDict", Kind::OrderedDict) &&
         add_from_collections("defaultdict", Kind::DefaultDict);
}

const NodeType* find_type(PyTypeObject* type) {
  static const TypeTable& types = table();
  return types.find(type);
}

const NodeType* namedtuple_type() {
  static const NodeType type{.kind = Kind::NamedTuple};
  return &type;
}

bool is_namedtuple(PyTypeObject* type) {
  if (!PyType_IsSubtype(type, &PyTuple_Type) || type == &PyTuple_Type) return false;
  static PyObject* fields = PyUnicode_InternFromString("_fields");
  return PyObject_HasAttr(reinterpret_cast<PyObject*>(type), fields);
}

bool register_custom(PyTypeObject* type, PyObject* flatten, PyObject* unflatten,
                     PyObject* flatten_with_keys) {
  if (!check_new(type)) return false;
  auto entry = make_type(Kind::Custom, type);
  entry->flatten = Py_NewRef(flatten);
  entry->unflatten = Py_NewRef(unflatten);
  if (flatten_with_keys != Py_None) entry->flatten_with_keys = Py_NewRef(flatten_with_keys);
  table().add(std::move(entry));
  return true;
}

bool register_dataclass(PyTypeObject* type, PyObject* data_fields, PyObject* meta_fields) {
  if (!check_new(type)) return false;
  PyObject* all_fields = PySequence_Concat(data_fields, meta_fields);
  if (!all_fields) return false;
  auto entry = make_type(Kind::Dataclass, type);
  entry->data_fields = Py_NewRef(data_fields);
  entry->meta_fields = Py_NewRef(meta_fields);
  entry->all_fields = all_fields;
  table().add(std::move(entry));
  return true;
}

Hooks& hooks() {
  static Hooks hooks;
  return hooks;
}

}  // namespace gradax::tree
