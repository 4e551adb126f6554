#include "sort_runs.hpp"

#include <algorithm>
#include <bit>

#include "parallel.hpp"
#include "sort_keys.hpp"

namespace gradax {
namespace {

// Shorter runs are sorted before their merge would pay.
constexpr int64_t least_run = 1 << 15;

template <class T>
constexpr int code_of() {
  if constexpr (std::is_same_v<T, float>) return static_cast<int>(Dtype::F32);
  if constexpr (std::is_same_v<T, double>) return static_cast<int>(Dtype::F64);
  constexpr int log_size = std::countr_zero(sizeof(T));
  return static_cast<int>(std::is_signed_v<T> ? Dtype::I8 : Dtype::U8) + log_size;
}

// How many of the first `at` elements of merged (x, y) come from x; equal ones come from x first.
template <class T>
int64_t split_merge(const T* x, int64_t nx, const T* y, int64_t ny, int64_t at) {
  int64_t low = std::max<int64_t>(0, at - ny), high = std::min(at, nx);
  while (low < high) {
    const int64_t i = (low + high) / 2;
    if (!sorts_before(y[at - i - 1], x[i])) {
      low = i + 1;
    } else {
      high = i;
    }
  }
  return low;
}

// `yes` if take, else `no`, by arithmetic: compilers turn the plain choice into a branch, which a
// merge mispredicts half the time.
template <class T>
GX_INLINE T choose(int64_t take, T yes, T no) {
  using K = KeyOf<T>;
  const K mask = static_cast<K>(-take), y = std::bit_cast<K>(yes), n = std::bit_cast<K>(no);
  return std::bit_cast<T>(static_cast<K>(n ^ ((y ^ n) & mask)));
}

GX_INLINE int64_t hide(bool condition) {
  int64_t value = condition;
#if defined(__GNUC__)
  asm("" : "+r"(value));
#endif
  return value;
}

// Merges [x, x_end) and [y, y_end). Two chains, from the front and from the back, overlap in time.
template <class T, class Before>
void merge_by(const T* x, const T* x_end, const T* y, const T* y_end, T* out, Before before) {
  T* out_end = out + (x_end - x) + (y_end - y);
  while (x_end - x >= 2 && y_end - y >= 2) {
    const int64_t steps = std::min(x_end - x, y_end - y) / 2;
    for (int64_t i = 0; i < steps; ++i) {
      const T a = *x, b = *y, c = x_end[-1], d = y_end[-1];
      const int64_t take_y = hide(before(b, a)), take_x = hide(before(d, c));
      *out++ = choose(take_y, b, a);
      *--out_end = choose(take_x, c, d);
      y += take_y;
      x += 1 - take_y;
      x_end -= take_x;
      y_end -= 1 - take_x;
    }
  }
  while (x != x_end && y != y_end) *out++ = before(*y, *x) ? *y++ : *x++;
  out = std::copy(x, x_end, out);
  std::copy(y, y_end, out);
}

template <class T>
void merge(const T* x, const T* x_end, const T* y, const T* y_end, T* out) {
  // NaNs are last, so that two ends tell whether the cheap comparison will do.
  const bool has_nan =
      (x != x_end && x_end[-1] != x_end[-1]) || (y != y_end && y_end[-1] != y_end[-1]);
  if (has_nan)
    return merge_by(x, x_end, y, y_end, out, [](T a, T b) { return sorts_before(a, b); });
  merge_by(x, x_end, y, y_end, out, [](T a, T b) { return a < b; });
}

// Merges neighbouring runs of `width`, each merge cut into pieces of equal output.
template <class T>
void merge_round(CallContext* ctx, const T* from, T* to, int64_t n, int64_t width, int64_t pieces) {
  const int64_t piece = std::max<int64_t>(1, (2 * width + pieces - 1) / pieces);
  const int64_t per_merge = (2 * width + piece - 1) / piece;
  const int64_t n_merges = (n + 2 * width - 1) / (2 * width);
  parallel_for(ctx, n_merges * per_merge, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i / per_merge * 2 * width;
      const T *x = from + at, *y = from + std::min(n, at + width);
      const int64_t nx = std::min(width, n - at),
                    ny = std::clamp<int64_t>(n - at - width, 0, width);
      const int64_t first = std::min(nx + ny, i % per_merge * piece);
      const int64_t last = std::min(nx + ny, first + piece);
      const int64_t x0 = split_merge(x, nx, y, ny, first), x1 = split_merge(x, nx, y, ny, last);
      merge(x + x0, x + x1, y + (first - x0), y + (last - x1), to + at + first);
    }
  });
}

template <class T>
void sort_few(T* x, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    const T moving = x[i];
    int64_t j = i;
    for (; j > 0 && sorts_before(moving, x[j - 1]); --j) x[j] = x[j - 1];
    x[j] = moving;
  }
}

// Counting, for types of one byte.
template <class T>
void sort_bytes(T* x, int64_t n) {
  int64_t counts[256] = {};
  for (int64_t i = 0; i < n; ++i) ++counts[total_order_key(x[i])];
  for (int key = 0; key < 256; ++key)
    x = std::fill_n(x, counts[key], value_of_key<T>(static_cast<uint8_t>(key)));
}

struct Range {
  uint64_t low, high;
};

GX_VECTORIZED Range range_of(const uint64_t* keys, int64_t n) {
  Range range{keys[0], keys[0]};
  for (int64_t i = 1; i < n; ++i) {
    range.low = keys[i] < range.low ? keys[i] : range.low;
    range.high = keys[i] > range.high ? keys[i] : range.high;
  }
  return range;
}

// Puts runs of equal high halves in the order of the full keys, then of the positions.
void order_equal_halves(const uint64_t* keys, uint64_t* words, int64_t n) {
  auto before = [keys](uint64_t a, uint64_t b) {
    const auto i = static_cast<uint32_t>(a), j = static_cast<uint32_t>(b);
    return keys[i] < keys[j] || (keys[i] == keys[j] && i < j);
  };
  for (int64_t begin = 0; begin < n;) {
    int64_t end = begin + 1;
    while (end < n && words[end] >> 32 == words[begin] >> 32) ++end;
    if (end - begin > 1) std::sort(words + begin, words + end, before);
    begin = end;
  }
}

}  // namespace

template <class T>
void sort_run(T* begin, int64_t n) {
  if (n <= 16) return sort_few(begin, n);
  if constexpr (sizeof(T) == 1) return sort_bytes(begin, n);
  if (SortFunction sort = sort_table.by_dtype[code_of<T>()]; sort && sort(begin, n, nullptr) == 0)
    return;
  std::sort(begin, begin + n, [](T x, T y) { return sorts_before(x, y); });
}

template <class T>
void sort_parallel(CallContext* ctx, T* begin, int64_t n) {
  if (sizeof(T) == 1) return sort_run(begin, n);
  int64_t runs = std::bit_floor(static_cast<uint64_t>(std::clamp(ctx->n_threads, 1, 64)));
  runs = std::min<int64_t>(runs, static_cast<int64_t>(std::bit_floor(uint64_t(n / least_run + 1))));
  if (runs <= 1) return sort_run(begin, n);
  Scratch<T> scratch(ctx, n);
  if (!scratch) return;
  int64_t width = (n + runs - 1) / runs;
  // An odd number of rounds must not end in the scratch buffer: begin there instead.
  const bool begins_in_scratch = std::countr_zero(static_cast<uint64_t>(runs)) % 2 == 1;
  T *from = begins_in_scratch ? scratch.get() : begin,
    *to = begins_in_scratch ? begin : scratch.get();
  parallel_for(ctx, runs, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = std::min(n, i * width), end = std::min(n, at + width);
      if (begins_in_scratch) std::copy(begin + at, begin + end, from + at);
      sort_run(from + at, end - at);
    }
  });
  for (; width < n; width *= 2) {
    merge_round(ctx, from, to, n, width, runs);
    std::swap(from, to);
  }
}

void order_by_keys(CallContext* ctx, uint64_t* keys, uint64_t* words, uint32_t* order, int64_t n,
                   bool serial) {
  if (n == 0) return;
  const Range range = range_of(keys, n);
  const uint64_t base = range.low;
  const int shift = std::max(0, static_cast<int>(std::bit_width(range.high - base)) - 32);
  const int64_t grain = serial ? n : 1 << 15;
  parallel_for(ctx, n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      words[i] = ((keys[i] - base) >> shift) << 32 | static_cast<uint64_t>(i);
  });
  serial ? sort_run(words, n) : sort_parallel(ctx, words, n);
  if (shift > 0) order_equal_halves(keys, words, n);
  parallel_for(ctx, n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) order[i] = static_cast<uint32_t>(words[i]);
  });
}

#define GX_INSTANTIATE(T)                 \
  template void sort_run<T>(T*, int64_t); \
  template void sort_parallel<T>(CallContext*, T*, int64_t);
GX_INSTANTIATE(int8_t)
GX_INSTANTIATE(int16_t)
GX_INSTANTIATE(int32_t)
GX_INSTANTIATE(int64_t)
GX_INSTANTIATE(uint8_t)
GX_INSTANTIATE(uint16_t)
GX_INSTANTIATE(uint32_t)
GX_INSTANTIATE(uint64_t)
GX_INSTANTIATE(float)
GX_INSTANTIATE(double)
#undef GX_INSTANTIATE

}  // namespace gradax
