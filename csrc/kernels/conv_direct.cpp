#include <algorithm>

#include "conv.hpp"
#include "parallel.hpp"
#include "scalar.hpp"

namespace gradax {
namespace {

constexpr int64_t row_block = 256;

// sums[j] += w * x[j * step]
template <class T>
GX_VECTORIZED void add_scaled(T* sums, const T* x, int64_t step, T w, int64_t n) {
  if (step == 1) {
    for (int64_t j = 0; j < n; ++j) sums[j] = multiply_add(x[j], w, sums[j]);
  } else {
    for (int64_t j = 0; j < n; ++j) sums[j] = multiply_add(x[j * step], w, sums[j]);
  }
}

// sums[c * multiplier + j] += x[c] * w[c * multiplier + j]
template <class T>
GX_VECTORIZED void add_channels(T* sums, const T* x, const T* w, int64_t n, int64_t multiplier) {
  if (multiplier == 1) {
    for (int64_t c = 0; c < n; ++c) sums[c] = multiply_add(x[c], w[c], sums[c]);
    return;
  }
  for (int64_t c = 0; c < n; ++c)
    for (int64_t j = c * multiplier; j < (c + 1) * multiplier; ++j)
      sums[j] = multiply_add(x[c], w[j], sums[j]);
}

// Calls f(input row's begin, tap) for the taps of the outer two dimensions that stay inside.
template <class F>
void for_outer_taps(const Conv& conv, int64_t o0, int64_t o1, F&& f) {
  for (int64_t t0 = 0; t0 < conv.kernel[0]; ++t0) {
    const int64_t i0 = conv.at(0, o0, t0);
    if (i0 < 0 || i0 >= conv.in[0]) continue;
    for (int64_t t1 = 0; t1 < conv.kernel[1]; ++t1) {
      const int64_t i1 = conv.at(1, o1, t1);
      if (i1 < 0 || i1 >= conv.in[1]) continue;
      f((i0 * conv.in[1] + i1) * conv.in[2], (t0 * conv.kernel[1] + t1) * conv.kernel[2]);
    }
  }
}

// Outputs [begin, end) of one output row of a single channel.
template <class T>
void convolve_row(const Conv& conv, const T* lhs, const T* rhs, T* out, int64_t o0, int64_t o1,
                  int64_t begin, int64_t end) {
  T sums[row_block];
  std::fill_n(sums, end - begin, T{});
  const int64_t stride = conv.stride[2];
  for_outer_taps(conv, o0, o1, [&](int64_t row, int64_t tap_row) {
    for (int64_t t = 0; t < conv.kernel[2]; ++t) {
      // Outputs o with 0 <= o * stride + shift < in.
      const int64_t shift = conv.at(2, 0, t), room = conv.in[2] - shift;
      if (room <= 0) continue;
      const int64_t low = shift >= 0 ? begin : std::max(begin, (-shift + stride - 1) / stride);
      const int64_t high = std::min(end, (room + stride - 1) / stride);
      if (low >= high) continue;
      add_scaled(sums + (low - begin), lhs + row + low * stride + shift, stride, rhs[tap_row + t],
                 high - low);
    }
  });
  std::copy_n(sums, end - begin, out + begin);
}

}  // namespace

template <class T>
void convolve_signal(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out) {
  const int64_t blocks = (conv.out[2] + row_block - 1) / row_block;
  const int64_t rows = conv.batch * conv.out[0] * conv.out[1];
  const int64_t work = conv.taps() * std::min(conv.out[2], row_block);
  parallel_for(ctx, rows * blocks, grain_for(work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / blocks, at = i % blocks * row_block;
      const int64_t o1 = row % conv.out[1], o0 = row / conv.out[1] % conv.out[0];
      const int64_t image = row / (conv.out[0] * conv.out[1]);
      convolve_row(conv, lhs + image * conv.in_positions(), rhs, out + row * conv.out[2], o0, o1,
                   at, std::min(conv.out[2], at + row_block));
    }
  });
}

template <class T>
void convolve_depthwise(CallContext* ctx, const Conv& conv, const T* lhs, const T* rhs, T* out) {
  const int64_t multiplier = conv.c_out / conv.groups;
  const int64_t rows = conv.batch * conv.positions();
  parallel_for(ctx, rows, grain_for(conv.taps() * conv.c_out), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o2 = i % conv.out[2], o1 = i / conv.out[2] % conv.out[1];
      const int64_t o0 = i / (conv.out[2] * conv.out[1]) % conv.out[0];
      const T* image = lhs + i / conv.positions() * conv.in_positions() * conv.c_in;
      T* sums = out + i * conv.c_out;
      std::fill_n(sums, conv.c_out, T{});
      for_outer_taps(conv, o0, o1, [&](int64_t row, int64_t tap_row) {
        for (int64_t t = 0; t < conv.kernel[2]; ++t) {
          const int64_t i2 = conv.at(2, o2, t);
          if (i2 < 0 || i2 >= conv.in[2]) continue;
          add_channels(sums, image + (row + i2) * conv.c_in, rhs + (tap_row + t) * conv.c_out,
                       conv.c_in, multiplier);
        }
      });
    }
  });
}

#define GX_INSTANTIATE(T)                                                              \
  template void convolve_signal<T>(CallContext*, const Conv&, const T*, const T*, T*); \
  template void convolve_depthwise<T>(CallContext*, const Conv&, const T*, const T*, T*);
GX_RING_TYPES(GX_INSTANTIATE)
#undef GX_INSTANTIATE

}  // namespace gradax
