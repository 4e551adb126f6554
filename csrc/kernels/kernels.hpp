// The library kernels that compiled programs call.
//
// Every kernel has one signature: dense row-major inputs and outputs that do not overlap, and a
// list of 64-bit parameters whose layout its comment gives ("dtype" is a code of dtype_codes.hpp,
// flags are 0 or 1). Kernels split their work with gx_parallel_for, never touch Python and never
// throw; a failure goes to gx_fail.
#pragma once

#include <nanobind/nanobind.h>

#include "../abi.h"

namespace gradax {

// Registers the kernels' symbols and adds call_kernel and set_routine to the module.
void bind_kernels(nanobind::module_& module);

}  // namespace gradax

#define GX_KERNEL(name) \
  void gx_##name(CallContext* ctx, void* const* ins, void* const* outs, const int64_t* params)

extern "C" {

// outs[0][b] = op(ins[0][b]) op(ins[1][b]), matrices [m, k] and [k, n] after op.
// params: dtype, batch, m, n, k, trans_a, trans_b, stride_a, stride_b, stride_c (elements from one
// matrix to the next, 0 repeats one), out_dtype (sums are formed in it, or in f32 for f16, bf16).
GX_KERNEL(gemm);
GX_KERNEL(gemm_add);

// Sorts each of `outer` rows of n elements; outs[i] is ins[i] in the order of the keys.
// params: outer, n, n_operands, n_keys, stable, descending, then a dtype for each operand.
// The first n_keys operands are compared in turn; the order is that of JAX: NaN last, and equal to
// each other, -0.0 equal to 0.0, complex by real part, then by imaginary part. Always stable.
GX_KERNEL(sort);

// outs[0] = the k largest of each row, outs[1] = their positions (i32), largest first. The order is
// IEEE's total order (NaN above inf, 0.0 above -0.0); of equals the first comes first.
// params: dtype, outer, n, k.
GX_KERNEL(top_k);

// Products of groups of rows, whose sizes are ins[2] (i32, [batch, groups]): lhs [batch, rows, k],
// rhs [groups, batch, k, n] -> [batch, rows, n], zero where there is no group; or, by_terms, the
// sums over a group's rows, rhs [batch, rows, n] -> [groups, batch, k, n]. params: dtype, by_terms,
// batch, groups, rows, k, n.
GX_KERNEL(ragged_dot);

// Convolution of lhs [batch, spatial.., c_in] with rhs [spatial.., c_in / groups, c_out].
// params: dtype, batch, c_in, c_out, groups, d (1 to 3), then d each of: input size, kernel size,
// output size, stride, padding before, lhs dilation, rhs dilation.
GX_KERNEL(conv);

// The same for f32 and f64 in any layout, without BLAS. The parameters are followed by the elements
// between neighbours along each axis: of lhs (batch, spatial.., c_in), of rhs (c_out, spatial..,
// c_in / groups), of the result (batch, spatial.., c_out); then by the most bytes of a vector (64).
GX_KERNEL(conv_floats);

// Running sum, product, maximum or minimum along the middle axis of [outer, n, inner].
// params: dtype, operation (0 sum, 1 product, 2 maximum, 3 minimum), outer, n, inner, reverse.
GX_KERNEL(cumulative);

// The same operations over windows of an array of d dimensions.
// params: dtype, operation, d, then d each of: input size, window, output size, stride, padding
// before, base dilation, window dilation. Outside the input is the operation's identity.
GX_KERNEL(reduce_window);

// Discrete Fourier transforms along the middle axis of [outer, n, inner], any n.
// params: dtype (of the complex side), kind (0 forward, 1 inverse with 1/n, 2 real to n/2 + 1
// complex, 3 back to n real with 1/n), outer, n (of the real side), inner (1 for kinds 2 and 3).
GX_KERNEL(fft);

// Linear algebra on batches of dense row-major matrices of f32, f64, c64 or c128. Where LAPACK
// fails, the results of that matrix are NaN.

// outs[0] = the lower factor, zeros above. ins[0]'s lower triangle counts. params: dtype, batch, n.
GX_KERNEL(cholesky);

// outs[0] = x with op(a) x = b (left) or x op(a) = b; ins: a, b [m, n].
// params: dtype, batch, m, n, left, lower, trans (0 a, 1 transposed, 2 and conjugated), unit.
GX_KERNEL(trsm);

// outs: packed factors [m, n], pivots (i32, from 0), permutation (i32, [m]).
// params: dtype, batch, m, n.
GX_KERNEL(lu);

// outs: q [m, rows] if with_q, r [rows, n], where rows = full ? m : min(m, n).
// params: dtype, batch, m, n, full, with_q.
GX_KERNEL(qr);

// outs: s, and with vectors u [m, full ? m : k], vh [full ? n : k, n], k = min(m, n).
// params: dtype, batch, m, n, full, with_vectors.
GX_KERNEL(svd);

// outs: eigenvectors in columns, eigenvalues (real, ascending). params: dtype, batch, n, lower.
GX_KERNEL(eigh);

// outs: eigenvalues, then left and right eigenvectors as asked, all complex.
// params: dtype, batch, n, with_left, with_right.
GX_KERNEL(eig);

// outs: quasi-triangular t, and with vectors z, where x = z t z^H. params: dtype, batch, n,
// vectors.
GX_KERNEL(schur);

// outs: the Hessenberg form with reflectors below it, their n - 1 factors. params: dtype, batch, n.
GX_KERNEL(hessenberg);

// outs: x with a x + x b = c, and the least |sum| of an eigenvalue of a and one of b.
// params: dtype, batch, m, n: a is [m, m], b [n, n], c [m, n].
GX_KERNEL(sylvester);

// outs: packed reflectors [n, n], diagonal (real), the one beside it (real), the reflectors' n - 1
// factors. params: dtype, batch, n, lower.
GX_KERNEL(tridiagonal);

// ins: diagonal [n], the one beside it [n - 1] (f32 or f64). outs: eigenvalues [count], and with
// vectors those in columns [n, count], the first
// component of at least half the largest size positive. params: dtype, batch, n, vectors, first,
// count.
GX_KERNEL(eigh_tridiagonal);

// outs[0] = a function of two arguments (betainc: three), element by element.
// params: function (0 polygamma, 1 zeta, 2 igamma, 3 igammac, 4 igamma's derivative by a, 5 the
// slope of gamma samples, 6 betainc), dtype (f32 or f64), n.
GX_KERNEL(special);
}
