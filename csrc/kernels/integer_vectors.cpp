// Products of integers with a vector on one side: nothing is packed.
#include "integer_product.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

template <class In>
GX_VECTORIZED uint32_t dot_terms(const In* x, const In* y, int64_t k) {
  using Wide = std::conditional_t<sizeof(In) == 1, int32_t, uint32_t>;
  uint32_t sum = 0;
  for (int64_t q = 0; q < k; ++q)
    sum += static_cast<uint32_t>(static_cast<Wide>(x[q]) * static_cast<Wide>(y[q]));
  return sum;
}

// Products with a vector, whose terms lie together in both operands.
template <class In, class Out>
void multiply_vector(CallContext* ctx, const Product<In>& p, const Batch& batch, Out* c) {
  const int64_t rows = p.n == 1 ? p.m : p.n;
  parallel_for(ctx, batch.count * rows, grain_for(p.k), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / rows, row = i % rows * p.k;
      const In *x = p.a + b * batch.stride_a, *y = p.b + b * batch.stride_b;
      c[b * batch.stride_c + i % rows] =
          static_cast<Out>(p.n == 1 ? dot_terms(x + row, y, p.k) : dot_terms(x, y + row, p.k));
    }
  });
}

constexpr int64_t chunk = 512;

// sums[j] = the sum over q of x[q] rows[q * ld + j], for n columns, a chunk at most.
template <class In>
GX_VECTORIZED void add_rows(const In* x, const In* rows, int64_t ld, int64_t n, int64_t k,
                            uint32_t* sums) {
  std::fill(sums, sums + n, 0u);
  auto term = [](In a, In b) { return static_cast<uint32_t>(a) * static_cast<uint32_t>(b); };
  int64_t q = 0;
  for (; q + 4 <= k; q += 4) {
    const In *r0 = rows + q * ld, *r1 = r0 + ld, *r2 = r1 + ld, *r3 = r2 + ld;
    for (int64_t j = 0; j < n; ++j)
      sums[j] +=
          term(x[q], r0[j]) + term(x[q + 1], r1[j]) + term(x[q + 2], r2[j]) + term(x[q + 3], r3[j]);
  }
  for (; q < k; ++q)
    for (int64_t j = 0; j < n; ++j) sums[j] += term(x[q], rows[q * ld + j]);
}

// Products with a vector on the left of a matrix as it lies, or on the right of a transposed one.
template <class In, class Out>
void multiply_rows(CallContext* ctx, const Product<In>& p, const Batch& batch, Out* c) {
  const int64_t n = p.m == 1 ? p.n : p.m, chunks = (n + chunk - 1) / chunk;
  parallel_for(
      ctx, batch.count * chunks, grain_for(p.k * chunk / 4), [&](int64_t begin, int64_t end) {
        uint32_t sums[chunk];
        for (int64_t i = begin; i < end; ++i) {
          const int64_t b = i / chunks, j = i % chunks * chunk, here = std::min(chunk, n - j);
          const In *x = p.a + b * batch.stride_a, *y = p.b + b * batch.stride_b;
          p.m == 1 ? add_rows(x, y + j, n, here, p.k, sums)
                   : add_rows(y, x + j, n, here, p.k, sums);
          std::transform(sums, sums + here, c + b * batch.stride_c + j,
                         [](uint32_t sum) { return static_cast<Out>(sum); });
        }
      });
}

}  // namespace

template <class In, class Out>
void multiply_integer_vectors(CallContext* ctx, const Product<In>& p, const Batch& batch, Out* c) {
  const bool is_along = p.n == 1 ? !p.trans_a : p.trans_b;
  is_along ? multiply_vector(ctx, p, batch, c) : multiply_rows(ctx, p, batch, c);
}

#define GX_INSTANTIATE(In, Out)                                                                   \
  template void multiply_integer_vectors<In, Out>(CallContext*, const Product<In>&, const Batch&, \
                                                  Out*);
GX_INSTANTIATE(int8_t, int8_t)
GX_INSTANTIATE(uint8_t, uint8_t)
GX_INSTANTIATE(int16_t, int16_t)
GX_INSTANTIATE(uint16_t, uint16_t)
GX_INSTANTIATE(int32_t, int32_t)
GX_INSTANTIATE(uint32_t, uint32_t)
GX_INSTANTIATE(int32_t, uint32_t)
GX_INSTANTIATE(int8_t, uint32_t)
GX_INSTANTIATE(uint8_t, uint32_t)
GX_INSTANTIATE(int16_t, uint32_t)
GX_INSTANTIATE(uint16_t, uint32_t)
#undef GX_INSTANTIATE

}  // namespace gradax
