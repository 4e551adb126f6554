// Blocks of row-major matrices that are factored where they lie, with our own products.
#pragma once

#include "parallel.hpp"
#include "product.hpp"

namespace gradax {

template <class T>
struct Block {
  int64_t m, n;
  T* at;
  int64_t ld;
  Block part(int64_t i, int64_t rows, int64_t j, int64_t columns) const {
    return {rows, columns, at + i * ld + j, ld};
  }
};

// c -= a b, or a times the transposed b; all threads of the call.
template <class T>
void subtract_product(CallContext* ctx, const Block<T>& a, const Block<T>& b, const Block<T>& c,
                      bool trans_b = false) {
  if (c.m == 0 || c.n == 0) return;
  const bool negates_a = a.m <= c.n;
  const Block<T>& from = negates_a ? a : b;
  Scratch<T> negated(ctx, from.m * from.n);
  if (!negated) return;
  for (int64_t i = 0; i < from.m; ++i)
    for (int64_t j = 0; j < from.n; ++j) negated[i * from.n + j] = -from.at[i * from.ld + j];
  Product<T> p{};
  p.m = c.m;
  p.n = c.n;
  p.k = a.n;
  p.a = negates_a ? negated.get() : a.at;
  p.lda = negates_a ? a.n : a.ld;
  p.b = negates_a ? b.at : negated.get();
  p.ldb = negates_a ? b.ld : b.n;
  p.c = c.at;
  p.ldc = c.ld;
  p.trans_b = trans_b;
  p.accumulate = true;
  run_batch(ctx, p, Batch{1, 0, 0, 0});
}

}  // namespace gradax
