// Convolutions of more taps than outputs: sums of outer products of images and features, block by
// block of the taps. The derivative by a kernel is one, whose taps are the places of the result.
#include <vector>

#include "conv.hpp"
#include "conv_tiles.hpp"
#include "conv_transpose.hpp"
#include "parallel.hpp"

namespace gradax {
namespace {

constexpr int64_t block_bytes = int64_t{256} << 10, least_terms = 32;
constexpr int64_t most_parts = 16, terms_per_part = 512, most_partial = int64_t{1} << 22;

// An operand as [features, space, columns], columns together and `pitch` apart.
template <class T>
struct Operand {
  const T* data;
  int64_t features, space[3];
};

// Copies n rows of `columns` elements, `apart` elements apart, and fills up to the pitch.
template <class T>
void copy_rows(const T* x, int64_t step, int64_t apart, int64_t n, int64_t columns, int64_t pitch,
               T* to) {
  if (step == 1 && apart != 1) {
    transpose_block(x, apart, n, columns, to, pitch);
    for (int64_t i = 0; i < n; ++i, to += pitch) std::fill(to + columns, to + pitch, T{});
    return;
  }
  for (int64_t i = 0; i < n; ++i, x += step, to += pitch) {
    for (int64_t j = 0; j < columns; ++j) to[j] = x[j * apart];
    for (int64_t j = columns; j < pitch; ++j) to[j] = T{};
  }
}

// The operand in place, or copied: its lines then begin at the coordinate `low` and are `line`
// long.
template <class T>
Operand<T> arrange(CallContext* ctx, const T* x, const ConvLayout& layout, int64_t features,
                   const int64_t* space, int64_t low, int64_t line, int64_t columns, int64_t pitch,
                   T* copy) {
  if (!copy) return {x, layout.features, {layout.space[0], layout.space[1], layout.space[2]}};
  const int64_t size = line * pitch, plane = space[1] * size;
  const int64_t first = std::clamp<int64_t>(-low, 0, line);
  const int64_t last = std::clamp<int64_t>(space[2] - low, first, line);
  auto copy_lines = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t s1 = i % space[1], s0 = i / space[1] % space[0], f = i / (space[1] * space[0]);
      const T* from = x + f * layout.features + s0 * layout.space[0] + s1 * layout.space[1];
      T* to = copy + i * size;
      std::fill(to, to + first * pitch, T{});
      std::fill(to + last * pitch, to + size, T{});
      copy_rows(from + (low + first) * layout.space[2], layout.space[2], layout.batch, last - first,
                columns, pitch, to + first * pitch);
    }
  };
  parallel_for(ctx, features * space[0] * space[1], grain_for(size), copy_lines);
  return {copy, space[0] * plane, {plane, size, pitch}};
}

// Few images leave most of a tile's rows empty: outputs that are neighbours along the last
// dimension read neighbours in memory, so that they count as images.
bool joins_outputs(const Conv& conv, int64_t tile_rows) {
  return conv.batch < tile_rows && conv.stride[2] == 1 && conv.out[2] > 1;
}

// The convolution with joined outputs, its padding along the last dimension in the input.
Conv join_outputs(const Conv& conv) {
  Conv joined = conv;
  joined.in[2] = conv.out[2] + (conv.kernel[2] - 1) * conv.rhs_dilation[2];
  joined.batch *= conv.out[2];
  joined.out[2] = 1;
  joined.pad[2] = 0;
  return joined;
}

// How the terms are cut: blocks of taps of one input feature, in parts that are summed apart.
struct Cut {
  int64_t taps[2];    // of a block, along the last two dimensions
  int64_t blocks[2];  // along them
  int64_t count, parts, column_parts;
};

template <class T>
struct Outer {
  const Conv& conv;
  const ConvTiles<T>& tiles;
  Operand<T> a, b;
  int64_t pitch;  // c_out, rounded up to vectors
  Cut cut;

  int64_t size() const { return conv.positions() * conv.batch * pitch; }
};

Cut plan_cut(const Conv& conv, int64_t pitch, int64_t width, int64_t element_size) {
  const int64_t limit = std::max(least_terms, block_bytes / ((conv.batch + pitch) * element_size));
  Cut cut{};
  cut.taps[1] = std::min(conv.kernel[2], limit);
  cut.taps[0] = std::clamp<int64_t>(limit / cut.taps[1], 1, conv.kernel[1]);
  for (int i = 0; i < 2; ++i) cut.blocks[i] = (conv.kernel[1 + i] + cut.taps[i] - 1) / cut.taps[i];
  cut.count = conv.c_in * conv.kernel[0] * cut.blocks[0] * cut.blocks[1];
  const int64_t size = conv.positions() * conv.batch * pitch;
  const int64_t most = std::clamp<int64_t>(most_partial / size, 1, most_parts);
  cut.parts = std::clamp<int64_t>(conv.c_in * conv.taps() / terms_per_part, 1,
                                  std::min(most, std::max<int64_t>(cut.count, 1)));
  cut.column_parts = std::clamp<int64_t>(most_parts / cut.parts, 1, (pitch + width - 1) / width);
  return cut;
}

// The outputs' coordinates that a block of taps meets at output o, as runs.
template <class T>
void list_runs(const Outer<T>& outer, int64_t block, const int64_t* o,
               std::vector<OuterRun>& runs) {
  const Conv& conv = outer.conv;
  const Cut& cut = outer.cut;
  const int64_t b2 = block % cut.blocks[1], b1 = block / cut.blocks[1] % cut.blocks[0];
  const int64_t rest = block / (cut.blocks[1] * cut.blocks[0]);
  const int64_t t0 = rest % conv.kernel[0], feature = rest / conv.kernel[0];
  const int64_t i0 = conv.at(0, o[0], t0);
  runs.clear();
  if (i0 < 0 || i0 >= conv.in[0]) return;
  const int64_t dilation = conv.rhs_dilation[2], at = conv.at(2, o[2], 0);
  const int64_t end2 = std::min(conv.kernel[2], (b2 + 1) * cut.taps[1]);
  const int64_t first = std::max(b2 * cut.taps[1], at < 0 ? (-at + dilation - 1) / dilation : 0);
  const int64_t room = conv.in[2] - at;
  const int64_t last = std::min(end2, room <= 0 ? 0 : (room + dilation - 1) / dilation);
  if (first >= last) return;
  const int64_t end1 = std::min(conv.kernel[1], (b1 + 1) * cut.taps[0]);
  for (int64_t t1 = b1 * cut.taps[0]; t1 < end1; ++t1) {
    const int64_t i1 = conv.at(1, o[1], t1);
    if (i1 < 0 || i1 >= conv.in[1]) continue;
    const Operand<T>&a = outer.a, &b = outer.b;
    runs.push_back({feature * a.features + i0 * a.space[0] + i1 * a.space[1] +
                        (at + first * dilation) * a.space[2],
                    feature * b.features + t0 * b.space[0] + t1 * b.space[1] + first * b.space[2],
                    last - first});
  }
}

// Adds one block of taps to the sums of all outputs, for the columns [j0, j1).
template <class T>
void add_block(const Outer<T>& outer, int64_t block, int64_t j0, int64_t j1,
               std::vector<OuterRun>& runs, T* sums) {
  const Conv& conv = outer.conv;
  const ConvTiles<T>& tiles = outer.tiles;
  OuterTerms<T> terms{nullptr,         0, nullptr, nullptr, conv.rhs_dilation[2] * outer.a.space[2],
                      outer.b.space[2]};
  for (int64_t place = 0; place < conv.positions(); ++place, sums += conv.batch * outer.pitch) {
    const int64_t o[3] = {place / (conv.out[2] * conv.out[1]), place / conv.out[2] % conv.out[1],
                          place % conv.out[2]};
    list_runs(outer, block, o, runs);
    if (runs.empty()) continue;
    terms.runs = runs.data();
    terms.n_runs = static_cast<int64_t>(runs.size());
    for (int64_t j = j0; j < j1; j += 2 * tiles.lanes) {
      const int vectors = j1 - j > tiles.lanes ? 2 : 1;
      terms.b = outer.b.data + j;
      for (int64_t i = 0; i < conv.batch; i += tiles.rows) {
        terms.a = outer.a.data + i;
        const int64_t here = std::min(tiles.rows, conv.batch - i);
        tiles.outer[here][vectors - 1](terms, sums + i * outer.pitch + j, outer.pitch);
      }
    }
  }
}

template <class T>
void add_parts(CallContext* ctx, const Outer<T>& outer, T* partial) {
  const Cut& cut = outer.cut;
  const int64_t width = 2 * outer.tiles.lanes, n_panels = (outer.pitch + width - 1) / width;
  parallel_for(ctx, cut.parts * cut.column_parts, 1, [&](int64_t begin, int64_t end) {
    std::vector<OuterRun> runs;
    try {
      runs.reserve(static_cast<size_t>(cut.taps[0]));
    } catch (const std::bad_alloc&) {
      return gx_fail(ctx, GX_MEMORY_ERROR, "conv: no memory");
    }
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i / cut.column_parts, column_part = i % cut.column_parts;
      const int64_t j0 = n_panels * column_part / cut.column_parts * width;
      const int64_t j1 =
          std::min(outer.pitch, n_panels * (column_part + 1) / cut.column_parts * width);
      T* sums = partial + part * outer.size();
      for (int64_t row = 0; row < outer.conv.positions() * outer.conv.batch; ++row)
        std::fill(sums + row * outer.pitch + j0, sums + row * outer.pitch + j1, T{});
      const int64_t last = cut.count * (part + 1) / cut.parts;
      for (int64_t block = cut.count * part / cut.parts; block < last; ++block)
        add_block(outer, block, j0, j1, runs, sums);
    }
  });
}

template <class T>
void store_sums(CallContext* ctx, const Conv& conv, const Outer<T>& outer, const ConvLayout& layout,
                const T* partial, T* out) {
  const int64_t rows = conv.positions() * conv.batch;
  const int64_t work = conv.c_out * outer.cut.parts;
  parallel_for(ctx, rows, grain_for(work), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t image = r % conv.batch, place = r / conv.batch, o2 = place % conv.out[2];
      const int64_t o1 = place / conv.out[2] % conv.out[1];
      const int64_t o0 = place / (conv.out[2] * conv.out[1]);
      T* to = out + image * layout.batch + o0 * layout.space[0] + o1 * layout.space[1] +
              o2 * layout.space[2];
      for (int64_t j = 0; j < conv.c_out; ++j) {
        T sum{};
        for (int64_t part = 0; part < outer.cut.parts; ++part)
          sum += partial[part * outer.size() + r * outer.pitch + j];
        to[j * layout.features] = sum;
      }
    }
  });
}

}  // namespace

bool is_outer(const Conv& conv, const ConvLayout& lhs) {
  if (conv.groups != 1 || conv.has_lhs_dilation() || conv.taps() < 16) return false;
  // Images that lie closer together than features are those of a derivative by a kernel.
  const bool is_natural = lhs.batch < lhs.features && conv.taps() * 8 >= conv.positions();
  return is_natural || conv.taps() >= 4 * conv.positions();
}

template <class T>
void convolve_outer(CallContext* ctx, const Conv& conv, const ConvLayouts& layouts, const T* lhs,
                    const T* rhs, T* out) {
  const ConvTiles<T>& tiles = conv_tiles<T>(layouts.most_vector_bytes);
  const int64_t pitch = (conv.c_out + tiles.lanes - 1) / tiles.lanes * tiles.lanes;
  const bool joins = joins_outputs(conv, tiles.rows);
  const Conv joined = joins ? join_outputs(conv) : conv;
  const bool copies_a = joins || layouts.lhs.batch != 1;
  const bool copies_b = layouts.rhs.batch != 1 || pitch != conv.c_out;
  const int64_t lines = conv.c_in * conv.in[0] * conv.in[1];
  Scratch<T> a(ctx, copies_a ? lines * joined.in[2] * conv.batch : 0);
  Scratch<T> b(ctx, copies_b ? conv.c_in * conv.taps() * pitch : 0);
  if (!a || !b) return;
  Outer<T> outer{joined, tiles, {}, {}, pitch, plan_cut(joined, pitch, 2 * tiles.lanes, sizeof(T))};
  outer.a = arrange(ctx, lhs, layouts.lhs, conv.c_in, conv.in, joins ? -conv.pad[2] : 0,
                    joined.in[2], conv.batch, conv.batch, copies_a ? a.get() : nullptr);
  outer.b = arrange(ctx, rhs, layouts.rhs, conv.c_in, conv.kernel, 0, conv.kernel[2], conv.c_out,
                    pitch, copies_b ? b.get() : nullptr);
  Scratch<T> partial(ctx, outer.cut.parts * outer.size());
  if (!partial) return;
  add_parts(ctx, outer, partial.get());
  store_sums(ctx, conv, outer, layouts.out, partial.get(), out);
}

template void convolve_outer<float>(CallContext*, const Conv&, const ConvLayouts&, const float*,
                                    const float*, float*);
template void convolve_outer<double>(CallContext*, const Conv&, const ConvLayouts&, const double*,
                                     const double*, double*);

}  // namespace gradax
