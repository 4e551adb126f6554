#pragma once

#include <functional>

#include "matrices.hpp"

namespace gradax {

// Whether a matrix is so much longer than wide, or the reverse, that `decompose_tall` is the way.
bool is_tall(int64_t m, int64_t n);

// Singular values s of a square matrix, and u and vh where u is not null.
template <class T>
using SmallSvd = std::function<void(const T* in, T* s, T* u, T* vh)>;

// s, and where u is not null u, [m, k], and vh, [k, n], of one matrix on all threads of the call,
// on which results do not depend. T is float or double.
template <class T>
void decompose_tall(CallContext* ctx, int64_t m, int64_t n, const T* in, const SmallSvd<T>& small,
                    T* s, T* u, T* vh);

}  // namespace gradax
