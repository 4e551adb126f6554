#include "integer_product.hpp"

#include "integer_tiles.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

// A block of terms of b's panels stays in the first cache, its rows of a in the second.
constexpr int64_t most_words = 256, block_rows = 120, block_columns = 1024;
constexpr int64_t least_work = 1 << 13, work_per_part = 1 << 20, most_parts = 64;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// How In is packed: words of bytes take those of a as unsigned and those of b as signed, so that
// one of the two is moved by 128.
template <class In>
struct Packing {
  WordKind kind;
  uint32_t flip_a = 0, flip_b = 0;
  bool with_columns = false, with_rows = false;  // which sums of the other operand make up for it
};

template <class In>
Packing<In> choose_packing(const IntegerTiles& tiles) {
  if constexpr (sizeof(In) == 1) {
    if (!tiles.has_bytes) return {WordKind::two_signed};
    if (std::is_signed_v<In>) return {WordKind::four_bytes, 0x80, 0, true, false};
    return {WordKind::four_bytes, 0, 0x80, false, true};
  }
  return {sizeof(In) == 2 && std::is_signed_v<In> ? WordKind::two_signed : WordKind::one};
}

// One term in its place of a word.
template <int per_word, class In>
GX_INLINE uint32_t placed(In x, uint32_t flip, int place) {
  constexpr int bits = 32 / per_word;
  const uint32_t value = static_cast<uint32_t>(x) ^ flip;
  return (per_word == 1 ? value : value & ((uint32_t{1} << (bits % 32)) - 1)) << (place * bits);
}

// to[q * width + j] = the terms of word q of column j, for n columns and `k` terms; the columns
// behind them, and terms behind the last, are zero. One of the steps is 1.
template <int per_word, class In>
GX_INLINE void pack_words(const In* from, int64_t step_j, int64_t step_q, int64_t n, int64_t k,
                          uint32_t flip, int64_t width, uint32_t* to) {
  const int64_t whole = k / per_word;
  for (int64_t q = 0; q * per_word < k; ++q, to += width) {
    const In* x = from + q * per_word * step_q;
    if (q < whole && step_j == 1) {
      for (int64_t j = 0; j < n; ++j) {
        uint32_t word = 0;
        for (int p = 0; p < per_word; ++p) word |= placed<per_word>(x[p * step_q + j], flip, p);
        to[j] = word;
      }
    } else if (q < whole && step_q == 1) {
      for (int64_t j = 0; j < n; ++j) {
        uint32_t word = 0;
        for (int p = 0; p < per_word; ++p) word |= placed<per_word>(x[j * step_j + p], flip, p);
        to[j] = word;
      }
    } else {
      for (int64_t j = 0; j < n; ++j) {
        to[j] = 0;
        for (int p = 0; q * per_word + p < k; ++p)
          to[j] |= placed<per_word>(x[j * step_j + p * step_q], flip, p);
      }
    }
    std::fill(to + n, to + width, 0u);
  }
}

template <class In>
GX_VECTORIZED void pack_panel(WordKind kind, const In* from, int64_t step_j, int64_t step_q,
                              int64_t n, int64_t k, uint32_t flip, int64_t width, uint32_t* to) {
  if constexpr (sizeof(In) == 1)
    if (kind == WordKind::four_bytes)
      return pack_words<4>(from, step_j, step_q, n, k, flip, width, to);
  if constexpr (sizeof(In) <= 2)
    if (kind == WordKind::two_signed)
      return pack_words<2>(from, step_j, step_q, n, k, flip, width, to);
  pack_words<1>(from, step_j, step_q, n, k, flip, width, to);
}

// sums[j] = the sum over q of x[q * step_q + j * step_j].
template <class In>
GX_VECTORIZED void sum_terms(const In* x, int64_t step_j, int64_t step_q, int64_t n, int64_t k,
                             uint32_t* sums) {
  std::fill(sums, sums + n, 0u);
  if (step_j == 1) {
    for (int64_t q = 0; q < k; ++q)
      for (int64_t j = 0; j < n; ++j) sums[j] += static_cast<uint32_t>(x[q * step_q + j]);
  } else {
    for (int64_t j = 0; j < n; ++j)
      for (int64_t q = 0; q < k; ++q) sums[j] += static_cast<uint32_t>(x[j * step_j + q * step_q]);
  }
}

// One part of a product on one thread.
template <class In>
class IntegerPart {
 public:
  IntegerPart(CallContext* ctx, const IntegerTiles& tiles, int64_t most_m, int64_t most_n,
              int64_t k)
      : tiles_(tiles),
        packing_(choose_packing<In>(tiles)),
        width_(integer_vectors * tiles.lanes),
        terms_(most_words * terms_of(packing_.kind)),
        a_(ctx, most_words * std::min(most_m, block_rows)),
        b_(ctx, std::min(most_words, k) * round_up(std::min(most_n, block_columns), width_)),
        sums_(ctx, std::max(most_m, most_n)) {}
  explicit operator bool() const { return a_ && b_ && sums_; }

  void run(const Product<In>& p, uint32_t* c, int64_t ldc) const {
    const bool starts = start(p, c, ldc);
    for (int64_t j = 0; j < p.n; j += block_columns)
      for (int64_t q = 0; q < p.k; q += terms_) {
        const Product<In> block =
            p.part(0, p.m, j, std::min(p.n, j + block_columns)).terms(q, std::min(p.k, q + terms_));
        run_block(block, c + j, ldc, starts || q > 0);
      }
  }

 private:
  // Writes what makes up for moved bytes; false where there is nothing to write.
  bool start(const Product<In>& p, uint32_t* c, int64_t ldc) const {
    const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
    const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
    if (packing_.with_columns) {
      sum_terms(p.b, b_col, b_row, p.n, p.k, sums_.get());
      for (int64_t j = 0; j < p.n; ++j) sums_[j] *= uint32_t(-128);
      for (int64_t i = 0; i < p.m; ++i) std::copy_n(sums_.get(), p.n, c + i * ldc);
    } else if (packing_.with_rows) {
      sum_terms(p.a, a_row, a_col, p.m, p.k, sums_.get());
      for (int64_t i = 0; i < p.m; ++i) std::fill_n(c + i * ldc, p.n, sums_[i] * 128u);
    }
    return packing_.with_columns || packing_.with_rows;
  }

  void run_block(const Product<In>& p, uint32_t* c, int64_t ldc, bool accumulate) const {
    const int64_t a_row = p.trans_a ? 1 : p.lda, a_col = p.trans_a ? p.lda : 1;
    const int64_t b_row = p.trans_b ? 1 : p.ldb, b_col = p.trans_b ? p.ldb : 1;
    const int64_t per_word = terms_of(packing_.kind), words = (p.k + per_word - 1) / per_word;
    for (int64_t j = 0; j < p.n; j += width_)
      pack_panel(packing_.kind, p.b + j * b_col, b_col, b_row, std::min(width_, p.n - j), p.k,
                 packing_.flip_b, width_, b_.get() + j * words);
    for (int64_t i0 = 0; i0 < p.m; i0 += block_rows) {
      const int64_t end = std::min(p.m, i0 + block_rows);
      for (int64_t i = i0; i < end; i += tiles_.rows) {
        const int64_t rows = std::min(tiles_.rows, end - i);
        pack_panel(packing_.kind, p.a + i * a_row, a_row, a_col, rows, p.k, packing_.flip_a, rows,
                   a_.get() + (i - i0) * words);
      }
      for (int64_t j = 0; j < p.n; j += width_)
        for (int64_t i = i0; i < end; i += tiles_.rows) {
          const int64_t rows = std::min(tiles_.rows, end - i), n = std::min(width_, p.n - j);
          const IntegerTileCall call{
              words,     a_.get() + (i - i0) * words, b_.get() + j * words, c + i * ldc + j, ldc,
              accumulate};
          run_tile(call, rows, n);
        }
    }
  }

  // Runs a tile, beside the result where it has more columns than are left.
  void run_tile(IntegerTileCall call, int64_t rows, int64_t n) const {
    const IntegerTile tile = tiles_.tiles[static_cast<int>(packing_.kind)][rows - 1];
    if (n == width_) return tile(call);
    uint32_t edge[most_integer_rows * integer_vectors * 16];
    uint32_t* c = call.c;
    for (int64_t i = 0; i < rows && call.accumulate; ++i) {
      std::copy_n(c + i * call.ldc, n, edge + i * width_);
      std::fill(edge + i * width_ + n, edge + (i + 1) * width_, 0u);
    }
    const int64_t ldc = call.ldc;
    call.c = edge;
    call.ldc = width_;
    tile(call);
    for (int64_t i = 0; i < rows; ++i) std::copy_n(edge + i * width_, n, c + i * ldc);
  }

  const IntegerTiles& tiles_;
  Packing<In> packing_;
  int64_t width_, terms_;
  Scratch<uint32_t> a_, b_, sums_;
};

// The parts that a product is cut into; sums are exact, so that they may follow from the threads.
struct Parts {
  int64_t rows = 1, columns = 1;
};

Parts cut_product(int64_t m, int64_t n, int64_t k, int64_t most) {
  const int64_t wanted = std::min(m * n * k / work_per_part, most);
  Parts parts;
  if (wanted <= 1) return parts;
  // What a part packs is used as often as it has rows, or columns.
  parts.columns = std::clamp<int64_t>(n >= m ? wanted : n / 256, 1, std::min(wanted, n / 64 + 1));
  parts.rows = std::clamp<int64_t>(wanted / parts.columns, 1, m / 48 + 1);
  return parts;
}

}  // namespace

template <class In, class Out>
bool multiply_integers(CallContext* ctx, const Product<In>& first, const Batch& batch, Out* c) {
  const IntegerTiles* tiles = integer_tiles();
  if (!tiles || first.m * first.n * first.k < least_work) return false;
  if (first.m == 1 || first.n == 1) {
    multiply_integer_vectors(ctx, first, batch, c);
    return true;
  }
  const int64_t most = std::min<int64_t>(most_parts, ctx->n_threads > 1 ? 4 * ctx->n_threads : 1);
  const Parts parts = cut_product(first.m, first.n, first.k, most);
  const int64_t rows = round_up((first.m + parts.rows - 1) / parts.rows, tiles->rows);
  const int64_t columns =
      round_up((first.n + parts.columns - 1) / parts.columns, integer_vectors * tiles->lanes);
  const int64_t n_rows = (first.m + rows - 1) / rows, n_columns = (first.n + columns - 1) / columns;
  constexpr bool in_place = sizeof(Out) == 4;
  const int64_t most_m = std::min(rows, first.m), most_n = std::min(columns, first.n);
  const int64_t count = batch.count * n_rows * n_columns;
  parallel_for(ctx, count, grain_for(most_m * most_n * first.k, work_per_part),
               [&](int64_t begin, int64_t end) {
                 const IntegerPart<In> part(ctx, *tiles, most_m, most_n, first.k);
                 Scratch<uint32_t> wide(ctx, in_place ? 0 : most_m * most_n);
                 if (!part || !wide) return;
                 for (int64_t t = begin; t < end; ++t) {
                   const int64_t i = t / n_columns % n_rows * rows, j = t % n_columns * columns;
                   const int64_t b = t / (n_columns * n_rows);
                   Product<In> p = first.part(i, std::min(first.m, i + rows), j,
                                              std::min(first.n, j + columns));
                   p.a += b * batch.stride_a;
                   p.b += b * batch.stride_b;
                   Out* to = c + b * batch.stride_c + i * first.ldc + j;
                   if constexpr (in_place) {
                     part.run(p, reinterpret_cast<uint32_t*>(to), first.ldc);
                   } else {
                     part.run(p, wide.get(), p.n);
                     for (int64_t r = 0; r < p.m; ++r)
                       for (int64_t s = 0; s < p.n; ++s)
                         to[r * first.ldc + s] = static_cast<Out>(wide[r * p.n + s]);
                   }
                 }
               });
  return true;
}

const IntegerTiles* integer_tiles() {
#if defined(__x86_64__)
  static const bool has_512 =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
  static const bool has_256 = __builtin_cpu_supports("avx2");
  if (has_512) return integer_tiles_avx512();
  if (has_256) return integer_tiles_avx2();
#endif
  return nullptr;
}

#define GX_INSTANTIATE(In, Out) \
  template bool multiply_integers<In, Out>(CallContext*, const Product<In>&, const Batch&, Out*);
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
