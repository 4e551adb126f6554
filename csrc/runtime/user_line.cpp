// Where in the user's program a call was made.
#include <string>

#include "runtime/object.hpp"
#include "runtime/stream.hpp"

namespace gradax {
namespace {

std::string& package_folder() {
  static auto* folder = new std::string;
  return *folder;
}

std::string text(PyObject* unicode) {
  const char* utf8 = PyUnicode_AsUTF8(unicode);
  if (!utf8) PyErr_Clear();
  return utf8 ? utf8 : "?";
}

}  // namespace

int set_package_folder(PyObject* path) {
  const char* utf8 = PyUnicode_AsUTF8(path);
  if (!utf8) return -1;
  package_folder() = utf8;
  return 0;
}

std::string user_line() {
  Object frame = Object::share(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame) {
    auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
    Object code(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
    auto* fields = reinterpret_cast<PyCodeObject*>(code.get());
    const std::string file = text(fields->co_filename);
    const std::string& folder = package_folder();
    if (folder.empty() || file.compare(0, folder.size(), folder) != 0)
      return file + ":" + std::to_string(PyFrame_GetLineNumber(current)) + " (" +
             text(fields->co_name) + ")";
    frame = Object(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
  }
  return "";
}

}  // namespace gradax
