// Numbers of events of neurons each of which draws for itself, of which few are expected: those of
// `input_of_neuron`, for as many neurons at once as the vectors of the processor hold.

#pragma once

#include "random_lanes.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

// Eight numbers; where vectors are shorter, the compiler makes several of them.
typedef double Doubles __attribute__((vector_size(64)));
typedef uint64_t Bits __attribute__((vector_size(64)));
typedef int64_t Integers __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(32)));

// As `unit_interval`.
inline Doubles unit_intervals(const uint32_t *high, const uint32_t *low) {
    Words upper, lower;
    std::memcpy(&upper, high, sizeof upper);
    std::memcpy(&lower, low, sizeof lower);
    const Bits both = __builtin_convertvector(upper, Bits) << 32 |
                      __builtin_convertvector(lower, Bits);
    const Bits bits = both >> 12 | 0x3FF0000000000000u;
    return Doubles(bits) - (1 - 0x1p-53);
}

// Neurons for which as many events are expected.
struct FewEvents {
    static constexpr size_t MANY = 256;  // neurons that are drawn for at once

    double mean = 0, none = 1;  // the expected events, and the probability of none
    std::vector<double> usual;  // those of at most 0, 1, 2, ..., up to one in 1000

    FewEvents() = default;
    FewEvents(double mean, double none) : mean(mean), none(none) {
        double chance = none, at_most = none;
        for (int32_t count = 1; usual.empty() || at_most < 0.999; count++) {
            usual.push_back(at_most);
            chance *= mean / count;
            at_most += chance;
        }
    }

    // The numbers of events of `MANY` neurons from an even one on.
    void draw(RandomKey key, uint32_t stream, int64_t step, size_t first, double *events) const {
        static thread_local ManyWords of_thread;
        ManyWords &pairs = of_thread;
        pairs.number_from(first / 2, MANY / 2);
        pairs.draw(key, stream, step);
        const int64_t most = usual.size();
        Integers unusual = {};
        for (size_t k = 0; k < MANY / 2; k += 8) {
            const Doubles even = unit_intervals(&pairs.a[k], &pairs.b[k]);
            const Doubles odd = unit_intervals(&pairs.c[k], &pairs.d[k]);
            Integers of_even = {}, of_odd = {};
            for (const double at_most : usual) {
                of_even -= even > at_most;  // which is -1 where it holds
                of_odd -= odd > at_most;
            }
            unusual |= (of_even == most) | (of_odd == most);
            const Integers in_order[] = {
                __builtin_shuffle(of_even, of_odd, Integers{0, 8, 1, 9, 2, 10, 3, 11}),
                __builtin_shuffle(of_even, of_odd, Integers{4, 12, 5, 13, 6, 14, 7, 15})};
            for (size_t half = 0; half < 2; half++) {
                const Doubles counts = __builtin_convertvector(in_order[half], Doubles);
                std::memcpy(&events[2 * k + 8 * half], &counts, sizeof counts);
            }
        }
        bool is_any = false;
        for (size_t lane = 0; lane < 8; lane++) is_any |= unusual[lane] != 0;
        for (size_t k = 0; is_any && k < MANY; k++) {
            if (events[k] != most) continue;
            const auto &high = k % 2 ? pairs.c : pairs.a, &low = k % 2 ? pairs.d : pairs.b;
            events[k] = poisson_by_inversion(mean, none, unit_interval(high[k / 2], low[k / 2]));
        }
    }
};

}  // namespace
