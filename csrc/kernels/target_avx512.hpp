// Functions from here to "target_end.hpp" are compiled for AVX-512, whatever the rest is compiled
// for. What they share with other code (the standard library's templates) must be included before.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,fma,prefer-vector-width=512")
#endif
