// Compiler attributes of the kernels' hot loops.
//
// GX_VECTORIZED compiles a function once for each x86-64 level and picks the copy when the
// extension is loaded, so that a portable build still uses AVX2 or AVX-512. What such a function
// calls in its hot loop must be GX_INLINE, or it is compiled for the baseline only.
// Sanitizers run before the loader can pick a copy, so that their builds have none.
#pragma once

#define GX_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__) && defined(__ELF__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define GX_VECTORIZED __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define GX_VECTORIZED
#endif
