// Vectors of a fixed number of lanes, as bluec's C++ kernels use them. No intrinsics: compilers
// that have GNU vectors (g++, clang) make registers of them, and any other C++17 compiler sees
// loops over lanes. BLUEC_PLAIN_VECTORS asks for the loops. The bits of an answer are the same
// either way.
//
// Integers wrap around. Floats are never fused unless fma() says so, and never reordered: clang's
// -ffp-contract=fast is the one flag that would, and that no source can refuse.
#ifndef BLUEC_VECTORS_H
#define BLUEC_VECTORS_H

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#ifdef __FAST_MATH__
#error "bluec's kernels need the floats of IEEE 754: compile without -ffast-math"
#endif

#if defined(__GNUC__)
#define BLUEC_INLINE inline __attribute__((always_inline))
#define BLUEC_RESTRICT __restrict__
#define BLUEC_PREFETCH(place) __builtin_prefetch(place)
// The functions of <cmath>, which is half of what a compiler has to read here.
#define BLUEC_MATH(name) __builtin_##name
// Vectors stay inside of functions, so that no ABI is touched.
#pragma GCC diagnostic ignored "-Wpsabi"
#else
#define BLUEC_INLINE inline
#define BLUEC_RESTRICT
#define BLUEC_PREFETCH(place) static_cast<void>(place)
#include <cmath>
#define BLUEC_MATH(name) ::name
#endif

#if defined(__GNUC__) && !defined(BLUEC_PLAIN_VECTORS)
#define BLUEC_NATIVE_VECTORS 1
#else
#define BLUEC_NATIVE_VECTORS 0
#endif

// Compilers fuse by themselves: clang within an expression, g++ anywhere (-std=gnu++17).
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace bluec {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A float of 16 bits (IEEE 754 binary16), which is only kept, never computed with.
struct Half {
  std::uint16_t bits;
};

/// What a lane is kept as. Lanes of a mask are 0 or -1.
template <typename T> struct LaneOf {
  using Type = T;
};
template <> struct LaneOf<Half> {
  using Type = std::uint16_t;
};
template <> struct LaneOf<bool> {
  using Type = std::int32_t;
};

/// N lanes. `Vec<bool, N>` is a mask.
template <typename T, int N> struct Vec {
  using Lane = typename LaneOf<T>::Type;
#if BLUEC_NATIVE_VECTORS
  typedef Lane Lanes __attribute__((vector_size(N * sizeof(Lane))));
  /// In memory: anywhere, among anything. What is copied by memcpy g++ keeps on the stack.
  typedef Lane Placed __attribute__((vector_size(N * sizeof(Lane)), aligned(1), may_alias));
#else
  struct Lanes {
    Lane at[N];
    Lane &operator[](int i) { return at[i]; }
    const Lane &operator[](int i) const { return at[i]; }
  };
#endif
  Lanes v;
};

template <typename V> struct VecTraits;
template <typename T, int N> struct VecTraits<Vec<T, N>> {
  using Element = T;
  static constexpr int kLanes = N;
};

template <typename V> inline constexpr bool kIsVector = false;
template <typename T, int N> inline constexpr bool kIsVector<Vec<T, N>> = true;

/// f(i) in each lane.
template <typename T, int N, typename F> BLUEC_INLINE Vec<T, N> eachLane(F f) {
  Vec<T, N> r;
  for (int i = 0; i < N; ++i)
    r.v[i] = static_cast<typename Vec<T, N>::Lane>(f(i));
  return r;
}

//===----------------------------------------------------------------------------------------===//
// Memory. Places need no alignment
//===----------------------------------------------------------------------------------------===//

template <typename V, typename T> BLUEC_INLINE V load(const T *from) {
#if BLUEC_NATIVE_VECTORS
  if constexpr (kIsVector<V>)
    return {*reinterpret_cast<const typename V::Placed *>(from)};
#endif
  V r;
  std::memcpy(&r, from, sizeof r);
  return r;
}

template <typename V, typename T> BLUEC_INLINE void store(T *to, const V &value) {
#if BLUEC_NATIVE_VECTORS
  if constexpr (kIsVector<V>) {
    *reinterpret_cast<typename V::Placed *>(to) = value.v;
    return;
  }
#endif
  std::memcpy(to, &value, sizeof value);
}

/// Lanes that the mask leaves out are `other`'s, and not read.
template <typename T, int N>
BLUEC_INLINE Vec<T, N> loadMasked(const T *from, const Vec<bool, N> &mask, const Vec<T, N> &other) {
  Vec<T, N> r = other;
  for (int i = 0; i < N; ++i)
    if (mask.v[i])
      std::memcpy(reinterpret_cast<char *>(&r) + i * sizeof(T), from + i, sizeof(T));
  return r;
}

template <typename T, int N>
BLUEC_INLINE void storeMasked(T *to, const Vec<bool, N> &mask, const Vec<T, N> &value) {
  for (int i = 0; i < N; ++i)
    if (mask.v[i])
      std::memcpy(to + i, reinterpret_cast<const char *>(&value) + i * sizeof(T), sizeof(T));
}

/// Lane i to to[places[i]].
template <typename T, typename I, int N>
BLUEC_INLINE void scatter(T *to, const Vec<I, N> &places, const Vec<bool, N> &mask,
                          const Vec<T, N> &value) {
  for (int i = 0; i < N; ++i)
    if (mask.v[i])
      std::memcpy(to + places.v[i], reinterpret_cast<const char *>(&value) + i * sizeof(T),
                  sizeof(T));
}

//===----------------------------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------------------------===//

/// A number as a lane of V keeps it.
template <typename V, typename T> BLUEC_INLINE typename V::Lane laneOf(T value) {
  if constexpr (std::is_same_v<T, bool>)
    return value ? -1 : 0;
  else if constexpr (std::is_same_v<T, Half>)
    return value.bits;
  else
    return static_cast<typename V::Lane>(value);
}

/// `value` in all lanes.
template <typename V, typename T> BLUEC_INLINE V splat(T value) {
  V r;
  for (int i = 0; i < VecTraits<V>::kLanes; ++i)
    r.v[i] = laneOf<V>(value);
  return r;
}

template <typename V, typename... Ts> BLUEC_INLINE V lanes(Ts... values) {
  return {typename V::Lanes{laneOf<V>(values)...}};
}

template <int I, typename T, int N> BLUEC_INLINE T lane(const Vec<T, N> &a) {
  if constexpr (std::is_same_v<T, bool>)
    return a.v[I] != 0;
  else if constexpr (std::is_same_v<T, Half>)
    return Half{a.v[I]};
  else
    return a.v[I];
}

/// With `value` in lane I.
template <int I, typename T, int N> BLUEC_INLINE Vec<T, N> insert(Vec<T, N> a, T value) {
  a.v[I] = laneOf<Vec<T, N>>(value);
  return a;
}

/// The lanes at `Is` of a's and b's, one behind the other.
template <int... Is, typename T, int N>
BLUEC_INLINE Vec<T, sizeof...(Is)> shuffle(const Vec<T, N> &a, const Vec<T, N> &b) {
#if BLUEC_NATIVE_VECTORS && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
  return {__builtin_shufflevector(a.v, b.v, Is...)};
#define BLUEC_HAS_SHUFFLE
#endif
#endif
#ifndef BLUEC_HAS_SHUFFLE
  return {typename Vec<T, sizeof...(Is)>::Lanes{(Is < N ? a.v[Is % N] : b.v[Is % N])...}};
#endif
}

namespace detail {
template <int First, int... Is, typename T, int N>
BLUEC_INLINE Vec<T, N / 2> everySecond(const Vec<T, N> &a, std::integer_sequence<int, Is...>) {
  return shuffle<(2 * Is + First)...>(a, a);
}
} // namespace detail

/// The same bytes.
template <typename To, typename From> BLUEC_INLINE To bitcast(const From &from) {
  static_assert(sizeof(To) == sizeof(From));
#if BLUEC_NATIVE_VECTORS
  if constexpr (kIsVector<To> && kIsVector<From>)
    return {(typename To::Lanes)from.v};
#endif
  To r;
  std::memcpy(&r, &from, sizeof r);
  return r;
}

/// `yes` where the mask is set, else `no`.
template <typename T, int N>
BLUEC_INLINE Vec<T, N> select(const Vec<bool, N> &mask, const Vec<T, N> &yes, const Vec<T, N> &no) {
#if BLUEC_NATIVE_VECTORS
  if constexpr (sizeof(typename Vec<T, N>::Lane) == 4)
    return {mask.v ? yes.v : no.v};
  else
#endif
    return eachLane<T, N>([&](int i) { return mask.v[i] ? yes.v[i] : no.v[i]; });
}

//===----------------------------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------------------------===//

namespace detail {
template <typename T> using Unsigned = std::make_unsigned_t<T>;
/// The same, but not narrower than what it would be computed in, which has a sign.
template <typename T> using Wide = std::common_type_t<unsigned, Unsigned<T>>;

/// An operation that wraps around: on unsigned lanes.
template <typename T, int N, typename F>
BLUEC_INLINE Vec<T, N> wrapping(const Vec<T, N> &a, const Vec<T, N> &b, F f) {
#if BLUEC_NATIVE_VECTORS
  using U = typename Vec<Unsigned<T>, N>::Lanes;
  return {(typename Vec<T, N>::Lanes)f((U)a.v, (U)b.v)};
#else
  const auto wide = [](T lane) { return static_cast<Wide<T>>(static_cast<Unsigned<T>>(lane)); };
  return eachLane<T, N>([&](int i) { return f(wide(a.v[i]), wide(b.v[i])); });
#endif
}
} // namespace detail

// Each of these is lane by lane; T is an integer with a sign, or float.
#if BLUEC_NATIVE_VECTORS
#define BLUEC_FLOAT_LANES(op) return {a.v op b.v};
#define BLUEC_BITS(op) return {a.v op b.v};
#define BLUEC_COMPARE(op)                                                                          \
  if constexpr (sizeof(T) == 4)                                                                    \
    return {a.v op b.v};                                                                           \
  else                                                                                             \
    return eachLane<bool, N>([&](int i) { return -(a.v[i] op b.v[i]); });
#else
#define BLUEC_FLOAT_LANES(op) return eachLane<T, N>([&](int i) { return a.v[i] op b.v[i]; });
#define BLUEC_BITS(op) return eachLane<T, N>([&](int i) { return a.v[i] op b.v[i]; });
#define BLUEC_COMPARE(op) return eachLane<bool, N>([&](int i) { return -(a.v[i] op b.v[i]); });
#endif
#define BLUEC_ARITHMETIC(op)                                                                       \
  template <typename T, int N>                                                                     \
  BLUEC_INLINE Vec<T, N> operator op(const Vec<T, N> &a, const Vec<T, N> &b) {                     \
    if constexpr (std::is_floating_point_v<T>) {                                                   \
      BLUEC_FLOAT_LANES(op)                                                                        \
    } else {                                                                                       \
      return detail::wrapping(a, b, [](auto x, auto y) { return x op y; });                        \
    }                                                                                              \
  }
BLUEC_ARITHMETIC(+)
BLUEC_ARITHMETIC(-)
BLUEC_ARITHMETIC(*)
#undef BLUEC_ARITHMETIC

template <typename T, int N>
BLUEC_INLINE Vec<T, N> operator/(const Vec<T, N> &a, const Vec<T, N> &b) {
  BLUEC_FLOAT_LANES(/)
}
template <typename T, int N> BLUEC_INLINE Vec<T, N> operator-(const Vec<T, N> &a) {
  if constexpr (std::is_floating_point_v<T>)
    return eachLane<T, N>([&](int i) { return -a.v[i]; });
  else
    return splat<Vec<T, N>>(T(0)) - a;
}

#define BLUEC_BITWISE(op)                                                                          \
  template <typename T, int N>                                                                     \
  BLUEC_INLINE Vec<T, N> operator op(const Vec<T, N> &a, const Vec<T, N> &b) {                     \
    BLUEC_BITS(op)                                                                                 \
  }
BLUEC_BITWISE(&)
BLUEC_BITWISE(|)
BLUEC_BITWISE(^)
#undef BLUEC_BITWISE

#define BLUEC_COMPARISON(name, op)                                                                 \
  template <typename T, int N>                                                                     \
  BLUEC_INLINE Vec<bool, N> name(const Vec<T, N> &a, const Vec<T, N> &b) {                         \
    BLUEC_COMPARE(op)                                                                              \
  }
BLUEC_COMPARISON(operator==, ==)
BLUEC_COMPARISON(operator!=, !=)
BLUEC_COMPARISON(operator<, <)
BLUEC_COMPARISON(operator<=, <=)
BLUEC_COMPARISON(operator>, >)
BLUEC_COMPARISON(operator>=, >=)
#undef BLUEC_COMPARISON

template <int N> BLUEC_INLINE Vec<bool, N> operator!(const Vec<bool, N> &a) {
  return eachLane<bool, N>([&](int i) { return ~a.v[i]; });
}

/// Bits to the left; those that fall out are gone.
template <typename T, int N>
BLUEC_INLINE Vec<T, N> shiftLeft(const Vec<T, N> &a, const Vec<T, N> &by) {
  return detail::wrapping(a, by, [](auto x, auto y) { return x << y; });
}
/// To the right, with the sign coming in, or zeros.
template <typename T, int N>
BLUEC_INLINE Vec<T, N> shiftRight(const Vec<T, N> &a, const Vec<T, N> &b) {
  BLUEC_BITS(>>)
}
template <typename T, int N>
BLUEC_INLINE Vec<T, N> shiftRightUnsigned(const Vec<T, N> &a, const Vec<T, N> &by) {
  return detail::wrapping(a, by, [](auto x, auto y) { return x >> y; });
}

template <typename T, int N> BLUEC_INLINE Vec<T, N> min(const Vec<T, N> &a, const Vec<T, N> &b) {
  return eachLane<T, N>([&](int i) { return b.v[i] < a.v[i] ? b.v[i] : a.v[i]; });
}
template <typename T, int N> BLUEC_INLINE Vec<T, N> max(const Vec<T, N> &a, const Vec<T, N> &b) {
  return eachLane<T, N>([&](int i) { return a.v[i] < b.v[i] ? b.v[i] : a.v[i]; });
}

/// a * b + c with one rounding.
template <int N>
BLUEC_INLINE Vec<float, N> fma(const Vec<float, N> &a, const Vec<float, N> &b,
                               const Vec<float, N> &c) {
  return eachLane<float, N>([&](int i) { return BLUEC_MATH(fmaf)(a.v[i], b.v[i], c.v[i]); });
}
template <int N> BLUEC_INLINE Vec<float, N> abs(const Vec<float, N> &a) {
  return eachLane<float, N>([&](int i) { return BLUEC_MATH(fabsf)(a.v[i]); });
}
template <int N> BLUEC_INLINE Vec<float, N> sqrt(const Vec<float, N> &a) {
  return eachLane<float, N>([&](int i) { return BLUEC_MATH(sqrtf)(a.v[i]); });
}
/// To the nearest integer, ties to even.
template <int N> BLUEC_INLINE Vec<float, N> roundEven(const Vec<float, N> &a) {
  return eachLane<float, N>([&](int i) { return BLUEC_MATH(nearbyintf)(a.v[i]); });
}

/// The sum of the lanes, the first one first.
template <typename T, int N> BLUEC_INLINE T sum(const Vec<T, N> &a) {
  T r = a.v[0];
  for (int i = 1; i < N; ++i)
    if constexpr (std::is_floating_point_v<T>)
      r += a.v[i];
    else
      r = static_cast<T>(static_cast<detail::Unsigned<T>>(r) +
                         static_cast<detail::Unsigned<T>>(a.v[i]));
  return r;
}

//===----------------------------------------------------------------------------------------===//
// Other types
//===----------------------------------------------------------------------------------------===//

/// The same numbers in another type: integers wider (by their sign) or cut to their low bits, and
/// to and from float, where what does not fit is undefined.
template <typename To, typename T, int N> BLUEC_INLINE To convert(const Vec<T, N> &a) {
#if BLUEC_NATIVE_VECTORS
  return {__builtin_convertvector(a.v, typename To::Lanes)};
#else
  return eachLane<typename VecTraits<To>::Element, N>(
      [&](int i) { return static_cast<typename To::Lane>(a.v[i]); });
#endif
}
/// Integers wider, with zeros.
template <typename To, typename T, int N> BLUEC_INLINE To convertUnsigned(const Vec<T, N> &a) {
  return convert<To>(bitcast<Vec<detail::Unsigned<T>, N>>(a));
}
template <typename To, typename T> BLUEC_INLINE To convertUnsigned(T a) {
  return static_cast<To>(static_cast<detail::Unsigned<T>>(a));
}
/// 1 where the mask is set.
template <typename To, int N> BLUEC_INLINE To ones(const Vec<bool, N> &a) {
  return eachLane<typename VecTraits<To>::Element, N>([&](int i) { return a.v[i] & 1; });
}

/// a * b, and the products of neighbours added to one of `sums`: of lanes 0 and 1 to the first, of
/// 2 and 3 to the second.
template <int N>
BLUEC_INLINE Vec<std::int32_t, N / 2> dot(const Vec<std::int32_t, N / 2> &sums,
                                          const Vec<std::int16_t, N> &a,
                                          const Vec<std::int16_t, N> &b) {
#if BLUEC_NATIVE_VECTORS && defined(__clang__)
  // As clang knows an instruction's work by it (vpmaddwd).
  const auto products = convert<Vec<std::int32_t, N>>(a) * convert<Vec<std::int32_t, N>>(b);
  using Pairs = std::make_integer_sequence<int, N / 2>;
  return sums +
         (detail::everySecond<0>(products, Pairs()) + detail::everySecond<1>(products, Pairs()));
#elif BLUEC_NATIVE_VECTORS
  using Words = Vec<std::int32_t, N / 2>;
  // One register each for the low and the high half of lanes of 32 bits: no lane moves.
  const auto half = splat<Words>(16);
  const auto low = [&](const auto &pair) { return shiftRight(shiftLeft(pair, half), half); };
  const auto pairs = bitcast<Words>(a), others = bitcast<Words>(b);
  return sums + low(pairs) * low(others) + shiftRight(pairs, half) * shiftRight(others, half);
#else
  return eachLane<std::int32_t, N / 2>([&](int i) {
    const auto product = [&](int at) {
      return static_cast<std::uint32_t>(std::int32_t{a.v[at]} * std::int32_t{b.v[at]});
    };
    return static_cast<std::uint32_t>(sums.v[i]) + product(2 * i) + product(2 * i + 1);
  });
#endif
}

/// Exact. A number of 16 bits is one of 32 whose exponent is too small by 112, but for those that
/// are not finite.
template <int N> BLUEC_INLINE Vec<float, N> widen(const Vec<Half, N> &a) {
  using Words = Vec<std::int32_t, N>;
  const auto all = [](std::int32_t value) { return splat<Words>(value); };
  const Words bits = convertUnsigned<Words>(bitcast<Vec<std::int16_t, N>>(a));
  const Words magnitude = shiftLeft(bits & all(0x7fff), all(13));
  const auto scaled = bitcast<Vec<float, N>>(magnitude) *
                      splat<Vec<float, N>>(5192296858534827628530496329220096.f);
  const Words finite = bitcast<Words>(scaled);
  const Words r = select(magnitude >= all(0x0f800000), magnitude | all(0x7f800000), finite);
  return bitcast<Vec<float, N>>(r | shiftLeft(bits & all(0x8000), all(16)));
}

BLUEC_INLINE float widen(Half a) { return lane<0>(widen(splat<Vec<Half, 1>>(a))); }

/// To the nearest number of 16 bits, ties to even.
BLUEC_INLINE Half narrow(float a) {
  const auto bits = bitcast<std::uint32_t>(a);
  const std::uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  std::uint32_t r = 0;
  if (magnitude > 0x7f800000)
    r = 0x7e00 | (magnitude >> 13 & 0x3ff); // not a number, and quiet
  else if (magnitude >= 0x477ff000)
    r = 0x7c00; // what rounds to more than the largest number
  else if (magnitude >= 0x38800000)
    r = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
  else // in steps of 2^-24, which is the last place of a float next to 0.5
    r = bitcast<std::uint32_t>(bitcast<float>(magnitude) + 0.5f) - 0x3f000000;
  return {static_cast<std::uint16_t>(sign | r)};
}
template <int N> BLUEC_INLINE Vec<Half, N> narrow(const Vec<float, N> &a) {
  return eachLane<Half, N>([&](int i) { return narrow(a.v[i]).bits; });
}

//===----------------------------------------------------------------------------------------===//
// Single numbers
//===----------------------------------------------------------------------------------------===//

/// Integers that wrap around.
template <typename T> BLUEC_INLINE T add(T a, T b) {
  return static_cast<T>(static_cast<detail::Unsigned<T>>(a) + static_cast<detail::Unsigned<T>>(b));
}
template <typename T> BLUEC_INLINE T subtract(T a, T b) {
  return static_cast<T>(static_cast<detail::Unsigned<T>>(a) - static_cast<detail::Unsigned<T>>(b));
}
template <typename T> BLUEC_INLINE T multiply(T a, T b) {
  using Wide = detail::Wide<T>;
  return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b));
}
template <typename T> BLUEC_INLINE T shiftLeft(T a, T by) {
  return static_cast<T>(static_cast<detail::Unsigned<T>>(a) << by);
}
template <typename T> BLUEC_INLINE T shiftRight(T a, T by) { return static_cast<T>(a >> by); }
template <typename T> BLUEC_INLINE T shiftRightUnsigned(T a, T by) {
  return static_cast<T>(static_cast<detail::Unsigned<T>>(a) >> by);
}
/// Places are never negative, and divided as if they could not be.
BLUEC_INLINE std::int64_t quotient(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) / static_cast<std::uint64_t>(b));
}
BLUEC_INLINE std::int64_t remainder(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) % static_cast<std::uint64_t>(b));
}
BLUEC_INLINE std::int64_t min(std::int64_t a, std::int64_t b) { return b < a ? b : a; }
BLUEC_INLINE std::int64_t max(std::int64_t a, std::int64_t b) { return a < b ? b : a; }
template <typename T> BLUEC_INLINE T min(T a, T b) { return b < a ? b : a; }
template <typename T> BLUEC_INLINE T max(T a, T b) { return a < b ? b : a; }
BLUEC_INLINE float fma(float a, float b, float c) { return BLUEC_MATH(fmaf)(a, b, c); }
BLUEC_INLINE float abs(float a) { return BLUEC_MATH(fabsf)(a); }
BLUEC_INLINE float sqrt(float a) { return BLUEC_MATH(sqrtf)(a); }
BLUEC_INLINE float roundEven(float a) { return BLUEC_MATH(nearbyintf)(a); }

} // namespace bluec

#endif // BLUEC_VECTORS_H
