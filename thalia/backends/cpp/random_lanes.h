// Many of `random_words` at once, as many as the vectors of the processor hold.

#pragma once

#include "random_numbers.h"

#include <cstddef>
#include <vector>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
struct Lanes {
    __m512i x;
    static constexpr size_t count = 8;
    static Lanes all(uint64_t value) { return {_mm512_set1_epi64(value)}; }
    static Lanes from(const uint32_t *values) {
        return {_mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)values))};
    }
    // of the lower halves
    friend Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_epu32(a.x, b.x)}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {_mm512_xor_si512(a.x, b.x)}; }
    Lanes upper() const { return {_mm512_srli_epi64(x, 32)}; }
    void store(uint32_t *into) const {
        _mm256_storeu_si256((__m256i *)into, _mm512_cvtepi64_epi32(x));
    }
};
#elif defined(__AVX2__)
struct Lanes {
    __m256i x;
    static constexpr size_t count = 4;
    static Lanes all(uint64_t value) { return {_mm256_set1_epi64x(value)}; }
    static Lanes from(const uint32_t *values) {
        return {_mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)values))};
    }
    friend Lanes operator*(Lanes a, Lanes b) { return {_mm256_mul_epu32(a.x, b.x)}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {_mm256_xor_si256(a.x, b.x)}; }
    Lanes upper() const { return {_mm256_srli_epi64(x, 32)}; }
    void store(uint32_t *into) const {
        const __m256i lower = _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
        _mm_storeu_si128((__m128i *)into, _mm256_castsi256_si128(lower));
    }
};
#else
struct Lanes {
    uint64_t x;
    static constexpr size_t count = 1;
    static Lanes all(uint64_t value) { return {value}; }
    static Lanes from(const uint32_t *values) { return {*values}; }
    friend Lanes operator*(Lanes a, Lanes b) { return {uint64_t(uint32_t(a.x)) * uint32_t(b.x)}; }
    friend Lanes operator^(Lanes a, Lanes b) { return {a.x ^ b.x}; }
    Lanes upper() const { return {x >> 32}; }
    void store(uint32_t *into) const { *into = uint32_t(x); }
};
#endif

// The counters that are asked for, and their words once `draw` was called.
struct ManyWords {
    std::vector<uint32_t> index, number, a, b, c, d;
    size_t count = 0;

    void clear() { count = 0; }
    // Ask for the first words of so many indices that follow one another.
    void number_from(uint32_t first, size_t size) {
        if (index.size() < size) make_room(size);
        count = size;
        for (size_t k = 0; k < size; k++) index[k] = first + k;
        std::fill_n(number.begin(), size, 0);
    }
    void make_room(size_t room) {
        for (auto *each : {&index, &number, &a, &b, &c, &d}) each->resize(room + Lanes::count);
    }
    void add(uint32_t its_index, uint32_t its_number) {
        if (count == index.size()) make_room(std::max<size_t>(64, 2 * count));
        index[count] = its_index;
        number[count++] = its_number;
    }
    void draw(RandomKey key, uint32_t stream, int64_t step) {
        const Lanes m0 = Lanes::all(0xD2511F53u), m1 = Lanes::all(0xCD9E8D57u);
        Lanes keys[10][2];
        for (auto &[one, other] : keys) {
            one = Lanes::all(key.first);
            other = Lanes::all(key.second);
            key.first += 0x9E3779B9u;
            key.second += 0xBB67AE85u;
        }
        const Lanes early = Lanes::all(uint32_t(step)), where = Lanes::all(stream);
        const Lanes late = Lanes::all(uint32_t(step >> 32) << 16);
        for (size_t k = 0; k < count; k += Lanes::count) {
            Lanes a = early, b = late ^ Lanes::from(&number[k]), c = Lanes::from(&index[k]), d = where;
#pragma GCC unroll 10
            for (const auto &[one, other] : keys) {
                const Lanes first = m0 * a, second = m1 * c;
                a = second.upper() ^ b ^ one;
                b = second;
                c = first.upper() ^ d ^ other;
                d = first;
            }
            a.store(&this->a[k]);
            b.store(&this->b[k]);
            c.store(&this->c[k]);
            d.store(&this->d[k]);
        }
    }
};

}  // namespace
