// The Python face of the library kernels: their symbols, and a direct call for tests.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "../symbols.hpp"
#include "kernels.hpp"
#include "routines.hpp"
#include "runtime/gil.hpp"
#include "sort_runs.hpp"

namespace nb = nanobind;

namespace gradax {
namespace {

using Kernel = void (*)(CallContext*, void* const*, void* const*, const int64_t*);

struct Entry {
  const char* name;
  Kernel kernel;
  int n_ins;  // negative: any number
  int n_outs;
  int n_params;  // the fewest
};

constexpr Entry entries[] = {
    {"gx_gemm", gx_gemm, 2, 1, 11},
    {"gx_gemm_add", gx_gemm_add, 3, 1, 11},
    {"gx_ragged_dot", gx_ragged_dot, 3, 1, 7},
    {"gx_sort", gx_sort, -1, -1, 7},
    {"gx_top_k", gx_top_k, 1, 2, 4},
    {"gx_conv", gx_conv, 2, 1, 13},
    {"gx_conv_floats", gx_conv_floats, 2, 1, 23},
    {"gx_cumulative", gx_cumulative, 1, 1, 6},
    {"gx_reduce_window", gx_reduce_window, 1, 1, 3},
    {"gx_fft", gx_fft, 1, 1, 5},
    {"gx_cholesky", gx_cholesky, 1, 1, 3},
    {"gx_trsm", gx_trsm, 2, 1, 8},
    {"gx_lu", gx_lu, 1, 3, 4},
    {"gx_qr", gx_qr, 1, -1, 6},
    {"gx_svd", gx_svd, 1, -1, 6},
    {"gx_eigh", gx_eigh, 1, 2, 4},
    {"gx_eig", gx_eig, 1, -1, 5},
    {"gx_schur", gx_schur, 1, -1, 4},
    {"gx_hessenberg", gx_hessenberg, 1, 2, 3},
    {"gx_sylvester", gx_sylvester, 3, 2, 4},
    {"gx_tridiagonal", gx_tridiagonal, 1, 4, 4},
    {"gx_eigh_tridiagonal", gx_eigh_tridiagonal, 2, -1, 6},
    {"gx_special", gx_special, -1, 1, 3},
};

const Entry& find_entry(const std::string& name) {
  for (const Entry& entry : entries)
    if (name == entry.name) return entry;
  throw std::invalid_argument("call_kernel: no library kernel is called " + name);
}

// Views of arrays through the buffer protocol, released at the end of the scope.
class Buffers {
 public:
  Buffers(nb::list arrays, bool writable) {
    const int flags = PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
    views_.reserve(nb::len(arrays));
    for (nb::handle array : arrays) {
      Py_buffer view;
      if (PyObject_GetBuffer(array.ptr(), &view, flags) != 0) {
        release();
        throw nb::python_error();
      }
      views_.push_back(view);
      addresses_.push_back(view.buf);
    }
  }
  ~Buffers() { release(); }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  void* const* addresses() const { return addresses_.data(); }
  int count() const { return static_cast<int>(addresses_.size()); }

 private:
  void release() {
    for (Py_buffer& view : views_) PyBuffer_Release(&view);
    views_.clear();
  }
  std::vector<Py_buffer> views_;
  std::vector<void*> addresses_;
};

void require_counts(const Entry& entry, int n_ins, int n_outs, size_t n_params) {
  const bool fits = (entry.n_ins < 0 || entry.n_ins == n_ins) &&
                    (entry.n_outs < 0 || entry.n_outs == n_outs) &&
                    n_params >= static_cast<size_t>(entry.n_params);
  if (fits) return;
  throw std::invalid_argument(
      std::string("call_kernel: ") + entry.name + " takes " + std::to_string(entry.n_ins) +
      " inputs, " + std::to_string(entry.n_outs) + " outputs and at least " +
      std::to_string(entry.n_params) + " parameters; got " + std::to_string(n_ins) + ", " +
      std::to_string(n_outs) + " and " + std::to_string(n_params));
}

void call_kernel(const std::string& name, nb::list ins, nb::list outs, nb::list params,
                 int n_threads) {
  const Entry& entry = find_entry(name);
  const Buffers in(ins, false), out(outs, true);
  std::vector<int64_t> numbers;
  for (nb::handle value : params) numbers.push_back(nb::cast<int64_t>(value));
  require_counts(entry, in.count(), out.count(), numbers.size());
  CallContext ctx{};
  ctx.n_threads = n_threads;
  {
    WithoutGil others_run;
    entry.kernel(&ctx, in.addresses(), out.addresses(), numbers.data());
  }
  if (ctx.status == GX_MEMORY_ERROR) throw std::bad_alloc();
  if (ctx.status == GX_VALUE_ERROR) throw std::invalid_argument(ctx.message);
  if (ctx.status != GX_OK) throw std::runtime_error(ctx.message);
}

}  // namespace

void bind_kernels(nb::module_& module) {
  load_numpy_sorts();
  for (const Entry& entry : entries) register_symbol(entry.name, entry.kernel);
  module.def("call_kernel", &call_kernel, nb::arg("name"), nb::arg("ins"), nb::arg("outs"),
             nb::arg("params"), nb::arg("n_threads") = 1,
             "Run one library kernel on C-contiguous buffers; for tests.");
  module.def(
      "set_routine",
      [](const std::string& name, nb::handle where) {
        void* address = PyLong_Check(where.ptr())
                            ? PyLong_AsVoidPtr(where.ptr())
                            : PyCapsule_GetPointer(where.ptr(), PyCapsule_GetName(where.ptr()));
        if (address == nullptr && PyErr_Occurred()) throw nb::python_error();
        return set_routine(name, address);
      },
      nb::arg("name"), nb::arg("where"),
      "Store a BLAS or LAPACK routine, given by its address or in a capsule; False if kernels use"
      " no such routine.");
  module.def(
      "set_blas_single_threaded", [](bool value) { routine_table.is_single_threaded = value; },
      nb::arg("value"), "Say whether BLAS calls keep to one thread, so that kernels may split.");
}

}  // namespace gradax
