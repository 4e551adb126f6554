#include <algorithm>

#include "kernels.hpp"
#include "parallel.hpp"
#include "sort_keys.hpp"

namespace gradax {
namespace {

struct Sort {
  CallContext* ctx;
  int64_t outer, n, n_operands, n_keys;
  bool descending;
  const int64_t* dtypes;
  void* const* ins;
  void* const* outs;

  Dtype dtype(int64_t operand) const { return static_cast<Dtype>(dtypes[operand]); }
};

constexpr int64_t large_row = 1 << 16;

// Equal keys may differ in their bits (-0.0 and 0.0, NaNs): put those in the input's order.
template <class T>
void restore_equal(const T* in, T* out, int64_t n, bool descending) {
  auto is_nan = [](T x) { return x != x; };
  auto is_zero = [](T x) { return x == T(0.0f); };
  auto below = [](T x, float y) { return static_cast<double>(x) < static_cast<double>(y); };
  T* nan_begin =
      descending ? out : std::partition_point(out, out + n, [&](T x) { return !is_nan(x); });
  T* nan_end = descending ? std::partition_point(out, out + n, is_nan) : out + n;
  T *low = descending ? nan_end : out, *high = descending ? out + n : nan_begin;
  T* zero_begin = std::partition_point(
      low, high, [&](T x) { return descending ? below(T(-x), 0.0f) : below(x, 0.0f); });
  T* zero_end = std::partition_point(zero_begin, high, is_zero);
  auto is_negative = [](T x) { return (std::bit_cast<KeyOf<T>>(x) >> (8 * sizeof(T) - 1)) != 0; };
  const int64_t negatives = std::count_if(zero_begin, zero_end, is_negative);
  // Sorting by keys has made every zero positive, so its count of negatives proves nothing.
  const bool zeros =
      is_half<T> ? zero_end > zero_begin : negatives > 0 && negatives < zero_end - zero_begin;
  if (zeros) std::copy_if(in, in + n, zero_begin, is_zero);
  if (nan_end > nan_begin) std::copy_if(in, in + n, nan_begin, is_nan);
}

// Whether any of the values is -0.0 or NaN: without them equal values have equal bits.
template <class T>
GX_VECTORIZED bool has_ambiguous(const T* x, int64_t n) {
  using K = KeyOf<T>;
  constexpr K negative_zero = static_cast<K>(K{1} << (8 * sizeof(T) - 1));
  int found = 0;
  for (int64_t i = 0; i < n; ++i)
    found |= int{x[i] != x[i]} | int{std::bit_cast<K>(x[i]) == negative_zero};
  return found != 0;
}

// The type whose sort puts T's values in order: T itself, or its key.
template <class T>
using Sortable = std::conditional_t<std::is_same_v<T, Bool8> || is_half<T>, KeyOf<T>, T>;

template <class T>
void sort_values(CallContext* ctx, const T* in, T* out, int64_t n, bool serial, bool descending,
                 bool ambiguous) {
  using S = Sortable<T>;
  S* row = reinterpret_cast<S*>(out);
  if constexpr (is_half<T>) {
    for (int64_t i = 0; i < n; ++i) row[i] = sort_key(in[i]);
  } else {
    std::copy(in, in + n, out);
  }
  serial ? sort_run(row, n) : sort_parallel(ctx, row, n);
  if constexpr (is_half<T>)
    for (int64_t i = 0; i < n; ++i) out[i] = value_of_key<T>(row[i]);
  if (descending) std::reverse(out, out + n);
  if constexpr (is_real_float<T>)
    if (ambiguous) restore_equal(in, out, n, descending);
}

// Calls f(begin, end, serial) on rows: many rows over threads, or few long ones one by one.
template <class F>
void for_rows(const Sort& s, F&& f) {
  if (s.outer < s.ctx->n_threads && s.n >= large_row) {
    for (int64_t i = 0; i < s.outer; ++i) f(i, i + 1, false);
  } else {
    parallel_for(s.ctx, s.outer, grain_for(s.n * 8),
                 [&](int64_t begin, int64_t end) { f(begin, end, true); });
  }
}

template <class T>
void sort_single(const Sort& s) {
  const T* in = static_cast<const T*>(s.ins[0]);
  T* out = static_cast<T*>(s.outs[0]);
  for_rows(s, [&](int64_t begin, int64_t end, bool serial) {
    bool ambiguous = false;
    if constexpr (is_real_float<T>)
      ambiguous = has_ambiguous(in + begin * s.n, (end - begin) * s.n);
    for (int64_t i = begin; i < end; ++i)
      sort_values(s.ctx, in + i * s.n, out + i * s.n, s.n, serial, s.descending, ambiguous);
  });
}

struct Order {
  uint64_t* keys;
  uint64_t* words;
  uint32_t* order;
  uint32_t* next;
  bool has_order;
};

// Refines the order by one more significant key, a real of type R every `step` elements.
template <class R>
void refine(const Sort& s, const R* row, int64_t step, Order& o, bool serial) {
  constexpr uint64_t flip =
      sizeof(R) == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * sizeof(R) % 64)) - 1;
  const uint64_t mask = s.descending ? flip : 0;
  const int64_t grain = serial ? s.n : 1 << 15;
  parallel_for(s.ctx, s.n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = o.has_order ? o.order[i] : i;
      o.keys[i] = static_cast<uint64_t>(sort_key(row[at * step])) ^ mask;
    }
  });
  order_by_keys(s.ctx, o.keys, o.words, o.next, s.n, serial);
  if (o.has_order)
    for (int64_t i = 0; i < s.n; ++i) o.next[i] = o.order[o.next[i]];
  std::swap(o.order, o.next);
  o.has_order = true;
}

void refine_by_operand(const Sort& s, int64_t operand, int64_t row, Order& o, bool serial) {
  with_dtype(s.dtype(operand), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = static_cast<const T*>(s.ins[operand]) + row * s.n;
    if constexpr (std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>) {
      using R = typename T::value_type;
      refine(s, reinterpret_cast<const R*>(in) + 1, 2, o, serial);
      refine(s, reinterpret_cast<const R*>(in), 2, o, serial);
    } else if constexpr (std::is_same_v<T, Bool8>) {
      refine(s, reinterpret_cast<const uint8_t*>(in), 1, o, serial);
    } else {
      refine(s, in, 1, o, serial);
    }
  });
}

template <class T>
void gather(const Sort& s, int64_t operand, int64_t row, const uint32_t* order, bool serial) {
  const T* in = static_cast<const T*>(s.ins[operand]) + row * s.n;
  T* out = static_cast<T*>(s.outs[operand]) + row * s.n;
  auto copy = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = in[order[i]];
  };
  serial ? copy(0, s.n) : parallel_for(s.ctx, s.n, 1 << 14, copy);
}

void gather_operand(const Sort& s, int64_t operand, int64_t row, const uint32_t* order,
                    bool serial) {
  switch (size_of(s.dtype(operand))) {
    case 1:
      return gather<uint8_t>(s, operand, row, order, serial);
    case 2:
      return gather<uint16_t>(s, operand, row, order, serial);
    case 4:
      return gather<uint32_t>(s, operand, row, order, serial);
    case 8:
      return gather<uint64_t>(s, operand, row, order, serial);
    default:
      return gather<Complex128>(s, operand, row, order, serial);
  }
}

void sort_together(const Sort& s) {
  if (s.n > int64_t{UINT32_MAX})
    return gx_fail(s.ctx, GX_VALUE_ERROR, "sort: rows of several operands hold at most 2^32 - 1");
  for_rows(s, [&](int64_t begin, int64_t end, bool serial) {
    Scratch<uint64_t> words(s.ctx, 2 * s.n);
    Scratch<uint32_t> orders(s.ctx, 2 * s.n);
    if (!words || !orders) return;
    for (int64_t row = begin; row < end; ++row) {
      Order o{words.get(), words.get() + s.n, orders.get(), orders.get() + s.n, false};
      for (int64_t key = s.n_keys - 1; key >= 0; --key) refine_by_operand(s, key, row, o, serial);
      for (int64_t i = 0; i < s.n_operands; ++i) gather_operand(s, i, row, o.order, serial);
    }
  });
}

}  // namespace
}  // namespace gradax

extern "C" void gx_sort(CallContext* ctx, void* const* ins, void* const* outs,
                        const int64_t* params) {
  using namespace gradax;
  const Sort s{ctx,        params[0], params[1], params[2], params[3], params[5] != 0,
               params + 6, ins,       outs};
  if (s.outer == 0 || s.n == 0) return;
  const bool is_plain = s.dtype(0) != Dtype::C64 && s.dtype(0) != Dtype::C128;
  if (s.n_operands > 1 || !is_plain) return sort_together(s);
  with_dtype(s.dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, Complex64> && !std::is_same_v<T, Complex128>)
      sort_single<T>(s);
  });
}
