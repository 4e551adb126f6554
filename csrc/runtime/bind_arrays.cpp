// Module functions on arrays and memory.
#include "runtime/array.hpp"
#include "runtime/bind.hpp"
#include "runtime/dlpack.hpp"
#include "runtime/hooks.hpp"
#include "runtime/operators.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

ArrayObject* require_array(PyObject* object, const char* function) {
  if (is_array(object)) return as_array(object);
  PyErr_Format(PyExc_TypeError, "%s: expected a gradax.Array, got %s", function,
               Py_TYPE(object)->tp_name);
  return nullptr;
}

PyObject* view_function(PyObject*, PyObject* object) {
  ArrayObject* array = require_array(object, "array_view");
  return array ? array_view(array) : nullptr;
}

PyObject* empty_function(PyObject*, PyObject* aval) {
  const AvalInfo* info = aval_info(aval);
  return info ? empty_ndarray(info) : nullptr;
}

PyObject* describe_function(PyObject*, PyObject* capsule) { return describe_dlpack(capsule); }

PyObject* live_function(PyObject*, PyObject*) { return live_arrays(); }

PyMethodDef functions[] = {
    {"array_view", view_function, METH_O,
     "Return the read-only ndarray over an array's memory, waiting until it is written."},
    {"empty", empty_function, METH_O,
     "Return a writable ndarray of an aval that Array.from_numpy takes over without a copy."},
    {"describe_dlpack", describe_function, METH_O,
     "Return (shape, type code, bits, device type, is dense) of a DLPack capsule."},
    {"live_arrays", live_function, METH_NOARGS,
     "Return all arrays that were not deleted, pieces of others included."},
    {nullptr, nullptr, 0, nullptr},
};

nb::dict stats_dict() {
  const MemoryStats stats = memory_stats();
  nb::dict out;
  out["num_allocs"] = stats.num_allocs;
  out["live_allocs"] = stats.live_allocs;
  out["bytes_in_use"] = stats.bytes_in_use;
  out["peak_bytes_in_use"] = stats.peak_bytes_in_use;
  out["largest_alloc_size"] = stats.largest_alloc_size;
  out["bytes_limit"] = stats.bytes_limit;
  out["pool_bytes"] = stats.pool_bytes;
  out["peak_pool_bytes"] = stats.peak_pool_bytes;
  out["bytes_cached"] = stats.bytes_cached;
  out["cache_limit"] = stats.cache_limit;
  out["largest_free_block_bytes"] = stats.largest_free_block_bytes;
  return out;
}

nb::object from_dlpack(nb::handle capsule, nb::handle aval) {
  const AvalInfo* info = aval_info(aval.ptr());
  PyObject* array = info ? array_from_dlpack(capsule.ptr(), info) : nullptr;
  if (!array) nb::raise_python_error();
  return nb::steal(array);
}

}  // namespace

void bind_arrays(nb::module_& module) {
  if (init_array_type(module.ptr()) != 0 || init_operator_type(module.ptr()) != 0 ||
      PyModule_AddFunctions(module.ptr(), functions) != 0)
    nb::raise_python_error();
  module.def("array_from_dlpack", &from_dlpack, nb::arg("capsule"), nb::arg("aval"),
             "Make an array of `aval` that takes a DLPack capsule's memory over.");
  module.def("memory_stats", &stats_dict, "Return figures of the allocator.");
  module.def("reset_peak_memory", &reset_peak_memory, "Start the peak figure again.");
  module.def("trim_memory", &trim_memory, "Give cached memory back to the system.");
  module.def(
      "set_cache_limit",
      [](int64_t n_bytes) {
        if (n_bytes < 0) throw nb::value_error("set_cache_limit: expected a size, got less than 0");
        set_cache_limit(n_bytes);
      },
      nb::arg("n_bytes"), "Set how many bytes of unused memory are kept.");
}

}  // namespace gradax
