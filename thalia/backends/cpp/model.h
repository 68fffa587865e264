// What the code of a circuit and the server that runs it have in common. It is precompiled once per
// compiler and flags, together with the functions that equations may call.
//
// Brian2 writes the code of the objects, which finds its names in the namespace `brian`.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "random_numbers.h"
#include "sleep.h"

using namespace std;  // the templates of Brian2 expect it

extern RandomKey random_key;

// Leaves numbers as they are found where there are more of them, since they are written next: memory
// that nobody has written to yet is none that is used.
template <class T> struct Untouched : std::allocator<T> {
    template <class U> struct rebind { using other = Untouched<U>; };
    template <class U> void construct(U *place) { ::new (static_cast<void *>(place)) U; }
    template <class U, class... Values> void construct(U *place, Values &&...values) {
        ::new (static_cast<void *>(place)) U(std::forward<Values>(values)...);
    }
};
// A variable of synapses.
template <class T> using Numbers = std::vector<T, Untouched<T>>;

// What is the same for every circuit is compiled with the server.
extern template class std::vector<double>;
extern template class std::vector<int32_t>;
extern template class std::vector<double, Untouched<double>>;
extern template class std::vector<int32_t, Untouched<int32_t>>;

// A clock: its variables are arrays of the model.
struct Clock {
    int64_t *timestep;
    double *t, *dt;

    void tick() {
        timestep[0] += 1;
        t[0] = timestep[0] * dt[0];
    }
};

// Of a number, as Brian2 calls it.
template <class T> inline int int_(T value) { return (int)value; }

// The parts of all neurons or synapses that a thread works on: from `begin` to before `end`, of as
// many as there are threads at most.
struct Slice {
    int32_t begin, end, parts;

    bool is_all() const { return !begin && end == parts; }
    size_t first(size_t size) const { return size * begin / parts; }
    size_t last(size_t size) const { return size * end / parts; }
};

// How the neurons of a group are divided into parts, and which of them have spiked in this step.
struct Slices {
    size_t size;
    std::vector<int32_t> bounds;           // of the parts, each but the last a multiple of a block
    std::vector<int32_t> found;            // spikes of each part, from its first neuron's place on
    std::vector<int32_t> counts, offsets;  // of those of each part, and their places among all

    explicit Slices(size_t size);
    void divide(const std::vector<double> &costs, int32_t parts);
    size_t first(const Slice &slice) const { return bounds[slice.begin]; }
    size_t last(const Slice &slice) const { return bounds[slice.end]; }
    void note(const Slice &slice, int32_t count) { counts[slice.begin] = count; }
    void collect(int32_t *spikes);
};

// An array that an object reads or writes, and how its elements are divided among threads where
// each thread has its own; "" where a thread may read or write those of another.
struct Touch { const char *array, *division; bool is_written; };

// How an object is run by several threads: by one that has all of it, or each has a slice.
enum class Run { after_all, by_one, by_each };

class SynapticPathway;

struct Object {
    const char *name;
    void (*run)(const Slice &);
    Run how;
    std::vector<Touch> touches;
    bool is_source = false;                // of prescribed spikes
    Slices *spikes = nullptr;              // of a threshold: where it notes them
    SynapticPathway *by_target = nullptr;  // of arrivals that are divided by their targets

    void operator()(const Slice &slice) const { run(slice); }
};

// The objects that run in a step, in their order.
struct Network {
    std::vector<std::pair<Clock *, const Object *>> objects;

    void clear() { objects.clear(); }
    void add(Clock *clock, const Object &object) { objects.emplace_back(clock, &object); }
};

// Positions in the order of a pathway: those of a bundle, the synapses of one neuron with one delay,
// or a part of them.
struct Range { int32_t start, stop, bundle; };

// Spikes in flight are ranges, one for each neuron that spiked and each of its delays. They arrive
// in the order in which they were pushed, and within a range in the order of the synapses, as from
// Brian2's own queue.
class SynapticPathway
{
public:
    const Numbers<int32_t> &neurons;  // of each synapse, the one whose spikes it receives
    const Numbers<int32_t> &targets;  // and its target
    const Slices &slices;                 // of the targets
    bool is_by_target = false;            // whether threads have the synapses of their own targets
    bool is_sorted_by_target = false;     // within each bundle
    std::vector<int32_t> order;  // synapses by (neuron, delay); empty if they are sorted already
    // in_flight[(present + d) % size] arrives in d steps
    std::vector<std::vector<Range>> in_flight{1};
    int32_t present = 0;

    SynapticPathway(const Numbers<int32_t> &neurons, int32_t first_neuron, int32_t end_neuron,
                    const Numbers<int32_t> &targets, const Slices &slices);
    ~SynapticPathway();

    // Sort synapses by (neuron, delay); `delays` has one number of steps per synapse or for all.
    void link(const int32_t *delays, size_t count)
    {
        const bool one = count == 1;
        const size_t synapses = neurons.size();
        order.clear();
        bundles.clear();
        stops.clear();
        linked_starts.clear();
        is_sorted_by_target = false;
        splits.clear();
        int32_t longest = 0;
        for (size_t k = 0; k < count; k++) longest = std::max(longest, delays[k]);
        in_flight.assign(longest + 1, {});
        const auto delay = [=](size_t synapse) { return delays[one ? 0 : synapse]; };
        bool is_sorted = true;
        for (size_t k = 1; k < synapses && is_sorted; k++)
            is_sorted = neurons[k - 1] < neurons[k] ||
                        (neurons[k - 1] == neurons[k] && delay(k - 1) <= delay(k));
        if (!is_sorted) sort(delay);
        for (int pass = 0; pass < 2; pass++) {  // count, so that no memory is wasted, then write
            size_t made = 0;
            for (size_t k = 0; k < synapses; k++) {
                const size_t synapse = is_sorted ? k : order[k];
                const size_t last = k ? (is_sorted ? k - 1 : order[k - 1]) : 0;
                if (k && neurons[synapse] == neurons[last] && delay(synapse) == delay(last))
                    continue;
                if (pass) {
                    bundles[made] = {static_cast<int32_t>(k), delay(synapse)};
                    bundles_of[neurons[synapse] - first_neuron + 1] = made + 1;
                }
                made++;
            }
            if (!pass) bundles.resize(made + 1);
        }
        bundles.back() = {static_cast<int32_t>(synapses), 0};
        for (size_t k = 1; k < bundles_of.size(); k++)
            bundles_of[k] = std::max(bundles_of[k], bundles_of[k - 1]);
    }

    size_t neuron_count() const { return bundles_of.size() - 1; }

    // The same for synapses that are sorted already, those of neuron k from starts[k] on.
    template <class Delay>
    void link_rows(const std::vector<int64_t> &starts, const Delay *delays, size_t count)
    {
        const bool one = count == 1;
        order.clear();
        bundles.clear();
        stops.clear();
        linked_starts.clear();
        is_sorted_by_target = false;
        int32_t longest = 0;
        for (size_t k = 0; k < count; k++)
            longest = std::max(longest, static_cast<int32_t>(delays[k]));
        in_flight.assign(longest + 1, {});
        for (size_t neuron = 0; neuron < neuron_count(); neuron++) {
            for (int64_t k = starts[neuron]; k < starts[neuron + 1]; k++) {
                const int32_t delay = delays[one ? 0 : k];
                if (k == starts[neuron] || delay != bundles.back().delay)
                    bundles.push_back({static_cast<int32_t>(k), delay});
            }
            bundles_of[neuron + 1] = bundles.size();
        }
        bundles.push_back({static_cast<int32_t>(starts.back()), 0});
        bundles.shrink_to_fit();
    }

    void push(const int32_t *spikes, int32_t count)
    {
        const size_t steps = in_flight.size();
        const int32_t end_neuron = first_neuron + bundles_of.size() - 1;
        for (int32_t k = 0; k < count; k++) {
            if (spikes[k] < first_neuron || spikes[k] >= end_neuron) continue;
            const int32_t neuron = spikes[k] - first_neuron;
            for (int32_t b = bundles_of[neuron]; b < bundles_of[neuron + 1]; b++) {
                size_t slot = present + bundles[b].delay;
                if (slot >= steps) slot -= steps;
                in_flight[slot].push_back({bundles[b].start, stop(b), b});
            }
        }
    }

    void advance()
    {
        in_flight[present].clear();
        present = (present + 1) % in_flight.size();
    }

    const std::vector<Range> &arriving() const { return in_flight[present]; }

    // Of a bundle that arrives, the synapses that are in a slice.
    Range own(const Range &all, const Slice &slice) const
    {
        if (slice.is_all()) return all;
        if (!is_by_target) {
            const size_t size = all.stop - all.start;
            return {int32_t(all.start + slice.first(size)), int32_t(all.start + slice.last(size)),
                    all.bundle};
        }
        const int32_t *const inner = &splits[size_t(all.bundle) * (slice.parts - 1)];
        return {slice.begin ? inner[slice.begin - 1] : all.start,
                slice.end < slice.parts ? inner[slice.end - 1] : all.stop, all.bundle};
    }
    void prefetch(const Range &all, const Slice &slice) const
    {
        if (is_by_target && !slice.is_all())
            __builtin_prefetch(&splits[size_t(all.bundle) * (slice.parts - 1)]);
    }

    size_t count_bundles() const { return bundles.size() - 1; }
    void allow_splits(int32_t parts) { splits.resize(is_by_target ? count_bundles() * (parts - 1) : 0); }
    void split(size_t from, size_t to, int32_t parts);  // some of the bundles
    void sort_by_target();
    int32_t bundle_from(int32_t start) const;
    // Leave synapses out whose flag is zero: in each bundle the others come first, in their order.
    void pass_by(const double *flags, size_t stride);
    // Have only some of those that were linked, which are in the arrays now, in their order.
    void leave_out(const std::vector<bool> &connected);
    // A range in flight by its place among all that were linked, and back.
    Range linked(const Range &range) const;
    Range in_memory(int32_t start, int32_t stop) const;

private:
    struct Bundle { int32_t start, delay; };
    int32_t first_neuron;
    std::vector<int32_t> bundles_of;  // the first bundle of each neuron
    std::vector<Bundle> bundles;      // and one more, which marks the end of the last
    std::vector<int32_t> linked_starts;  // of the bundles among all, if some are left out of memory
    std::vector<int32_t> stops;  // where those to which spikes go end; empty if they go to all
    std::vector<int32_t> splits;      // where in each bundle the parts begin, but the first

    int32_t stop(size_t bundle) const {
        return stops.empty() ? bundles[bundle + 1].start : stops[bundle];
    }
    template <class Delay> void sort(const Delay &delay)
    {
        std::vector<size_t> next(bundles_of.size() + 1);
        for (int32_t neuron : neurons) next[neuron - first_neuron + 1]++;
        std::partial_sum(next.begin(), next.end(), next.begin());
        const std::vector<size_t> starts = next;
        order.resize(neurons.size());
        for (size_t k = 0; k < neurons.size(); k++) order[next[neurons[k] - first_neuron]++] = k;
        const auto sooner = [&](int32_t a, int32_t b) { return delay(a) < delay(b); };
        for (size_t k = 0; k + 1 < starts.size(); k++)
            std::stable_sort(order.begin() + starts[k], order.begin() + starts[k + 1], sooner);
    }
};

// A place among the synapses at which spikes arrive, some of them ahead of the one whose turn it is.
class Ahead
{
    const SynapticPathway &path;
    const Slice slice;
    size_t next_range = 0;
    Range range{0, 0, 0};

public:
    Ahead(const SynapticPathway &path, const Slice &slice, int32_t synapses)
        : path(path), slice(slice) {
        begin_range();
        for (int32_t k = 0; k < synapses && !is_over(); k++) next();
    }

    bool is_over() const { return range.start == range.stop; }
    int32_t position() const { return range.start; }
    void next() {
        if (++range.start == range.stop) begin_range();
    }

private:
    void begin_range() {
        const std::vector<Range> &arriving = path.arriving();
        while (is_over() && next_range < arriving.size())
            range = path.own(arriving[next_range++], slice);
    }
};

// Variables of synapses side by side, `width` of each, so that a synapse that is alone where it is
// in memory is fetched as a whole.
template <class T> struct Records {
    struct alignas(64) Line { T items[64 / sizeof(T)]; };
    std::vector<Line> lines;
    size_t count = 0;
    const size_t width;

    explicit Records(size_t width) : width(width) {}
    T *data() { return reinterpret_cast<T *>(lines.data()); }
    void resize(size_t length) {
        count = length;
        lines.resize((length * width * sizeof(T) + sizeof(Line) - 1) / sizeof(Line));
        if (!length) lines.shrink_to_fit();
    }
};

// One of them, in place of a vector.
template <class T> struct Column {
    Records<T> &records;
    size_t place;

    bool empty() const { return !records.count; }
    size_t size() const { return records.count; }
    void resize(size_t length) { records.resize(length); }
    T &operator[](size_t k) { return records.data()[k * records.width + place]; }
};

// An array of the model by name: a vector or a column if it is one of synapses, else a pointer and a
// length.
struct Array {
    const char *name;
    void *held;
    size_t item;
    char *(*data_of)(void *);
    size_t count;
    size_t (*count_of)(void *);  // of a vector or column, as `resize_to` is
    void (*resize_to)(void *, size_t);
    size_t stride = 1;  // from one number to the next

    char *data() const { return data_of(held); }
    size_t length() const { return count_of ? count_of(held) : count; }
};

// Functions by type, not by array, and those of the server.
template <class T> struct Access {
    static size_t count_of(void *vector);
    static char *data_of(void *vector);
    static char *data_at(void *pointer);
    static void resize_to(void *vector, size_t length);
};

template <class T> constexpr Array named(const char *name, Numbers<T> &vector) {
    return {name, &vector, sizeof(T), Access<T>::data_of, 0,
            Access<T>::count_of, Access<T>::resize_to};
}
template <class T> Array named(const char *name, Column<T> &column) {
    return {name, &column, sizeof(T),
            [](void *held) {
                const Column<T> &each = *static_cast<Column<T> *>(held);
                return (char *)(each.records.data() + each.place);
            },
            0, [](void *held) { return static_cast<Column<T> *>(held)->size(); },
            [](void *held, size_t length) { static_cast<Column<T> *>(held)->resize(length); },
            column.records.width};
}
template <class T> constexpr Array named(const char *name, T *&pointer, size_t count) {
    return {name, &pointer, sizeof(T), Access<T>::data_at, count, nullptr, nullptr};
}

// The spikes in flight along a pathway, and the spikes of a step of a group.
struct Queue { const char *name; SynapticPathway *pathway; };
struct Source { const char *name; int32_t *spikes; Slices *slices; };

// The neurons of a group that may be asleep, and how they are divided.
struct Sleeping { Sleepers *sleepers; const Slices *slices; };

// What the server knows of a circuit.
struct Circuit {
    std::vector<Array> arrays;
    std::vector<Queue> queues;
    std::vector<Source> sources;
    std::vector<Slices *> slices;  // of all groups
    std::vector<Sleeping> sleepers;
    Clock &clock;
};

// Executes commands until `start`, or where there is a network that can run, until the end.
void thalia_serve(const Circuit &circuit, Network *network);
