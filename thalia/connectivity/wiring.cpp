// Draws the synapses of pathways and puts them into order. Whatever is here does the same as its
// namesake in `reference.py`, to the bit, for a range of neurons or of numbers; so the network does
// not depend on how the work is shared among threads. Numbers are those of `streams.py`, `laws.py`
// and `step_tables.py`, whose coefficients are in the generated `coefficients.h`.

#include "coefficients.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace {

constexpr int64_t TOGETHER = 1 << 13;  // synapses whose numbers are drawn together
constexpr int64_t FEW = 96;            // synapses that a comparison sort orders faster

struct Stream { uint64_t key[2]; };

// A table of delays, or given ones.
struct Steps {
    const uint64_t *thresholds;
    const int32_t *guide;
    const int32_t *given;
    Stream stream;
    int64_t count;
    int64_t first;
};

enum Kind : int64_t { CONSTANT, UNIFORM, NORMAL, LOGNORMAL };

struct Law {
    int64_t kind, mirrored;
    double location, scale, base, width, low, high;
};

// One number for each synapse of a pathway, drawn or given.
struct Numbers {
    const double *given;
    Stream stream;
    Law law;
};

// The synapses of neuron k of a source population are starts[k] to starts[k + 1]; their targets
// are given, or drawn from `width` neurons, of which the neuron itself is none if `skips_own`.
struct Pathway {
    const int64_t *starts;
    const int32_t *targets;
    Stream stream;
    int64_t width, skips_own, first_target, number;
    Steps axonal, dendritic;
    const Numbers *numbers;  // one for each variable
};

// Where the synapses of the population go: its own part of the columns of the synapse object.
struct Columns {
    const int64_t *starts;
    int32_t *post;
    char *axonal, *dendritic, *owner;  // without delays of their own: null
    int64_t axonal_bytes, dendritic_bytes, owner_bytes;
    double *const *variables;
    int64_t variable_count;
    int64_t post_bits, delay_bits;
};

inline uint64_t high_word(uint64_t a, uint64_t b) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

inline int64_t below(uint64_t word, uint64_t size) { return high_word(word, size); }

// Philox4x64-10: the four words with the numbers 4*block to 4*block + 3.
inline void four_words(const Stream &stream, uint64_t block, uint64_t *out) {
    uint64_t a = block + 1, b = 0, c = 0, d = 0, key0 = stream.key[0], key1 = stream.key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t next_a = high_word(0xCA5A826395121157, c) ^ b ^ key0;
        const uint64_t next_c = high_word(0xD2E7470EE14C6C93, a) ^ d ^ key1;
        b = 0xCA5A826395121157 * c;
        d = 0xD2E7470EE14C6C93 * a;
        a = next_a;
        c = next_c;
        key0 += 0x9E3779B97F4A7C15;
        key1 += 0xBB67AE8584CAA73B;
    }
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

void words(const Stream &stream, int64_t first, int64_t count, uint64_t *out) {
    uint64_t block[4];
    const int64_t end = first + count;
    while (first < end && (first % 4 || end - first < 4)) {
        four_words(stream, first / 4, block);
        const int64_t stop = std::min(end, first / 4 * 4 + 4);
        for (; first < stop; first++) *out++ = block[first % 4];
    }
    for (; first + 4 <= end; first += 4, out += 4) four_words(stream, first / 4, out);
    if (first < end) words(stream, first, end - first, out);
}

template <class To, class From> inline To bits_as(From value) {
    static_assert(sizeof(To) == sizeof(From));
    To made;
    std::memcpy(&made, &value, sizeof made);
    return made;
}

inline double fraction(uint64_t word) {
    return (bits_as<double>((word >> 12) | 0x3FF0000000000000) - 1.0) + 0x1p-53;
}

template <size_t N> inline double at(double x, const double (&coefficients)[N]) {
    double value = x * coefficients[0];
    for (size_t k = 1; k + 1 < N; k++) value = (value + coefficients[k]) * x;
    return value + coefficients[N - 1];
}

inline double logarithm(double x) {
    const int64_t bits = bits_as<int64_t>(x);
    double exponent = static_cast<double>(static_cast<int32_t>((bits >> 52) - 1023));
    double f = bits_as<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
    const bool above = f > SQUARE_ROOT_OF_2;
    f = (above ? 0.5 * f : f) - 1.0;
    exponent += above ? 1.0 : 0.0;
    const double s = f / (2.0 + f);
    const double z = s * s;
    const double half = 0.5 * f * f;
    return exponent * LN2_HIGH -
           ((half - (s * (half + z * at(z, LOGARITHM)) + exponent * LN2_LOW)) - f);
}

inline double exponential(double x) {
    x = x < -708.4 ? -708.4 : x;
    x = x > 709.9 ? 709.9 : x;
    const double magic = 6755399441055744.0;
    const double shifted = x * 1.4426950408889634 + magic;
    const double n = shifted - magic;
    const double r = (x - n * 0.693147180369123816490) - n * LN2_LOW;
    const double p = r + at(r, EXPONENTIAL) * r * r;
    const double half = bits_as<double>((bits_as<uint64_t>(shifted) + 1022) << 52);
    return (2.0 * p + 2.0) * half;
}

inline double tail_quantile(double p, double q) {
    const double r = std::sqrt(-logarithm(q < 0 ? p : 1.0 - p));
    const double tail = r > 5.0 ? at(r - 5.0, FAR_ABOVE) / at(r - 5.0, FAR_BELOW)
                                : at(r - 1.6, TAIL_ABOVE) / at(r - 1.6, TAIL_BELOW);
    return q < 0 ? -tail : tail;
}

inline double normal_quantile(double p) {
    const double q = p - 0.5;
    if (q > 0.425 || q < -0.425) return tail_quantile(p, q);
    const double r = 0.180625 - q * q;
    return at(r, MIDDLE_ABOVE) * q / at(r, MIDDLE_BELOW);
}

inline double within(const Law &law, double x) {
    x = x > law.low ? x : law.low;
    return x < law.high ? x : law.high;
}

inline uint64_t mixed(uint64_t word) {
    uint64_t x = word + 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

// A number between the bounds of a normal or lognormal law.
double quantile(const Law &law, uint64_t word) {
    const double u = fraction(word);
    const double p = law.base + law.width * (law.mirrored ? 1.0 - u : u);
    const double z = normal_quantile(p < LARGEST ? p : LARGEST);
    const double x = law.location + law.scale * (law.mirrored ? -z : z);
    return within(law, law.kind == LOGNORMAL ? exponential(x) : x);
}

// One number of a law for each word; in several passes, of which most are vector instructions.
void numbers_of(const Law &law, const uint64_t *drawn, int64_t count, double *out) {
    if (law.kind == CONSTANT) {
        std::fill(out, out + count, law.location);
        return;
    }
    if (law.kind == UNIFORM) {
        const double width = law.high - law.low;
        for (int64_t k = 0; k < count; k++)
            out[k] = within(law, law.low + width * fraction(drawn[k]));
        return;
    }
    double p[256];
    for (int64_t start = 0; start < count; start += 256) {
        const int64_t here = std::min<int64_t>(256, count - start);
        const uint64_t *word = drawn + start;
        double *x = out + start;
        for (int64_t k = 0; k < here; k++) p[k] = fraction(word[k]);
        for (int64_t k = 0; k < here; k++) {
            const double q = p[k] - 0.5;
            const double r = 0.180625 - q * q;
            x[k] = at(r, MIDDLE_ABOVE) * q / at(r, MIDDLE_BELOW);
        }
        for (int64_t k = 0; k < here; k++) {
            const double q = p[k] - 0.5;
            if (q > 0.425 || q < -0.425) x[k] = tail_quantile(p[k], q);
        }
        for (int64_t k = 0; k < here; k++) x[k] = law.location + law.scale * x[k];
        if (law.kind == LOGNORMAL)
            for (int64_t k = 0; k < here; k++) x[k] = exponential(x[k]);
        for (int64_t k = 0; k < here; k++)
            if (x[k] < law.low || x[k] > law.high) x[k] = quantile(law, mixed(word[k]));
    }
}

// Buffers of one thread.
struct Scratch {
    std::vector<uint64_t> drawn, row, other;
    std::vector<int32_t> targets, axonal, dendritic;
    std::vector<uint32_t> owner;
    std::vector<std::vector<double>> values;

    void fit(size_t count, int64_t variables) {
        values.resize(variables);
        if (drawn.size() >= count) return;
        drawn.resize(count), targets.resize(count), axonal.resize(count), dendritic.resize(count);
        owner.resize(count);
        for (auto &each : values) each.resize(count);
    }
};

void draw_steps(const Steps &steps, int64_t first, int64_t count, uint64_t *drawn, int32_t *out) {
    if (steps.given) {
        std::copy(steps.given + first, steps.given + first + count, out);
        return;
    }
    if (!steps.count) {
        std::fill(out, out + count, static_cast<int32_t>(steps.first));
        return;
    }
    words(steps.stream, first, count, drawn);
    for (int64_t k = 0; k < count; k++) {
        const uint64_t word = drawn[k] >> (64 - WORD_BITS);
        int32_t place = steps.guide[word >> (WORD_BITS - GUIDE_BITS)];
        while (place < steps.count && steps.thresholds[place] <= word) place++;
        out[k] = static_cast<int32_t>(steps.first) + place;
    }
}

// Everything that is drawn for the synapses of some neurons along one pathway, at `place`.
void draw_pathway(const Pathway &path, const Columns &columns, int64_t first_neuron,
                  int64_t end_neuron, int64_t place, Scratch &scratch) {
    const int64_t first = path.starts[first_neuron], count = path.starts[end_neuron] - first;
    if (!count) return;
    int32_t *targets = scratch.targets.data() + place;
    uint64_t *drawn = scratch.drawn.data();
    const auto offset = static_cast<int32_t>(path.first_target);
    if (path.targets) {
        for (int64_t k = 0; k < count; k++) targets[k] = path.targets[first + k] + offset;
    } else {
        words(path.stream, first, count, drawn);
        for (int64_t neuron = first_neuron; neuron < end_neuron; neuron++) {
            const int64_t own = path.skips_own ? neuron : path.width;
            for (int64_t k = path.starts[neuron] - first; k < path.starts[neuron + 1] - first; k++) {
                const int64_t target = below(drawn[k], path.width);
                targets[k] = static_cast<int32_t>(target + (target >= own)) + offset;
            }
        }
    }
    draw_steps(path.axonal, first, count, drawn, scratch.axonal.data() + place);
    if (columns.dendritic)
        draw_steps(path.dendritic, first, count, drawn, scratch.dendritic.data() + place);
    std::fill_n(scratch.owner.data() + place, count, static_cast<uint32_t>(path.number));
    for (int64_t v = 0; v < columns.variable_count; v++) {
        const Numbers &numbers = path.numbers[v];
        double *values = scratch.values[v].data() + place;
        if (numbers.given) {
            std::copy(numbers.given + first, numbers.given + first + count, values);
            continue;
        }
        if (numbers.law.kind != CONSTANT) words(numbers.stream, first, count, drawn);
        numbers_of(numbers.law, drawn, count, values);
    }
}

// Sort by the bits from `lowest` on, `bits` of them; what is equal there is in order already.
void sort_row(std::vector<uint64_t> &row, std::vector<uint64_t> &other, int lowest, int bits) {
    const auto size = static_cast<int64_t>(row.size());
    if (size < FEW) {
        std::sort(row.begin(), row.end());
        return;
    }
    const int most = size < 512 ? 6 : size < 2048 ? 8 : 11;
    const int passes = (bits + most - 1) / most;
    if (!passes) return;
    const int width = (bits + passes - 1) / passes;
    const uint64_t mask = (uint64_t{1} << width) - 1;
    other.resize(size);
    uint32_t next[1 << 11];
    for (int pass = 0; pass < passes; pass++) {
        const int shift = lowest + pass * width;
        std::fill_n(next, mask + 1, 0);
        for (uint64_t entry : row) next[(entry >> shift) & mask]++;
        uint32_t sum = 0;
        for (uint64_t digit = 0; digit <= mask; digit++) {
            const uint32_t count = next[digit];
            next[digit] = sum;
            sum += count;
        }
        for (uint64_t entry : row) other[next[(entry >> shift) & mask]++] = entry;
        row.swap(other);
    }
}

void store(char *column, int64_t bytes, int64_t place, uint32_t number) {
    if (bytes == 1) reinterpret_cast<uint8_t *>(column)[place] = static_cast<uint8_t>(number);
    else if (bytes == 2) reinterpret_cast<uint16_t *>(column)[place] = static_cast<uint16_t>(number);
    else reinterpret_cast<uint32_t *>(column)[place] = number;
}

// Sort the synapses of one neuron, whose entries are in scratch.row, and write them.
void write_row(const Columns &columns, int64_t place, int index_bits, Scratch &scratch) {
    auto &row = scratch.row;
    sort_row(row, scratch.other, index_bits, columns.post_bits + columns.delay_bits);
    const uint64_t index_mask = (uint64_t{1} << index_bits) - 1;
    const auto count = static_cast<int64_t>(row.size());
    for (int64_t k = 0; k < count; k++) row[k] &= index_mask;
    for (int64_t k = 0; k < count; k++) columns.post[place + k] = scratch.targets[row[k]];
    if (columns.axonal)
        for (int64_t k = 0; k < count; k++)
            store(columns.axonal, columns.axonal_bytes, place + k, scratch.axonal[row[k]]);
    if (columns.dendritic)
        for (int64_t k = 0; k < count; k++)
            store(columns.dendritic, columns.dendritic_bytes, place + k, scratch.dendritic[row[k]]);
    for (int64_t k = 0; k < count; k++)
        store(columns.owner, columns.owner_bytes, place + k, scratch.owner[row[k]]);
    for (int64_t v = 0; v < columns.variable_count; v++) {
        double *out = columns.variables[v] + place;
        const double *values = scratch.values[v].data();
        for (int64_t k = 0; k < count; k++) out[k] = values[row[k]];
    }
}

int bits_of(uint64_t number) {
    int bits = 0;
    while (number >> bits) bits++;
    return bits;
}

}  // namespace

extern "C" {

// How many of some words stand for each of `size` numbers, added to `counts`.
void count_below(const Stream *stream, int64_t first, int64_t end, int64_t size, int64_t *counts) {
    uint64_t drawn[1024];
    for (; first < end; first += 1024) {
        const int64_t count = std::min<int64_t>(1024, end - first);
        words(*stream, first, count, drawn);
        for (int64_t k = 0; k < count; k++) counts[below(drawn[k], size)]++;
    }
}

// `degree` partners of each of some neurons, drawn from `width` with replacement.
void draw_partners(const Stream *stream, int64_t first, int64_t end, int64_t degree, int64_t width,
                   int64_t skips_own, int32_t *out) {
    std::vector<uint64_t> drawn(degree);
    for (int64_t neuron = first; neuron < end; neuron++) {
        words(*stream, neuron * degree, degree, drawn.data());
        const int64_t own = skips_own ? neuron : width;
        for (int64_t k = 0; k < degree; k++) {
            const int64_t partner = below(drawn[k], width);
            *out++ = static_cast<int32_t>(partner + (partner >= own));
        }
    }
}

// The same without replacement, by Floyd's algorithm, in their order.
void draw_distinct(const Stream *stream, int64_t first, int64_t end, int64_t degree, int64_t width,
                   int64_t skips_own, int32_t *out) {
    std::vector<uint64_t> drawn(degree), chosen(width / 64 + 1);
    for (int64_t neuron = first; neuron < end; neuron++) {
        words(*stream, neuron * degree, degree, drawn.data());
        for (int64_t k = 0; k < degree; k++) {
            const int64_t last = width - degree + k;
            int64_t partner = below(drawn[k], last + 1);
            if (chosen[partner / 64] >> (partner % 64) & 1) partner = last;
            chosen[partner / 64] |= uint64_t{1} << (partner % 64);
            out[k] = static_cast<int32_t>(partner);
        }
        if (degree * 16 > width / 64) {  // reading all bits is faster than sorting
            int32_t *next = out;
            for (size_t word = 0; word < chosen.size(); word++)
                for (uint64_t left = std::exchange(chosen[word], 0); left; left &= left - 1)
                    *next++ = static_cast<int32_t>(64 * word + __builtin_ctzll(left));
        } else {
            std::sort(out, out + degree);
            for (int64_t k = 0; k < degree; k++) chosen[out[k] / 64] = 0;
        }
        const int64_t own = skips_own ? neuron : width;
        for (int64_t k = 0; k < degree; k++) out[k] += out[k] >= own;
        out += degree;
    }
}

// Each pair of some sources and all targets with one probability, row by row: the gaps between the
// chosen ones are geometric. Returns how many there are, or -1 if they are more than `capacity`.
int64_t draw_pairs(const Stream *stream, int64_t first_word, double inverse_log, int64_t first,
                   int64_t end, int64_t n_post, int64_t skips_own, int64_t capacity,
                   int64_t *counts, int32_t *targets) {
    uint64_t drawn[256];
    double gaps[256];
    const int64_t pool = (end - first) * n_post;
    int64_t position = -1, row = 0, row_start = 0, made = 0;
    std::fill(counts, counts + (end - first), 0);
    for (;; first_word += 256) {
        words(*stream, first_word, 256, drawn);
        for (int k = 0; k < 256; k++)
            gaps[k] = std::floor(logarithm(fraction(drawn[k])) * inverse_log);
        for (int k = 0; k < 256; k++) {
            position += 1 + static_cast<int64_t>(std::min(gaps[k], static_cast<double>(pool)));
            if (position >= pool) return made;
            if (position - row_start >= n_post) {
                row = position / n_post;
                row_start = row * n_post;
            }
            const int64_t target = position - row_start;
            if (skips_own && target == first + row) continue;
            if (made == capacity) return -1;
            targets[made++] = static_cast<int32_t>(target);
            counts[row]++;
        }
    }
}

// Sort synapses that are listed target by target, `degree` of each, by source: the next target of
// source k goes to the place next[k].
void by_source(const int32_t *sources, int64_t first, int64_t end, int64_t degree, int64_t *next,
               int32_t *targets) {
    for (int64_t target = first; target < end; target++)
        for (int64_t k = 0; k < degree; k++)
            targets[next[*sources++]++] = static_cast<int32_t>(target);
}

void count_sources(const int32_t *sources, int64_t count, int64_t *counts) {
    for (int64_t k = 0; k < count; k++) counts[sources[k]]++;
}

// Draw the synapses of some neurons along all pathways from their population, in order: by neuron,
// delay, target, pathway, and as they were drawn.
void draw_rows(const Pathway *paths, int64_t path_count, const Columns *columns, int64_t first,
               int64_t end) {
    const int64_t *starts = columns->starts;
    Scratch scratch;
    std::vector<int64_t> places(path_count + 1);
    while (first < end) {
        int64_t stop = first + 1;
        while (stop < end && starts[stop + 1] - starts[first] <= TOGETHER) stop++;
        const int64_t count = starts[stop] - starts[first];
        scratch.fit(count, columns->variable_count);
        for (int64_t p = 0; p < path_count; p++) {
            draw_pathway(paths[p], *columns, first, stop, places[p], scratch);
            places[p + 1] = places[p] + paths[p].starts[stop] - paths[p].starts[first];
        }
        const int index_bits = bits_of(count);
        const int post_bits = static_cast<int>(columns->post_bits);
        for (int64_t neuron = first; neuron < stop; neuron++) {
            scratch.row.clear();
            for (int64_t p = 0; p < path_count; p++) {
                const int64_t *own = paths[p].starts;
                const int64_t shift = places[p] - own[first];
                for (int64_t k = own[neuron] + shift; k < own[neuron + 1] + shift; k++) {
                    const uint64_t delay = columns->delay_bits ? scratch.axonal[k] : 0;
                    const uint64_t key = delay << post_bits | uint64_t(scratch.targets[k]);
                    scratch.row.push_back(key << index_bits | uint64_t(k));
                }
            }
            write_row(*columns, starts[neuron], index_bits, scratch);
        }
        first = stop;
    }
}

}  // extern "C"
