// What compiled code and library kernels see of the runtime: plain C, and the addresses' names.
//
// A compiled program is   void entry(CallContext*, void* const* args, void* const* outs, void*
// arena) A library kernel is     void gx_NAME(CallContext*, void* const* ins, void* const* outs,
//                                      const int64_t* params)
// Array memory and the arena are aligned to 64 bytes. A zero-sized array has a valid address.
#pragma once

#include <stdint.h>

#define GX_ALIGNMENT 64
#define GX_MESSAGE_SIZE 240

#ifdef __cplusplus
extern "C" {
#endif

// Why a program stopped; the class of the Python error follows from it.
enum GxStatus {
  GX_OK = 0,
  GX_RUNTIME_ERROR = 1,
  GX_VALUE_ERROR = 2,
  GX_FLOATING_POINT_ERROR = 3,
  GX_MEMORY_ERROR = 4,
  GX_PYTHON_ERROR = 5,  // a Python callback raised: the error object is kept by the runtime
};

typedef struct CallContext {
  int32_t n_threads;     // the most threads a parallel loop of this call may use
  int32_t status;        // a GxStatus; the first failure wins
  void* error;           // the Python error object of GX_PYTHON_ERROR, owned
  const int64_t* sizes;  // of axes that the code was not compiled for one size of
  char message[GX_MESSAGE_SIZE];
} CallContext;

typedef void (*GxEntry)(CallContext* ctx, void* const* args, void* const* outs, void* arena);
typedef void (*GxBody)(CallContext* ctx, void* env, int64_t begin, int64_t end);

// Run body over [0, n) in pieces of at least `grain`, on the pool and the caller together.
// A loop inside a parallel loop runs in its caller alone. Pieces begin at multiples of `grain`.
void gx_parallel_for(CallContext* ctx, GxBody body, void* env, int64_t n, int64_t grain);

// Temporary memory, aligned to 64 bytes; null (and a failed context) when there is none.
void* gx_alloc(CallContext* ctx, int64_t n_bytes);
void gx_free(CallContext* ctx, void* memory);

// Record a failure; callable from any thread of the call. The program goes on to its end.
void gx_fail(CallContext* ctx, int32_t status, const char* message);

#ifdef __cplusplus
}
#endif
