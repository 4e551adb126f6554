// Products of matrices of integers of up to 32 bits, with sums modulo 2^32.
#pragma once

#include <type_traits>

#include "product.hpp"

namespace gradax {

template <class T>
inline constexpr bool is_packed_integer = std::is_integral_v<T> && sizeof(T) <= 4;

// c = op(a) op(b) for a batch, where c has the type Out, on all threads of the call; `first.c` is
// not used. False: nothing done, for small products and where the processor has no tiles.
template <class In, class Out>
bool multiply_integers(CallContext* ctx, const Product<In>& first, const Batch& batch, Out* c);

// The same where m or n is 1, of any size.
template <class In, class Out>
void multiply_integer_vectors(CallContext* ctx, const Product<In>& p, const Batch& batch, Out* c);

}  // namespace gradax
