#include <cstring>

#include "convert.hpp"
#include "integer_product.hpp"
#include "kernels.hpp"
#include "product.hpp"

namespace gradax {
namespace {

// The elements that a strided batch of matrices spans, each of `size` elements.
int64_t span(int64_t count, int64_t stride, int64_t size) {
  return count == 0 ? 0 : (count - 1) * stride + size;
}

// The product in Sum, of operands of type In, stored as Out.
template <class In, class Sum, class Out>
void run_converted(CallContext* ctx, const Product<Sum>& shape, const Batch& batch, const In* a,
                   const In* b, Out* c) {
  Product<Sum> p = shape;
  const int64_t size_a = span(batch.count, batch.stride_a, p.m * p.k);
  const int64_t size_b = span(batch.count, batch.stride_b, p.k * p.n);
  const int64_t size_c = span(batch.count, batch.stride_c, p.m * p.n);
  constexpr bool same_in = std::is_same_v<In, Sum>, same_out = std::is_same_v<Out, Sum>;
  Scratch<Sum> wide_a(ctx, same_in ? 0 : size_a), wide_b(ctx, same_in ? 0 : size_b);
  Scratch<Sum> wide_c(ctx, same_out ? 0 : size_c);
  if (!wide_a || !wide_b || !wide_c) return;
  if constexpr (same_in) {
    p.a = a;
    p.b = b;
  } else {
    convert_parallel(ctx, a, wide_a.get(), size_a);
    convert_parallel(ctx, b, wide_b.get(), size_b);
    p.a = wide_a.get();
    p.b = wide_b.get();
  }
  if constexpr (same_out) {
    p.c = c;
    run_batch(ctx, p, batch);
  } else {
    p.c = wide_c.get();
    run_batch(ctx, p, batch);
    convert_parallel(ctx, wide_c.get(), c, size_c);
  }
}

template <class T>
using SumOf = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat>, float, T>;

// Products of short integers by tiles; false: not such a product, nothing done.
template <class In, class Out, class Sum>
bool run_integers(CallContext* ctx, const Product<Sum>& shape, const Batch& batch, const In* a,
                  const In* b, Out* c) {
  if constexpr (is_packed_integer<In> && is_packed_integer<Out>) {
    Product<In> p{};
    p.m = shape.m;
    p.n = shape.n;
    p.k = shape.k;
    p.lda = shape.lda;
    p.ldb = shape.ldb;
    p.ldc = shape.ldc;
    p.trans_a = shape.trans_a;
    p.trans_b = shape.trans_b;
    p.a = a;
    p.b = b;
    return multiply_integers(ctx, p, batch, c);
  } else {
    return false;
  }
}

template <class In, class Out>
void run_typed(CallContext* ctx, const void* a, const void* b, void* c, const int64_t* params,
               bool accumulate = false) {
  Product<SumOf<Out>> p{};
  p.accumulate = accumulate;
  p.m = params[2];
  p.n = params[3];
  p.k = params[4];
  p.trans_a = params[5] != 0;
  p.trans_b = params[6] != 0;
  p.lda = p.trans_a ? p.m : p.k;
  p.ldb = p.trans_b ? p.k : p.n;
  p.ldc = p.n;
  const Batch batch{params[1], params[7], params[8], params[9]};
  const In *from_a = static_cast<const In*>(a), *from_b = static_cast<const In*>(b);
  auto* to = static_cast<Out*>(c);
  if (!run_integers(ctx, p, batch, from_a, from_b, to))
    run_converted(ctx, p, batch, from_a, from_b, to);
}

}  // namespace
}  // namespace gradax

extern "C" void gx_gemm(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  using namespace gradax;
  const auto in = static_cast<Dtype>(params[0]), out = static_cast<Dtype>(params[10]);
  if (params[1] == 0 || params[2] == 0 || params[3] == 0) return;
  if (in == out) {
    with_ring(in, [&](auto tag) {
      using T = typename decltype(tag)::type;
      run_typed<T, T>(ctx, ins[0], ins[1], outs[0], params);
    });
    return;
  }
  with_dtype(in, [&](auto from) {
    using In = typename decltype(from)::type;
    if (out == Dtype::I32) return run_typed<In, uint32_t>(ctx, ins[0], ins[1], outs[0], params);
    if (out == Dtype::F32) return run_typed<In, float>(ctx, ins[0], ins[1], outs[0], params);
    if (out == Dtype::F64) return run_typed<In, double>(ctx, ins[0], ins[1], outs[0], params);
    gx_fail(ctx, GX_VALUE_ERROR, "gemm: out_dtype must be the operands' own, i32, f32 or f64");
  });
}

extern "C" void gx_gemm_add(CallContext* ctx, void* const* ins, void* const* outs,
                            const int64_t* params) {
  using namespace gradax;
  if (params[1] == 0 || params[2] == 0 || params[3] == 0) return;
  with_ring(static_cast<Dtype>(params[0]), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      if (ins[2] != outs[0]) {
        const int64_t size = span(params[1], params[9], params[2] * params[3]);
        std::memcpy(outs[0], ins[2], static_cast<size_t>(size) * sizeof(T));
      }
      run_typed<T, T>(ctx, ins[0], ins[1], outs[0], params, true);
    } else {
      gx_fail(ctx, GX_VALUE_ERROR, "gemm_add: the operands must be f32 or f64");
    }
  });
}
