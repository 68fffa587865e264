// Random numbers without a generator: every number is a function of the seed, of a stream (one for
// each object that draws), the step, the index of the neuron or synapse, and which of the draws of
// that object it is. So they depend neither on the order in which neurons are visited nor on what
// else draws, and CPU and GPU draw the same. `random_numbers.py` has the same functions in NumPy.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __CUDACC__
#define ON_ANY_DEVICE __host__ __device__ __forceinline__
#else
#define ON_ANY_DEVICE inline
#endif

struct RandomKey { uint32_t first, second; };
struct RandomWords { uint32_t a, b, c, d; };

// Philox 4x32, ten rounds (Salmon et al. 2011, doi:10.1145/2063384.2063405).
ON_ANY_DEVICE RandomWords philox(RandomWords x, RandomKey key) {
    for (int round = 0; round < 10; round++) {
        const uint64_t first = uint64_t(0xD2511F53u) * x.a, second = uint64_t(0xCD9E8D57u) * x.c;
        x = {uint32_t(second >> 32) ^ x.b ^ key.first, uint32_t(second),
             uint32_t(first >> 32) ^ x.d ^ key.second, uint32_t(first)};
        key.first += 0x9E3779B9u;
        key.second += 0xBB67AE85u;
    }
    return x;
}

ON_ANY_DEVICE RandomWords random_words(RandomKey key, uint32_t stream, int64_t step,
                                       uint32_t index, uint32_t draw) {
    return philox({uint32_t(step), uint32_t(step >> 32) << 16 ^ draw, index, stream}, key);
}

// In (0, 1), with 52 bits, in steps of 2^-52 from 2^-53 on.
ON_ANY_DEVICE double unit_interval(uint32_t high, uint32_t low) {
    const uint64_t bits = (uint64_t(high) << 32 | low) >> 12 | 0x3FF0000000000000u;
    double number;
    std::memcpy(&number, &bits, sizeof number);
    return number - (1 - 0x1p-53);
}

ON_ANY_DEVICE double uniform(RandomKey key, uint32_t stream, int64_t step, uint32_t index,
                             uint32_t draw) {
    const RandomWords x = random_words(key, stream, step, index, draw);
    return unit_interval(x.a, x.b);
}

// The logarithm of a normal number above zero, within two units in the last place. As it is
// arithmetic alone, it has the same bits everywhere, and loops over neurons stay vectorised.
ON_ANY_DEVICE double natural_logarithm(double x) {
    int64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const int64_t shifted = bits - 0x3FE6A09E667F3BCD;  // the bits of sqrt(1/2)
    const int64_t exponent = shifted >> 52;
    const int64_t mantissa_bits = bits - (exponent << 52);
    double m;  // between sqrt(1/2) and sqrt(2)
    std::memcpy(&m, &mantissa_bits, sizeof m);
    const double f = (m - 1) / (m + 1), s = f * f;
    double p = 1.0 / 23;
    p = p * s + 1.0 / 21;
    p = p * s + 1.0 / 19;
    p = p * s + 1.0 / 17;
    p = p * s + 1.0 / 15;
    p = p * s + 1.0 / 13;
    p = p * s + 1.0 / 11;
    p = p * s + 1.0 / 9;
    p = p * s + 1.0 / 7;
    p = p * s + 1.0 / 5;
    p = p * s + 1.0 / 3;
    const double e = double(int32_t(exponent));
    return e * 0.693147180369123816490 + (2 * f + (2 * f * s * p + e * 1.90821492927058770002e-10));
}

// cos(2 pi turns) of turns in (0, 1).
ON_ANY_DEVICE double cosine_of_turns(double turns) {
    const double half = turns - 0.5;
    const double y = (0.25 - (half < 0 ? -half : half)) * 6.283185307179586477;  // within pi / 2
    const double s = y * y;
    double p = 1.0 / 51090942171709440000.0;  // 1 / 21!
    p = 1.0 / 121645100408832000.0 - p * s;
    p = 1.0 / 355687428096000.0 - p * s;
    p = 1.0 / 1307674368000.0 - p * s;
    p = 1.0 / 6227020800.0 - p * s;
    p = 1.0 / 39916800.0 - p * s;
    p = 1.0 / 362880.0 - p * s;
    p = 1.0 / 5040.0 - p * s;
    p = 1.0 / 120.0 - p * s;
    p = 1.0 / 6.0 - p * s;
    return y * s * p - y;
}

// Box & Muller.
ON_ANY_DEVICE double normal(RandomKey key, uint32_t stream, int64_t step, uint32_t index,
                            uint32_t draw) {
    const RandomWords x = random_words(key, stream, step, index, draw);
    return sqrt(-2 * natural_logarithm(unit_interval(x.a, x.b))) *
           cosine_of_turns(unit_interval(x.c, x.d));
}

constexpr double FEW = 12;  // up to as many expected events, their number is found by inversion

// ln(k!) of k >= 0: Stirling's series, whose error is below 1e-13 from ten on.
ON_ANY_DEVICE double log_of_factorial(double k) {
    double shift = 1;
    while (k < 10) shift *= ++k;
    const double over = 1 / k, square = over * over;
    const double series =
        over * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)));
    return (k + 0.5) * natural_logarithm(k) - k + 0.91893853320467274178 + series -
           natural_logarithm(shift);
}

// Constant Poisson input of few events is drawn for blocks of neurons: how many events there are, and
// for each its neuron. That costs a fraction of a draw per neuron. A block begins at a multiple of
// `BLOCK`, or where the neurons begin that the input reaches; this is its index, and its words are
//   draw 0: the number of events; draw 1 + k / 4, the (k % 4)-th: the neuron of the k-th.
// From an expected number of `SPARSE` events a neuron on, each draws for itself.
constexpr uint32_t BLOCK = 256;
constexpr double SPARSE = 0.5;

ON_ANY_DEVICE uint32_t neuron_in_block(uint32_t word, uint32_t size) {
    return uint32_t(uint64_t(word) * size >> 32);
}

// The probabilities of at most `least`, `least` + 1, ... events where `mean` > 0 are expected, as
// far as they differ from 0 and 1; the last is 1.
struct PoissonTable {
    int32_t least = 0;
    std::vector<double> at_most;

    explicit PoissonTable(double mean) {
        const int32_t likeliest = int32_t(mean);
        const double chance = exp(likeliest * log(mean) - mean - lgamma(likeliest + 1.0));
        double below = chance;
        for (least = likeliest; least > 0 && below > 0x1p-70; least--) below *= least / mean;
        double sum = 0, now = below;
        for (int32_t count = least; count <= mean || now > 0x1p-60; now *= mean / ++count)
            at_most.push_back(sum += now);
        at_most.back() = 1;
    }
};

ON_ANY_DEVICE int32_t poisson_by_inversion(double mean, double none, double u) {
    double chance = none, at_most = none;
    int32_t count = 0;
    while (u > at_most && (count < mean || chance > 0x1p-60)) {
        chance *= mean / ++count;
        at_most += chance;
    }
    return count;
}

// By inversion where few are expected; else by transformed rejection (Hormann 1993,
// doi:10.1016/0167-6687(93)90997-4).
ON_ANY_DEVICE int32_t poisson(double mean, double none, RandomKey key, uint32_t stream,
                              int64_t step, uint32_t index, uint32_t draw) {
    if (!(mean > 0)) return 0;
    if (mean < FEW) {
        return poisson_by_inversion(mean, none, uniform(key, stream, step, index, draw));
    }
    const double root = sqrt(mean), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (uint32_t attempt = 0;; attempt++) {
        const RandomWords x = random_words(key, stream, step, index, draw + (attempt << 8));
        const double u = unit_interval(x.a, x.b) - 0.5, v = unit_interval(x.c, x.d);
        const double near = 0.5 - (u < 0 ? -u : u);
        const double k = floor((2 * a / near + b) * u + mean + 0.43);
        if (near >= 0.07 && v <= v_r) return int32_t(k);
        if (k < 0 || (near < 0.013 && v > near)) continue;
        const double chance = natural_logarithm(v * inverse_alpha / (a / (near * near) + b));
        if (chance <= k * natural_logarithm(mean) - mean - log_of_factorial(k)) return int32_t(k);
    }
}

// The events of a neuron that draws for itself; neurons 2k and 2k + 1 share words.
ON_ANY_DEVICE int32_t input_of_neuron(double mean, double none, RandomKey key, uint32_t stream,
                                      int64_t step, uint32_t neuron) {
    if (mean >= FEW) return poisson(mean, 0, key, stream, step, neuron, 1);
    const RandomWords x = random_words(key, stream, step, neuron / 2, 0);
    const double u = neuron & 1 ? unit_interval(x.c, x.d) : unit_interval(x.a, x.b);
    return poisson_by_inversion(mean, none, u);
}
