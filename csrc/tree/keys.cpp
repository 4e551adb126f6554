#include "tree/keys.hpp"

#include <nanobind/stl/string.h>

#include <new>
#include <string>

namespace nb = nanobind;

namespace gradax::tree {
namespace {

template <class K>
PyObject* make_key(nb::object field) {
  if (!field.is_valid()) return nullptr;
  return nb::cast(K{std::move(field)}).release().ptr();
}

nb::object index_object(size_t index) { return nb::steal(PyLong_FromSize_t(index)); }

template <class K>
void bind_key(nb::module_& m, const char* name, const char* field, const char* before,
              const char* after, bool quoted, const char* doc) {
  auto text = [quoted](nb::handle value) {
    return std::string(quoted ? nb::repr(value).c_str() : nb::str(value).c_str());
  };
  nb::class_<K> cls(m, name, doc);
  cls.def(
         "__init__", [](K* self, nb::object value) { new (self) K{std::move(value)}; },
         nb::arg(field), "Make the entry.")
      .def_ro(field, &K::field)
      .def("__repr__",
           [name, field](const K& self) {
             return nb::str("{}({}={!r})").format(name, field, self.field);
           })
      .def("__str__", [=](const K& self) { return before + text(self.field) + after; })
      .def("__hash__", [](const K& self) { return nb::hash(self.field); })
      .def("__eq__",
           [](const K& self, nb::handle other) {
             return nb::isinstance<K>(other) && self.field.equal(nb::cast<K&>(other).field);
           })
      .def("__getstate__", [](const K& self) { return nb::make_tuple(self.field); })
      .def("__setstate__", [](K& self, nb::tuple state) { new (&self) K{state[0]}; });
  cls.attr("__match_args__") = nb::make_tuple(field);
}

}  // namespace

PyObject* make_sequence_key(size_t index) { return make_key<SequenceKey>(index_object(index)); }
PyObject* make_dict_key(PyObject* key) { return make_key<DictKey>(nb::borrow(key)); }
PyObject* make_attribute_key(PyObject* name) { return make_key<GetAttrKey>(nb::borrow(name)); }
PyObject* make_flat_index_key(size_t index) {
  return make_key<FlattenedIndexKey>(index_object(index));
}

void bind_keys(nb::module_& m) {
  bind_key<SequenceKey>(m, "SequenceKey", "idx", "[", "]", false,
                        "An item of a list or tuple, as a path entry.");
  bind_key<DictKey>(m, "DictKey", "key", "[", "]", true, "A value of a dict, as a path entry.");
  bind_key<GetAttrKey>(m, "GetAttrKey", "name", ".", "", false, "An attribute, as a path entry.");
  bind_key<FlattenedIndexKey>(m, "FlattenedIndexKey", "key", "[<flat index ", ">]", false,
                              "The n-th child of a node without keys, as a path entry.");
}

}  // namespace gradax::tree
