#include "../numpy_api.hpp"
#include "sort_runs.hpp"

namespace gradax {

SortTable sort_table{};

void load_numpy_sorts() {
  constexpr int type_numbers[] = {NPY_UINT8, NPY_INT8,    NPY_INT16,  NPY_INT32,  NPY_INT64,
                                  NPY_UINT8, NPY_UINT16,  NPY_UINT32, NPY_UINT64, -1,
                                  -1,        NPY_FLOAT32, NPY_FLOAT64};
  for (int code = 0; code < 13; ++code) {
    if (type_numbers[code] < 0) continue;
    PyArray_Descr* descr = PyArray_DescrFromType(type_numbers[code]);
    if (descr == nullptr) {
      PyErr_Clear();
      continue;
    }
    PyArray_ArrFuncs* functions = PyDataType_GetArrFuncs(descr);
    sort_table.by_dtype[code] = reinterpret_cast<SortFunction>(functions->sort[NPY_QUICKSORT]);
    Py_DECREF(descr);
  }
}

}  // namespace gradax
