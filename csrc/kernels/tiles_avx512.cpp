// Compiled for AVX-512, whatever the rest is compiled for; called after `has_tiles` only.
#include "tiles.hpp"

#if defined(__x86_64__)

#include "intrinsics.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "target_avx512.hpp"

#include "tile_avx512.hpp"

namespace gradax {
namespace {

// Of the sums, a block of terms is done at a time: its panel of b stays in the first cache, and
// with it a block of rows of a in the second, and of b in the third.
constexpr int64_t most_terms = 256, block_rows = 120, block_columns = 4096;

// Memory of a thread for packed operands, which lasts.
struct Packed {
  ~Packed() { std::free(data); }
  // Returns null when there is no memory.
  void* take(size_t n_bytes) {
    if (n_bytes > size) {
      std::free(data);
      size = (n_bytes + 4095) / 4096 * 4096;
      data = std::aligned_alloc(64, size);
      if (!data) size = 0;
    }
    return data;
  }
  void* data = nullptr;
  size_t size = 0;
};

thread_local Packed packed_a, packed_b;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Begin of tile i of n rows, which are shared evenly: low tiles leave the processor waiting.
int64_t tile_begin(int64_t n, int64_t n_tiles, int64_t i) {
  return n / n_tiles * i + std::min(i, n % n_tiles);
}

template <class T>
class Tiled {
 public:
  explicit Tiled(const Product<T>& p) : p_(p) {
    const int64_t blocks = (p.k + most_terms - 1) / most_terms;
    terms_ = round_up((p.k + blocks - 1) / blocks, 8);
    if (p.m <= few_rows && !p.trans_b) columns_ = 4 * Simd<T>::lanes;
    constexpr int64_t first_cache = 32768;
    const int64_t size = static_cast<int64_t>(sizeof(T));
    // An operand that few tiles read, or that stays in the first cache, is read where it lies.
    packs_b_ = p.trans_b || (p.m > 4 * most_rows && p.k * p.ldb * size > first_cache);
    const bool is_far = p.lda * size >= 2048;
    packs_a_ = p.n > (is_far ? 0 : (p.trans_a ? 1 : 6)) * columns_;
  }

  // Returns false without memory.
  bool run() {
    if (packs_b_ && !take(packed_b, terms_ * round_up(std::min(p_.n, block_columns), columns_), b_))
      return false;
    if (packs_a_ && !take(packed_a, terms_ * std::min(p_.m, block_rows), a_)) return false;
    for (int64_t j = 0; j < p_.n; j += block_columns)
      for (int64_t q = 0; q < p_.k; q += terms_)
        run_block(p_.part(0, p_.m, j, std::min(p_.n, j + block_columns))
                      .terms(q, std::min(p_.k, q + terms_)),
                  p_.accumulate || q > 0);
    return true;
  }

 private:
  static bool take(Packed& memory, int64_t n, T*& out) {
    out = static_cast<T*>(memory.take(static_cast<size_t>(n) * sizeof(T)));
    return out != nullptr;
  }

  void run_block(const Product<T>& p, bool accumulate) {
    if (packs_b_) {
      const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
      const int64_t step = p.trans_b ? p.k : rows_at_once;
      for (int64_t q = 0; q < p.k; q += step)
        for (int64_t j = 0; j < p.n; j += columns_)
          pack_panel(p.b + j * b_col + q * b_row, b_col, b_row, std::min(columns_, p.n - j),
                     std::min(step, p.k - q), b_ + j * p.k + q * columns_, columns_);
    }
    for (int64_t i = 0; i < p.m; i += block_rows) {
      const int64_t m = std::min(block_rows, p.m - i), n_tiles = (m + most_rows - 1) / most_rows;
      const Product<T> rows = p.part(i, i + m, 0, p.n);
      if (packs_a_) pack_rows(rows, n_tiles);
      for (int64_t j = 0; j < p.n; j += columns_) run_panel(rows, j, n_tiles, accumulate);
    }
  }

  void pack_rows(const Product<T>& p, int64_t n_tiles) {
    const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
    const int64_t step = p.trans_a ? rows_at_once : p.k;
    for (int64_t q = 0; q < p.k; q += step)
      for (int64_t t = 0; t < n_tiles; ++t) {
        const int64_t i = tile_begin(p.m, n_tiles, t), rows = tile_begin(p.m, n_tiles, t + 1) - i;
        pack_panel(p.a + i * a_row + q * a_col, a_row, a_col, rows, std::min(step, p.k - q),
                   a_ + i * p.k + q * rows, rows);
      }
  }

  // The columns from j on, one tile wide.
  void run_panel(const Product<T>& p, int64_t j, int64_t n_tiles, bool accumulate) {
    constexpr int64_t lanes = Simd<T>::lanes;
    const int64_t n = std::min(columns_, p.n - j), width = (n + lanes - 1) / lanes;
    const bool unit_row = packs_a_ || p.trans_a;
    TileCall<T> tile{};
    tile.k = p.k;
    tile.b = packs_b_ ? b_ + j * p.k : p.b + j;
    tile.b_row = packs_b_ ? columns_ : p.ldb;
    tile.ldc = p.ldc;
    tile.mask = first_lanes<T>(n - (width - 1) * lanes);
    tile.accumulate = accumulate;
    TileFunction<T> run = nullptr;
    int64_t rows = 0;
    for (int64_t t = 0, i = 0; t < n_tiles; ++t, i += rows) {
      const int64_t here = tile_begin(p.m, n_tiles, t + 1) - i;
      if (here != rows)
        run = unit_row ? find_tile<T, true>(here, width) : find_tile<T, false>(here, width);
      rows = here;
      tile.a = packs_a_ ? a_ + i * p.k : p.a + (p.trans_a ? i : i * p.lda);
      tile.a_row = unit_row ? 1 : p.lda;
      tile.a_col = packs_a_ ? rows : (p.trans_a ? p.lda : 1);
      tile.c = p.c + i * p.ldc + j;
      run(tile);
    }
  }

  Product<T> p_;
  int64_t terms_, columns_ = 2 * Simd<T>::lanes;
  bool packs_a_, packs_b_;
  T *a_ = nullptr, *b_ = nullptr;
};

}  // namespace

template <class T>
bool multiply_tiles(const Product<T>& p) {
  return Tiled<T>(p).run();
}

bool has_tiles() {
  static const bool found = __builtin_cpu_supports("avx512f");
  return found;
}

template bool multiply_tiles<float>(const Product<float>&);
template bool multiply_tiles<double>(const Product<double>&);

}  // namespace gradax

#include "target_end.hpp"

#else

namespace gradax {

bool has_tiles() { return false; }

template <class T>
bool multiply_tiles(const Product<T>&) {
  return false;
}

template bool multiply_tiles<float>(const Product<float>&);
template bool multiply_tiles<double>(const Product<double>&);

}  // namespace gradax

#endif
