// The part of a compiled circuit that communicates with Thalia over a pipe: it loads arrays, runs
// steps, and returns spikes and state. All it changes are arrays of the model and the random
// generator; it has no state of its own. It is the same for every circuit, and compiled once.

#include "common.h"
#include "connection.h"
#include "random_lanes.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace {

using namespace brian;

// What is read and written: set when the program starts.
const Circuit *circuit = nullptr;

struct Drive {
    double *target;
    const double *weight;
    const char *open;  // whether each neuron takes input, or null where all do
    size_t first, size;  // the neurons of the group that it reaches
    double mean;
    uint32_t stream;
    // the numbers of events of its first block, of those that are whole, and of its last
    std::vector<PoissonTable> tables;

    size_t stop() const { return first + size; }
    size_t in_block(size_t start) const {
        return std::min<size_t>(stop(), (start | (BLOCK - 1)) + 1) - start;
    }
    int32_t events(size_t start, double u) const {
        const size_t reached = in_block(start);
        const PoissonTable &table = tables[reached == BLOCK ? 1 : start == first ? 0 : 2];
        const auto found = std::lower_bound(table.at_most.begin(), table.at_most.end(), u);
        return table.least + (found - table.at_most.begin());
    }
};
struct Sample {
    const double *variable;
    int64_t every;
    std::vector<int32_t> neurons;
    std::vector<double> values;
};

using Ticks = std::chrono::steady_clock;

// Nanoseconds spent on drives, on spikes and samples, and on each object, if profiling is on.
struct Profile { bool wanted = false; std::vector<int64_t> spent; } profile;

// Adds the time since it was last asked to one of the parts of a step.
struct Stopwatch {
    Ticks::time_point last = profile.wanted ? Ticks::now() : Ticks::time_point{};
    void lap(size_t part) {
        if (!profile.wanted) return;
        const Ticks::time_point now = Ticks::now();
        using Nanoseconds = std::chrono::nanoseconds;
        profile.spent[part] += std::chrono::duration_cast<Nanoseconds>(now - last).count();
        last = now;
    }
};

// Steps between flushes, at which the objects of the clock `epoch` run; 0 for never.
int64_t flush_interval = 0;
std::vector<Drive> drives;
std::vector<Sample> samples;

// Adds the events of the blocks of a slice of neurons.
void deliver_to_blocks(const Drive &drive, int64_t step, size_t first, size_t stop) {
    static thread_local ManyWords totals, events;
    totals.clear();
    for (size_t start = first; start < stop; start = (start | (BLOCK - 1)) + 1)
        totals.add(start, 0);
    totals.draw(random_key, drive.stream, step);
    for (size_t k = 0; k < totals.count; k++) {
        const size_t start = totals.index[k], size = drive.in_block(start);
        const int32_t count = drive.events(start, unit_interval(totals.a[k], totals.b[k]));
        events.clear();
        for (int32_t call = 0; 4 * call < count; call++) events.add(start, 1 + call);
        events.draw(random_key, drive.stream, step);
        for (int32_t call = 0, left = count; left > 0; call++, left -= 4) {
            const uint32_t words[] = {events.a[call], events.b[call], events.c[call],
                                      events.d[call]};
            for (int32_t event = 0; event < std::min(left, 4); event++) {
                const size_t neuron = start + neuron_in_block(words[event], size);
                if (!drive.open || drive.open[neuron]) drive.target[neuron] += drive.weight[neuron];
            }
        }
    }
}

void deliver(const Drive &drive, int64_t step) {
    if (drive.mean < FEW) return deliver_to_blocks(drive, step, drive.first, drive.stop());
    for (size_t neuron = drive.first; neuron < drive.stop(); neuron++) {
        const int32_t count = poisson(drive.mean, 0, random_key, drive.stream, step, neuron, 0);
        if (!drive.open || drive.open[neuron]) drive.target[neuron] += count * drive.weight[neuron];
    }
}

void take(Sample &sample, int64_t step) {
    if (step % sample.every) return;
    for (int32_t neuron : sample.neurons) sample.values.push_back(sample.variable[neuron]);
}

const Array &array(const char *name) {
    for (const Array &each : circuit->arrays)
        if (!std::strcmp(each.name, name)) return each;
    die("unknown array", name);
}

// An array, which is now of so many bytes.
const Array &sized_array(const char *name, size_t bytes) {
    const Array &found = array(name);
    if (found.resize_to) found.resize_to(found.held, bytes / found.item);
    if (found.length() * found.item != bytes) die("length mismatch for", name);
    return found;
}

void write_array(const char *name, size_t bytes) {
    const Array &into = sized_array(name, bytes);
    receive(into.data(), bytes);
    send_count(into.length());
}

void read_array(const char *name) {
    const Array &from = array(name);
    send_count(from.length() * from.item);
    send(from.data(), from.length() * from.item);
}

// Where an array is, for who copies it into or out of this process's memory.
void send_place(const Array &where) {
    send_count(where.length() * where.item);
    send_count(reinterpret_cast<uintptr_t>(where.data()));
}

void place_array(const char *name, size_t bytes) { send_place(sized_array(name, bytes)); }

void find_array(const char *name) { send_place(array(name)); }

// An array of synapses, all of which are zero.
void clear_array(const char *name, size_t bytes) {
    sized_array(name, 0);
    sized_array(name, bytes);
}

SynapticPathway &pathway(const char *name) {
    for (const Queue &each : circuit->queues)
        if (!std::strcmp(each.name, name)) return *each.pathway;
    die("unknown queue", name);
}

void link_synapses(const char *name, size_t bytes) {
    const std::vector<int32_t> delays = receive_numbers(bytes);
    pathway(name).link(delays.data(), delays.size());
}

// As `link`, for synapses that are sorted by (neuron, delay), neuron k having those from starts[k]
// to starts[k + 1]; of delays there is one for all, or one for each synapse in so many bytes.
void link_rows(char *arguments) {
    char name[512];
    size_t item, count;
    if (std::sscanf(arguments, "%511s %zu %zu", name, &item, &count) != 3) die("malformed link");
    SynapticPathway &into = pathway(name);
    std::vector<int64_t> starts(into.neuron_count() + 1);
    receive(starts.data(), starts.size() * sizeof(int64_t));
    std::vector<char> delays(item * count);
    receive(delays.data(), delays.size());
    const void *all = delays.data();
    if (item == 1) into.link_rows(starts, static_cast<const uint8_t *>(all), count);
    else if (item == 2) into.link_rows(starts, static_cast<const uint16_t *>(all), count);
    else into.link_rows(starts, static_cast<const int32_t *>(all), count);
}

// A queue as integers: the present slot, the number of slots, the number of ranges in each, and the
// ranges.
void read_queue(const char *name) {
    const SynapticPathway &from = pathway(name);
    std::vector<int32_t> numbers{from.present, static_cast<int32_t>(from.in_flight.size())};
    for (const auto &step : from.in_flight) numbers.push_back(step.size());
    for (const auto &step : from.in_flight)
        for (const Range &range : step) numbers.insert(numbers.end(), {range.start, range.stop});
    send_all(numbers);
}

void write_queue(const char *name, size_t bytes) {
    const std::vector<int32_t> numbers = receive_numbers(bytes);
    SynapticPathway &into = pathway(name);
    const size_t steps = numbers[1];
    if (steps != into.in_flight.size()) die("number of steps mismatch for", name);
    const int32_t *next = numbers.data() + 2 + steps;
    into.present = numbers[0];
    for (size_t k = 0; k < steps; k++) {
        into.in_flight[k].resize(numbers[2 + k]);
        for (Range &range : into.in_flight[k]) {
            range = {next[0], next[1]};
            next += 2;
        }
    }
    send_count(numbers.size());
}

void read_random() {
    send_count(sizeof random_key);
    send(&random_key, sizeof random_key);
}

void write_random(size_t bytes) {
    if (bytes != sizeof random_key) die("state of another random generator");
    receive(&random_key, bytes);
    send_count(bytes / sizeof random_key.first);
}

void flush(Network &network) {
    for (auto &object : network.objects)
        if (object.first != &circuit->clock) object.second();
}

void run_steps(Network &network, int64_t steps) {
    const auto &all = circuit->sources;
    std::vector<std::vector<int64_t>> times(all.size());
    std::vector<std::vector<int32_t>> neurons(all.size());
    Clock &clock = circuit->clock;
    if (profile.wanted) profile.spent.resize(2 + network.objects.size());
    Stopwatch watch;
    for (int64_t k = 0; k < steps; k++) {
        const int64_t step = clock.timestep[0];
        for (auto &sample : samples) take(sample, step);
        watch.lap(1);
        for (auto &drive : drives) deliver(drive, step);
        watch.lap(0);
        const bool is_due = flush_interval && step && step % flush_interval == 0;
        for (size_t part = 0; part < network.objects.size(); part++) {
            const auto &object = network.objects[part];
            if (object.first != &clock && !is_due) continue;
            object.second();
            watch.lap(2 + part);
        }
        for (size_t s = 0; s < all.size(); s++) {
            const int32_t *spikes = all[s].spikes;
            const int32_t count = spikes[all[s].neurons];
            times[s].insert(times[s].end(), count, step);
            neurons[s].insert(neurons[s].end(), spikes, spikes + count);
        }
        clock.tick();
        watch.lap(1);
    }
    for (size_t s = 0; s < all.size(); s++) {
        send_all(times[s]);
        send_all(neurons[s]);
    }
    for (auto &sample : samples) {
        send_all(sample.values);
        sample.values.clear();
    }
}

void add_drive(char *arguments) {
    char target[300], weight[300], open[300];
    Drive drive{};
    if (std::sscanf(arguments, "%299s %299s %299s %zu %zu %la %u", target, weight, open,
                    &drive.first, &drive.size, &drive.mean, &drive.stream) != 7)
        die("malformed drive");
    const size_t last = std::max<size_t>(drive.first, (drive.stop() - 1) & ~size_t(BLOCK - 1));
    for (const size_t size : {drive.in_block(drive.first), size_t(BLOCK), drive.in_block(last)})
        if (drive.mean < FEW) drive.tables.emplace_back(drive.mean * size);
    drive.target = reinterpret_cast<double *>(array(target).data());
    drive.weight = reinterpret_cast<const double *>(array(weight).data());
    // a refractory neuron takes no input
    if (std::strcmp(open, "-")) drive.open = array(open).data();
    drives.push_back(drive);
}

void add_sample(char *arguments) {
    char name[512];
    long long every;
    size_t count;
    if (std::sscanf(arguments, "%511s %lld %zu", name, &every, &count) != 3)
        die("malformed sample");
    const auto *variable = reinterpret_cast<const double *>(array(name).data());
    Sample sample{variable, every, std::vector<int32_t>(count), {}};
    receive(sample.neurons.data(), count * sizeof(int32_t));
    samples.push_back(std::move(sample));
}

// Traces of silent neurons decay to subnormal numbers, whose arithmetic is a hundred times slower.
void flush_tiny_numbers_to_zero() {
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

}  // namespace

RandomKey brian::random_key;

template class std::vector<double>;
template class std::vector<int32_t>;

SynapticPathway::SynapticPathway(const std::vector<int32_t> &neurons, int32_t first_neuron,
                                 int32_t end_neuron)
    : neurons(neurons), first_neuron(first_neuron), bundles_of(end_neuron - first_neuron + 1) {}
SynapticPathway::~SynapticPathway() = default;

template <class T> size_t Access<T>::count_of(void *vector) {
    return static_cast<std::vector<T> *>(vector)->size();
}
template <class T> char *Access<T>::data_of(void *vector) {
    return (char *)static_cast<std::vector<T> *>(vector)->data();
}
template <class T> char *Access<T>::data_at(void *pointer) {
    return (char *)*static_cast<T **>(pointer);
}
template <class T> void Access<T>::resize_to(void *held, size_t length) {
    auto &vector = *static_cast<std::vector<T> *>(held);
    vector.resize(length);
    if (!length) vector.shrink_to_fit();
}
template struct Access<double>;
template struct Access<float>;
template struct Access<int64_t>;
template struct Access<int32_t>;
template struct Access<char>;

// Executes commands, one per line, until `start`, after which the program continues, or `end`.
void thalia_serve(const Circuit &served, Network *network) {
    circuit = &served;
    flush_tiny_numbers_to_zero();
    Command command;
    while (command.read()) {
        if (command.is("start")) return;
        if (command.is("end")) break;
        if (command.is("write")) command.sized(write_array);
        else if (command.is("place")) command.sized(place_array);
        else if (command.is("find")) find_array(command.arguments);
        else if (command.is("clear")) command.sized(clear_array);
        else if (command.is("link")) command.sized(link_synapses);
        else if (command.is("link_rows")) link_rows(command.arguments);
        else if (command.is("read")) read_array(command.arguments);
        else if (command.is("read_queue")) read_queue(command.arguments);
        else if (command.is("read_random")) read_random();
        else if (command.is("write_random")) write_random(command.number());
        else if (command.is("write_queue")) command.sized(write_queue);
        else if (command.is("seed")) random_key = command.key();
        else if (command.is("flush_interval")) flush_interval = command.number();
        else if (command.is("drive")) add_drive(command.arguments);
        else if (command.is("sample")) add_sample(command.arguments);
        else if (command.is("profile")) profile.wanted = true;
        else if (command.is("profiled")) send_all(profile.spent);
        else if (command.is("flush") && network) flush(*network);
        else if (command.is("run") && network) run_steps(*network, command.number());
        else die("unknown command", command.line);
        std::fflush(stdout);
    }
    std::fflush(nullptr);
    std::_Exit(0);
}
