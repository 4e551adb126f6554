#include "conv.hpp"

#include <new>
#include <numeric>

#include "conv_tiles.hpp"
#include "convert.hpp"
#include "kernels.hpp"
#include "product.hpp"

namespace gradax {

Conv read_conv(const int64_t* params) {
  Conv conv{params[1], params[2], params[3], params[4], {}, {}, {}, {}, {}, {}, {}};
  const int64_t d = params[5];
  int64_t* fields[] = {conv.in,  conv.kernel,       conv.out,         conv.stride,
                       conv.pad, conv.lhs_dilation, conv.rhs_dilation};
  for (int field = 0; field < 7; ++field) {
    const int64_t neutral = fields[field] == conv.pad ? 0 : 1;
    for (int64_t dim = 0; dim < 3; ++dim) {
      const int64_t from = dim - (3 - d);
      fields[field][dim] = from < 0 ? neutral : params[6 + field * d + from];
    }
  }
  return conv;
}

ConvLayouts read_layouts(const int64_t* params) {
  const int64_t d = params[5];
  const int64_t* next = params + 6 + 7 * d;
  ConvLayouts layouts{};
  for (ConvLayout* layout : {&layouts.lhs, &layouts.rhs, &layouts.out}) {
    layout->batch = *next++;
    for (int64_t dim = 3 - d; dim < 3; ++dim) layout->space[dim] = *next++;
    layout->features = *next++;
  }
  layouts.most_vector_bytes = *next;
  return layouts;
}

std::vector<Phase> list_phases(const Conv& conv, int dim) {
  const int64_t dilation = conv.lhs_dilation[dim], stride = conv.stride[dim];
  const int64_t period = dilation / std::gcd(dilation, stride);
  std::vector<Phase> phases;
  for (int64_t first = 0; first < std::min(period, conv.out[dim]); ++first) {
    const int64_t count = (conv.out[dim] - first + period - 1) / period;
    Phase phase{first, period, count, period * stride / dilation, {}, {}};
    for (int64_t tap = 0; tap < conv.kernel[dim]; ++tap) {
      const int64_t at = conv.at(dim, first, tap);
      if (at % dilation != 0) continue;
      phase.taps.push_back(tap);
      phase.offsets.push_back(at / dilation);
    }
    phases.push_back(std::move(phase));
  }
  return phases;
}

namespace {

bool is_pointwise(const Conv& conv) {
  if (conv.groups != 1 || conv.taps() != 1 || conv.has_lhs_dilation()) return false;
  for (int dim = 0; dim < 3; ++dim)
    if (conv.stride[dim] != 1 || conv.pad[dim] != 0 || conv.in[dim] != conv.out[dim]) return false;
  return true;
}

template <class T>
void convolve(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out) {
  if (is_pointwise(conv)) {
    Product<T> p{};
    p.m = conv.batch * conv.positions();
    p.n = p.ldb = p.ldc = conv.c_out;
    p.k = p.lda = conv.c_in;
    p.a = lhs;
    p.b = rhs;
    p.c = out;
    return run_batch(ctx, p, Batch{1, 0, 0, 0});
  }
  if (!conv.has_lhs_dilation() && conv.c_in == 1 && conv.c_out == 1)
    return convolve_signal(ctx, conv, lhs, rhs, out);
  if (!conv.has_lhs_dilation() && conv.c_in > 1 && conv.c_in == conv.groups)
    return convolve_depthwise(ctx, conv, lhs, rhs, out);
  convolve_blocks(ctx, conv, lhs, rhs, out);
}

// The same for types whose sums are formed in float.
template <class T>
void convolve_wide(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out) {
  const int64_t n_lhs = conv.batch * conv.in_positions() * conv.c_in;
  const int64_t n_rhs = conv.taps() * conv.c_in / conv.groups * conv.c_out;
  const int64_t n_out = conv.batch * conv.positions() * conv.c_out;
  Scratch<float> wide_lhs(ctx, n_lhs), wide_rhs(ctx, n_rhs), wide_out(ctx, n_out);
  if (!wide_lhs || !wide_rhs || !wide_out) return;
  convert_parallel(ctx, lhs, wide_lhs.get(), n_lhs);
  convert_parallel(ctx, rhs, wide_rhs.get(), n_rhs);
  convolve(ctx, conv, wide_lhs.get(), wide_rhs.get(), wide_out.get());
  convert_parallel(ctx, wide_out.get(), out, n_out);
}

template <class T>
void convolve_floats(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                     const T* rhs, T* out) {
  const int64_t lanes = conv_tiles<T>(layouts.most_vector_bytes).lanes;
  const bool has_depth = is_depthwise(conv, lanes);
  if (is_planar(conv, layouts) && (!has_depth || conv.out[2] >= 2 * lanes))
    return convolve_planes(ctx, conv, layouts, lhs, rhs, out);
  if (has_depth) return convolve_depth(ctx, conv, layouts, lhs, rhs, out);
  is_outer(conv, layouts.lhs) ? convolve_outer(ctx, conv, layouts, lhs, rhs, out)
                              : convolve_tiles(ctx, conv, layouts, lhs, rhs, out);
}

}  // namespace
}  // namespace gradax

extern "C" void gx_conv(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) try {
  using namespace gradax;
  const Conv conv = read_conv(params);
  if (conv.batch == 0 || conv.c_out == 0 || conv.positions() == 0) return;
  with_ring(static_cast<Dtype>(params[0]), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *lhs = static_cast<const T*>(ins[0]), *rhs = static_cast<const T*>(ins[1]);
    T* out = static_cast<T*>(outs[0]);
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>) {
      convolve_wide(ctx, conv, lhs, rhs, out);
    } else {
      convolve(ctx, conv, lhs, rhs, out);
    }
  });
} catch (const std::bad_alloc&) {
  gx_fail(ctx, GX_MEMORY_ERROR, "conv: no memory");
}

extern "C" void gx_conv_floats(CallContext* ctx, void* const* ins, void* const* outs,
                               const int64_t* params) try {
  using namespace gradax;
  const Conv conv = read_conv(params);
  const ConvLayouts layouts = read_layouts(params);
  if (conv.batch == 0 || conv.c_out == 0 || conv.positions() == 0) return;
  auto run = [&](auto zero) {
    using T = decltype(zero);
    convolve_floats(ctx, conv, layouts, static_cast<const T*>(ins[0]),
                    static_cast<const T*>(ins[1]), static_cast<T*>(outs[0]));
  };
  if (params[0] == static_cast<int64_t>(Dtype::F32)) return run(float{});
  if (params[0] == static_cast<int64_t>(Dtype::F64)) return run(double{});
  gx_fail(ctx, GX_VALUE_ERROR, "conv_floats: expected float32 or float64");
} catch (const std::bad_alloc&) {
  gx_fail(ctx, GX_MEMORY_ERROR, "conv: no memory");
}
