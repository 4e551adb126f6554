#include <algorithm>

#include "kernels.hpp"
#include "parallel.hpp"
#include "sort_keys.hpp"

namespace gradax {
namespace {

// A key with its position; the larger candidate has the larger key, then the lower position.
template <class K>
struct WideCandidate {
  K key;
  uint32_t place;
  bool operator<(const WideCandidate& other) const {
    return key < other.key || (key == other.key && place < other.place);
  }
};

template <class K>
struct Candidates {
  using Type = WideCandidate<K>;
  static GX_INLINE Type make(K key, uint32_t at) { return {key, ~at}; }
  static K key(const Type& c) { return c.key; }
  static uint32_t at(const Type& c) { return ~c.place; }
};

// Keys of up to 32 bits share one word with the position.
template <class K>
  requires(sizeof(K) <= 4)
struct Candidates<K> {
  using Type = uint64_t;
  static GX_INLINE Type make(K key, uint32_t at) {
    return static_cast<uint64_t>(key) << 32 | static_cast<uint32_t>(~at);
  }
  static K key(Type c) { return static_cast<K>(c >> 32); }
  static uint32_t at(Type c) { return ~static_cast<uint32_t>(c); }
};

// Moves the k largest candidates to the front, largest first.
template <class Candidate>
void keep_best(Candidate* best, int64_t count, int64_t k) {
  auto larger = [](const auto& a, const auto& b) { return b < a; };
  if constexpr (std::is_same_v<Candidate, uint64_t>) {
    sort_run(best, count);
    std::reverse(best, best + count);
  } else {
    if (count > k) std::nth_element(best, best + k - 1, best + count, larger);
    std::sort(best, best + std::min(count, k), larger);
  }
}

template <class T>
GX_VECTORIZED bool any_above(const T* x, int64_t n, KeyOf<T> threshold) {
  KeyOf<T> found = 0;
  for (int64_t i = 0; i < n; ++i) found |= total_order_key(x[i]) > threshold;
  return found != 0;
}

// Writes the k largest of x[begin..end) to `best`; there is room for 2k + 64.
template <class T>
int64_t select(const T* x, int64_t begin, int64_t end, int64_t k,
               typename Candidates<KeyOf<T>>::Type* best) {
  using C = Candidates<KeyOf<T>>;
  constexpr int64_t block = 64;
  int64_t count = 0;
  bool has_threshold = false;
  KeyOf<T> threshold = 0;
  for (int64_t at = begin; at < end; at += block) {
    const int64_t stop = std::min(end, at + block);
    // A later element enters only if its key is larger: of equals the first comes first.
    if (has_threshold && !any_above(x + at, stop - at, threshold)) continue;
    for (int64_t i = at; i < stop; ++i) {
      const auto key = total_order_key(x[i]);
      if (!has_threshold || key > threshold) best[count++] = C::make(key, static_cast<uint32_t>(i));
    }
    if (count < 2 * k) continue;
    keep_best(best, count, k);
    count = k;
    threshold = C::key(best[k - 1]);
    has_threshold = true;
  }
  if (count > k) keep_best(best, count, k);
  return std::min(count, k);
}

template <class T>
void write_best(typename Candidates<KeyOf<T>>::Type* best, int64_t count, int64_t k, T* values,
                int32_t* places) {
  using C = Candidates<KeyOf<T>>;
  keep_best(best, count, k);
  for (int64_t i = 0; i < k; ++i) {
    values[i] = value_of_key<T>(C::key(best[i]));
    places[i] = static_cast<int32_t>(C::at(best[i]));
  }
}

template <class T>
void top_k_rows(CallContext* ctx, const T* in, int64_t outer, int64_t n, int64_t k, T* values,
                int32_t* places) {
  using Candidate = typename Candidates<KeyOf<T>>::Type;
  const int64_t room = 2 * k + 64;
  parallel_for(ctx, outer, grain_for(n), [&](int64_t begin, int64_t end) {
    Scratch<Candidate> best(ctx, room);
    if (!best) return;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t count = select(in + row * n, 0, n, k, best.get());
      write_best(best.get(), count, k, values + row * k, places + row * k);
    }
  });
}

// One long row: the best of each piece, then the best of those.
template <class T>
void top_k_long(CallContext* ctx, const T* in, int64_t n, int64_t k, T* values, int32_t* places) {
  using Candidate = typename Candidates<KeyOf<T>>::Type;
  const int64_t pieces = 2 * ctx->n_threads, room = 2 * k + 64;
  Scratch<Candidate> best(ctx, pieces * room);
  Scratch<int64_t> counts(ctx, pieces);
  if (!best || !counts) return;
  parallel_for(ctx, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      counts[i] = select(in, n * i / pieces, n * (i + 1) / pieces, k, best.get() + i * room);
  });
  int64_t count = counts[0];
  for (int64_t i = 1; i < pieces; ++i) {
    std::copy_n(best.get() + i * room, counts[i], best.get() + count);
    count += counts[i];
  }
  write_best(best.get(), count, k, values, places);
}

template <class T>
void top_k(CallContext* ctx, const T* in, int64_t outer, int64_t n, int64_t k, T* values,
           int32_t* places) {
  if (outer < ctx->n_threads && n >= (1 << 17) && k <= n / 16) {
    for (int64_t row = 0; row < outer; ++row)
      top_k_long(ctx, in + row * n, n, k, values + row * k, places + row * k);
  } else {
    top_k_rows(ctx, in, outer, n, k, values, places);
  }
}

}  // namespace
}  // namespace gradax

extern "C" void gx_top_k(CallContext* ctx, void* const* ins, void* const* outs,
                         const int64_t* params) {
  using namespace gradax;
  const int64_t outer = params[1], n = params[2], k = params[3];
  if (k > n || n > INT32_MAX)
    return gx_fail(ctx, GX_VALUE_ERROR, "top_k: k must be at most n, and n at most 2^31 - 1");
  if (outer == 0 || k == 0) return;
  with_dtype(static_cast<Dtype>(params[0]), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>) {
      gx_fail(ctx, GX_VALUE_ERROR, "top_k: complex numbers have no order");
    } else {
      top_k(ctx, static_cast<const T*>(ins[0]), outer, n, k, static_cast<T*>(outs[0]),
            static_cast<int32_t*>(outs[1]));
    }
  });
}
