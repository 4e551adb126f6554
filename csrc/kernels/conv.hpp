// A convolution's geometry, always in three dimensions (missing ones have size 1).
#pragma once

#include <cstdint>
#include <vector>

#include "../abi.h"
#include "dtype_codes.hpp"

namespace gradax {

// Elements between neighbours along each axis of an array.
struct ConvLayout {
  int64_t batch, space[3], features;
};

struct Conv {
  int64_t batch, c_in, c_out, groups;
  int64_t in[3], kernel[3], out[3], stride[3], pad[3], lhs_dilation[3], rhs_dilation[3];

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t positions() const { return out[0] * out[1] * out[2]; }
  int64_t in_positions() const { return in[0] * in[1] * in[2]; }
  bool has_lhs_dilation() const { return lhs_dilation[0] * lhs_dilation[1] * lhs_dilation[2] > 1; }
  // The input coordinate that output o and tap t meet in, without lhs dilation.
  int64_t at(int dim, int64_t o, int64_t t) const {
    return o * stride[dim] - pad[dim] + t * rhs_dilation[dim];
  }
};

// How the arrays of a tiled convolution lie in memory; of the kernel, `batch` is out features.
struct ConvLayouts {
  ConvLayout lhs, rhs, out;
  int64_t most_vector_bytes;  // for tests: the processor may have wider vectors
};

Conv read_conv(const int64_t* params);
ConvLayouts read_layouts(const int64_t* params);

// One channel in and out.
template <class T>
void convolve_signal(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out);

// One input channel a group.
template <class T>
void convolve_depthwise(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out);

// Any convolution: blocks of gathered patches times the kernel as a matrix.
template <class T>
void convolve_blocks(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out);

// Any convolution of floats in any layout: tiles over boxes of outputs.
template <class T>
void convolve_tiles(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out);

// Whether each group has one input channel, whose last spatial dimension lies together in memory:
// then `convolve_planes` is the way.
bool is_planar(const Conv& conv, const ConvLayouts& layouts);

template <class T>
void convolve_planes(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                     const T* rhs, T* out);

// Whether each group has one channel in and out, and there are enough of them for a vector: then
// `convolve_depth` is the way, best where features lie together.
bool is_depthwise(const Conv& conv, int64_t lanes);

template <class T>
void convolve_depth(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out);

// Whether there are more taps than outputs, as in the derivative by a kernel: then
// `convolve_outer` is the way.
bool is_outer(const Conv& conv, const ConvLayout& lhs);

template <class T>
void convolve_outer(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out);

// One residue class of the outputs of one dimension under lhs dilation: outputs first + step * j
// for j < count meet tap taps[u] at the input coordinate offsets[u] + advance * j.
struct Phase {
  int64_t first, step, count, advance;
  std::vector<int64_t> taps, offsets;
};

std::vector<Phase> list_phases(const Conv& conv, int dim);

}  // namespace gradax
