// How a treedef prints.
#include <nanobind/nanobind.h>

#include "tree/bind.hpp"
#include "tree/treedef.hpp"

namespace nb = nanobind;

namespace gradax::tree {
namespace {

std::string name_of(PyTypeObject* type) {
  nb::object name = nb::handle(reinterpret_cast<PyObject*>(type)).attr("__name__");
  return nb::str(name).c_str();
}

std::string opening(const Node& node) {
  switch (node.kind()) {
    case Kind::Leaf:
      return "*";
    case Kind::None:
      return "None";
    case Kind::Tuple:
      return "(";
    case Kind::List:
      return "[";
    case Kind::Dict:
      return "{";
    case Kind::NamedTuple:
      return "CustomNode(namedtuple[" + name_of(node.python_type()) + "], [";
    default:
      return "CustomNode(" + name_of(node.python_type()) + "[" +
             nb::str(readable_data(*node.type, node.data)).c_str() + "], [";
  }
}

std::string closing(const Node& node) {
  switch (node.kind()) {
    case Kind::Leaf:
    case Kind::None:
      return "";
    case Kind::Tuple:
      return node.arity == 1 ? ",)" : ")";
    case Kind::List:
      return "]";
    case Kind::Dict:
      return "}";
    default:
      return "])";
  }
}

std::string before_child(const Node& node, uint32_t i) {
  std::string text = i == 0 ? "" : ", ";
  if (node.kind() != Kind::Dict) return text;
  nb::handle key = PyTuple_GET_ITEM(node.data, i);
  return text + nb::repr(key).c_str() + ": ";
}

}  // namespace

nb::object readable_data(const NodeType& type, nb::handle data) {
  nb::object items = data.is_valid() ? nb::borrow(data) : nb::make_tuple();
  switch (type.kind) {
    case Kind::Leaf:
    case Kind::None:
    case Kind::Tuple:
    case Kind::List:
      return nb::none();
    case Kind::NamedTuple:
    case Kind::Custom:
      return nb::object(items[0]);
    case Kind::DefaultDict: {
      Py_ssize_t n = PyTuple_GET_SIZE(items.ptr());
      return nb::make_tuple(items[0], nb::steal(PyTuple_GetSlice(items.ptr(), 1, n)));
    }
    default:
      return items;
  }
}

// Without recursion, as a treedef may be composed of many.
std::string to_text(const TreeDef& treedef) {
  struct Open {
    const Node* node;
    uint32_t n_done;
  };
  std::string text = "PyTreeDef(";
  std::vector<Open> open;
  for (const Node& node : treedef.nodes()) {
    if (!open.empty()) text += before_child(*open.back().node, open.back().n_done++);
    text += opening(node);
    open.push_back({&node, 0});
    while (!open.empty() && open.back().n_done == open.back().node->arity) {
      text += closing(*open.back().node);
      open.pop_back();
    }
  }
  return text + ")";
}

}  // namespace gradax::tree
