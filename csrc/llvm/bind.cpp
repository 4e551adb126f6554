// LLVM, object code and the processor, as Python reaches them.
#include "llvm/bind.hpp"

#include <dlfcn.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <pthread.h>

#include <cmath>
#include <cstring>

#include "llvm/code.hpp"
#include "llvm/compile.hpp"
#include "llvm/library.hpp"
#include "llvm/processor.hpp"
#include "runtime/gil.hpp"
#include "symbols.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

nb::bytes object_code(const std::string& text, int level) {
  std::string object;
  {
    WithoutGil nobody_waits;
    object = llvm::compile(text, level, llvm::Output::kObject);
  }
  return nb::bytes(object.data(), object.size());
}

std::string assembly(const std::string& text) {
  WithoutGil nobody_waits;
  return llvm::compile(text, 2, llvm::Output::kAssembly);
}

std::string_view view(const nb::bytes& bytes) { return {bytes.c_str(), bytes.size()}; }

void make_code(llvm::Code* code, const nb::bytes& object, const char* entry) {
  new (code) llvm::Code(view(object), entry);
}

void load_code(llvm::Code& code, const nb::bytes& object, const char* entry) {
  code.load(view(object), entry);
}

// What LLVM calls on its own account.
void register_libc() {
  register_symbol("memcpy", reinterpret_cast<void*>(&std::memcpy));
  register_symbol("memset", reinterpret_cast<void*>(&std::memset));
  register_symbol("memmove", reinterpret_cast<void*>(&std::memmove));
  register_symbol("fmod", static_cast<double (*)(double, double)>(&std::fmod));
  register_symbol("fmodf", static_cast<float (*)(float, float)>(&std::fmod));
}

}  // namespace

void bind_llvm(nb::module_& module) {
  register_libc();
  nb::exception<llvm::InvalidModule>(module, "InvalidModule", PyExc_RuntimeError);
  nb::class_<llvm::Code>(module, "Code", "A program's machine code in memory.")
      .def("__init__", &make_code, nb::arg("object"), nb::arg("entry"))
      .def(
          "__init__",
          [](llvm::Code* code, uintptr_t entry) {
            if (entry == 0) throw nb::value_error("Code: expected an address");
            new (code) llvm::Code(reinterpret_cast<GxEntry>(entry));
          },
          nb::arg("entry"))
      .def("load", &load_code, nb::arg("object"), nb::arg("entry"),
           "Let the function `entry` of an object take the place of the code so far.")
      .def_prop_ro("entry", [](const llvm::Code& code) {
        return reinterpret_cast<uintptr_t>(code.entry().load());
      });
  module.def(
      "load_llvm", &llvm::start, nb::arg("path"), nb::arg("others"),
      "Begin to load LLVM from the shared library at `path`, in a thread of its own, and then"
      " the `others`, which are needed later if at all.");
  module.def("finish_loading_llvm", &llvm::finish_start, nb::call_guard<WithoutGil>(),
             "Wait until LLVM is loaded and end the thread that does it.");
  module.def("object_code", &object_code, nb::arg("text"), nb::arg("level"),
             "Return the object code of a module. InvalidModule with LLVM's message.");
  module.def("assembly", &assembly, nb::arg("text"), "Return the assembly of a module.");
  module.def("can_link", &llvm::can_link, "Tell whether Code takes this machine's object code.");
  module.def("processor", &llvm::processor, "Return what identifies the processor.");
  module.def("processor_vendor", &llvm::processor_vendor, "Return who made the processor.");
  module.def("vector_bytes", &llvm::vector_bytes, "Return the width of the vector registers.");
  module.def("has_fma", &llvm::has_fma, "Tell whether the processor multiplies and adds at once.");
  pthread_atfork(llvm::before_fork, llvm::after_fork_in_parent, llvm::after_fork_in_child);
  nb::object finish = module.attr("finish_loading_llvm");
  nb::module_::import_("os").attr("register_at_fork")(nb::arg("before") = finish);
  nb::module_::import_("atexit").attr("register")(finish);
}

}  // namespace gradax
