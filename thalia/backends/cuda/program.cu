// A circuit on a GPU. Arrays live on the device; a step is a few kernels in a graph, which is launched
// for many steps at once.
//
// Spikes in flight are the neurons that spiked in the last steps, in a ring buffer for each group: in
// every step each pathway looks up the neurons that spiked one of its delays ago, and visits the
// synapses that they have with that delay.
// Random numbers are functions of (seed, object, step, neuron): there is no generator to keep.

#include "connection.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>

#include <cuda_runtime.h>

#define CHECK(call) check(call, #call)
#define NOW(step) \
    const double _value_array_defaultclock_dt = DT, _value_array_defaultclock_t = (step) * DT; \
    const int64_t _value_array_defaultclock_timestep = step;
#define ALL_OF(index, size) (size_t index = blockIdx.x * size_t(blockDim.x) + threadIdx.x; index < size; index += size_t(gridDim.x) * blockDim.x)

namespace {

void check(cudaError_t status, const char *call) {
    if (status == cudaErrorMemoryAllocation) die("the GPU's memory is full:", call);
    if (status != cudaSuccess) die(cudaGetErrorString(status), call);
}

// The spikes of a group in the last steps, of which there are mask + 1, a power of two.
struct Source { int32_t *spikes, *counts; int32_t neurons, mask; };

// The synapses of a pathway by (neuron, delay): those of the k-th delay of neuron n are from
// table[n * delays + k] to the next entry, as positions in `order`, or as synapses if these are sorted
// in that way. Each range is visited by 2^split warps.
struct Pathway { const int32_t *table, *order, *steps; int32_t delays, source, split; };

// The probabilities of at most `least`, `least` + 1, ... events.
struct Events { const double *at_most; int32_t least, size; };

// Poisson input of a population: `mean` events a step to each of its neurons; `none` is the
// probability of none; where they are few, the numbers of events of its first block of neurons, of those
// that are whole, and of its last.
struct Drive {
    double *target;
    const double *weight;
    const char *open;
    double mean, none;
    uint32_t stream, first, stop;
    Events tables[3];
};

struct Sample {
    const double *variable;
    const int32_t *neurons;
    double *values;
    int64_t every, first;
    int32_t size;
};

constexpr double DT = @DT@;
constexpr int SOURCES = @SOURCE_COUNT@, PATHWAYS = @PATHWAY_COUNT@;
enum { @SOURCE_NAMES@ };
enum { @PATHWAY_NAMES@ };

}  // namespace

__constant__ Source sources[SOURCES + 1];
__constant__ Pathway pathways[PATHWAYS + 1];
__constant__ Drive *drives;
// Of each neuron in each stack of drives, the drive that it receives, or -1.
__constant__ int32_t *drive_of[SOURCES + 1];
__constant__ int32_t drive_layers[SOURCES + 1];
__constant__ Sample *samples;
__constant__ int32_t sample_count;
__constant__ int32_t played[SOURCES + 1];  // how many spikes are given of each group
__constant__ double invariants[@INVARIANT_COUNT@ + 1];  // numbers that follow from parameters
__constant__ RandomKey random_key;
__constant__ uint64_t *fired;       // every spike since it was last emptied: step, group, neuron
__constant__ uint32_t *fired_count;
@POINTERS@

namespace {

__device__ __forceinline__ int64_t now(int ahead) { return _ptr_array_defaultclock_timestep[0] + ahead; }

// The exponential of the C++ backend, so that both compute the same bits.
@EXPONENTIAL@

// A neuron crosses its threshold.
__device__ void fire(int group, int32_t neuron, int64_t step) {
    const Source &source = sources[group];
    const int32_t slot = int32_t(step) & source.mask;
    source.spikes[size_t(slot) * source.neurons + atomicAdd(&source.counts[slot], 1)] = neuron;
    fired[atomicAdd(fired_count, 1u)] = uint64_t(step & 0xffffff) << 40 | uint64_t(group) << 32 | uint32_t(neuron);
}

// No neuron has spiked yet in the step after this one, and no pathway looks back so far that it would
// still need that slot.
__device__ void clear_next(int group, int64_t step) { sources[group].counts[int32_t(step + 1) & sources[group].mask] = 0; }

// How many events of its block a neuron gets. Lanes of a warp that the same drive reaches share the
// work: each draws some of the events, and learns by votes which of them are its own.
__device__ int32_t events_of(const Drive &drive, int32_t neuron, int64_t step) {
    const uint32_t warp = uint32_t(neuron) & ~31u;  // its lanes have the neurons from here on
    const uint32_t below = min(drive.stop - warp, 32u), from = max(drive.first, warp) - warp;
    const uint32_t lanes = (below == 32 ? ~0u : (1u << below) - 1) & ~((1u << from) - 1);
    const uint32_t begin = max(drive.first, uint32_t(neuron) & ~(BLOCK - 1));
    const uint32_t size = min(drive.stop, (uint32_t(neuron) | (BLOCK - 1)) + 1) - begin;
    const Events &table = drive.tables[size == BLOCK ? 1 : begin == drive.first ? 0 : 2];
    const double chance = uniform(random_key, drive.stream, step, begin, 0);
    int32_t low = 0, high = table.size - 1;  // the last is 1
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (table.at_most[middle] < chance) low = middle + 1;
        else high = middle;
    }
    const int32_t total = table.least + low, among = below - from;
    const int32_t rank = neuron - warp - from;
    int32_t count = 0;
    for (int32_t done = 0; done < total; done += among) {
        const int32_t event = done + rank;
        uint32_t target = 0;
        bool is_here = false;
        if (event < total) {
            const RandomWords x = random_words(random_key, drive.stream, step, begin, 1 + event / 4);
            const uint32_t word = event % 4 < 2 ? event % 4 ? x.b : x.a : event % 4 == 2 ? x.c : x.d;
            target = begin + neuron_in_block(word, size);
            is_here = (target & ~31u) == warp;
        }
        uint32_t own = __ballot_sync(lanes, is_here);
        for (int32_t bit = 0; bit < 5; bit++) {
            const uint32_t set = __ballot_sync(lanes, target >> bit & 1);
            own &= neuron >> bit & 1 ? set : ~set;
        }
        count += __popc(own);
    }
    return count;
}

__device__ void deliver(int group, int32_t neuron, int64_t step) {
    for (int32_t layer = 0; layer < drive_layers[group]; layer++) {
        const int32_t which = drive_of[group][size_t(layer) * sources[group].neurons + neuron];
        if (which < 0) continue;
        const Drive &drive = drives[which];
        const int32_t count =
            drive.tables[0].at_most
                ? events_of(drive, neuron, step)
                : input_of_neuron(drive.mean, drive.none, random_key, drive.stream, step, neuron);
        if (drive.open && !drive.open[neuron]) continue;
        double total = drive.target[neuron];
        if (!drive.tables[0].at_most) total += count * drive.weight[neuron];
        else for (int32_t k = 0; k < count; k++) total += drive.weight[neuron];  // as on a CPU
        drive.target[neuron] = total;
    }
}

// The neurons that spiked one of the delays of a pathway ago: before[k] of them with a delay shorter
// than the k-th. Called by all threads.
__device__ void count_arrivals(const Pathway &path, int64_t step, int32_t *before) {
    const Source &source = sources[path.source];
    for (int32_t k = threadIdx.x; k < path.delays; k += blockDim.x)
        before[k + 1] = source.counts[int32_t(step - path.steps[k]) & source.mask];
    if (!threadIdx.x) before[0] = 0;
    __syncthreads();
    if (threadIdx.x < 32) {
        int32_t sum = 0;
        for (int32_t first = 1; first <= path.delays; first += 32) {
            const int32_t k = first + threadIdx.x;
            int32_t value = k <= path.delays ? before[k] : 0;
            for (int32_t shift = 1; shift < 32; shift *= 2) {
                const int32_t other = __shfl_up_sync(~0u, value, shift);
                if (threadIdx.x >= shift) value += other;
            }
            if (k <= path.delays) before[k] = value + sum;
            sum += __shfl_sync(~0u, value, 31);
        }
    }
    __syncthreads();
}

// Where the synapses of the arrival with some number lie.
__device__ int2 arrival(const Pathway &path, int64_t step, const int32_t *before, int32_t number) {
    int32_t low = 0, high = path.delays;  // before[low] <= number < before[high]
    while (high - low > 1) {
        const int32_t middle = (low + high) / 2;
        (before[middle] <= number ? low : high) = middle;
    }
    const Source &source = sources[path.source];
    const int32_t slot = int32_t(step - path.steps[low]) & source.mask;
    const int32_t neuron = source.spikes[size_t(slot) * source.neurons + number - before[low]];
    const int32_t *entry = path.table + size_t(neuron) * path.delays + low;
    return make_int2(entry[0], entry[1]);
}

__global__ void record(const int ahead) {
    const int64_t step = now(ahead);
    for (int32_t s = 0; s < sample_count; s++) {
        const Sample &sample = samples[s];
        if (step % sample.every) continue;
        for ALL_OF(k, sample.size) sample.values[(step / sample.every - sample.first) * sample.size + k] = sample.variable[sample.neurons[k]];
    }
}

__global__ void tick(const int steps) {
    const int64_t step = _ptr_array_defaultclock_timestep[0] + steps;
    _ptr_array_defaultclock_timestep[0] = step;
    _ptr_array_defaultclock_t[0] = step * DT;
}

@PLAYBACKS@

}  // namespace

@CODE@

__global__ void compute_invariants(double *values) {
@INVARIANTS@
}

namespace {

// Sorting synapses by (neuron, delay): count those of each, sum up, and give each its place.

struct Keys {
    const int32_t *neurons, *delays, *place_of;  // no delays where all have one
    int32_t count;
    __device__ int64_t operator()(size_t k) const { return int64_t(neurons[k]) * count + (delays ? place_of[delays[k]] : 0); }
};

__global__ void find_longest(const int32_t *delays, size_t size, int32_t *longest) {
    int32_t own = 0;
    for ALL_OF(k, size) own = max(own, delays[k]);
    atomicMax(longest, own);
}

__global__ void note_delays(const int32_t *delays, size_t size, int32_t *noted) {
    for ALL_OF(k, size) noted[delays[k]] = 1;
}

__global__ void count_keys(Keys key, size_t size, int32_t *table, int32_t *unsorted) {
    for ALL_OF(k, size) {
        atomicAdd(&table[key(k)], 1);
        if (k && key(k - 1) > key(k)) *unsorted = 1;
    }
}

__global__ void sum_up(int32_t *table, size_t size) {  // by one block
    __shared__ int32_t sums[1024], total;
    if (!threadIdx.x) total = 0;
    for (size_t first = 0; first < size; first += blockDim.x) {
        const size_t k = first + threadIdx.x;
        const int32_t own = k < size ? table[k] : 0;
        sums[threadIdx.x] = own;
        __syncthreads();
        for (int32_t shift = 1; shift < blockDim.x; shift *= 2) {
            const int32_t other = threadIdx.x >= shift ? sums[threadIdx.x - shift] : 0;
            __syncthreads();
            sums[threadIdx.x] += other;
            __syncthreads();
        }
        if (k < size) table[k] = total + sums[threadIdx.x] - own;
        __syncthreads();
        if (threadIdx.x == blockDim.x - 1) total += sums[threadIdx.x];
        __syncthreads();
    }
}

__global__ void give_places(Keys key, size_t size, int32_t *next, int32_t *order) {
    for ALL_OF(k, size) order[atomicAdd(&next[key(k)], 1)] = k;
}

__global__ void fill(char *bytes, size_t size, double value, int kind) {  // kinds are those of `Array`
    for ALL_OF(k, size) {
        if (kind == 'd') reinterpret_cast<double *>(bytes)[k] = value;
        else if (kind == 'f') reinterpret_cast<float *>(bytes)[k] = value;
        else if (kind == 'l') reinterpret_cast<int64_t *>(bytes)[k] = value;
        else if (kind == 'i') reinterpret_cast<int32_t *>(bytes)[k] = value;
        else bytes[k] = value;
    }
}

template <class T> T *allocate(size_t count) {
    void *made = nullptr;
    CHECK(cudaMalloc(&made, std::max<size_t>(count * sizeof(T), 16)));
    return static_cast<T *>(made);
}

template <class T> T *allocate_zero(size_t count) {
    T *made = allocate<T>(count);
    CHECK(cudaMemset(made, 0, std::max<size_t>(count * sizeof(T), 16)));
    return made;
}

template <class T> T *on_device(const T *values, size_t count) {
    T *made = allocate<T>(count);
    CHECK(cudaMemcpy(made, values, count * sizeof(T), cudaMemcpyHostToDevice));
    return made;
}

// An array of the model by name, with the address of the constant that holds where it is.
struct Array {
    const char *name;
    char kind;
    size_t length;
    bool grows;
    double initial;
    const void *(*pointer)();
    char *data = nullptr;

    size_t item() const { return kind == 'd' || kind == 'l' ? 8 : kind == 'f' || kind == 'i' ? 4 : 1; }
    size_t bytes() const { return length * item(); }
    void make(size_t count) {
        if (data) CHECK(cudaFree(data));
        length = count;
        data = allocate<char>(bytes());
        CHECK(cudaMemcpyToSymbol(pointer(), &data, sizeof data));
    }
};

Array arrays[] = {
@ARRAYS@
};

Array &array(const char *name) {
    for (Array &each : arrays)
        if (!std::strcmp(each.name, name)) return each;
    die("unknown array", name);
}

// What a kernel runs over: the neurons of a group, its spikes of this step, all synapses, or those at
// which spikes arrive.
enum class Over { neurons, spikes, synapses, arrivals, playback, samples };

struct Kernel {
    const char *name;
    void (*run)(int);
    Over over;
    int32_t of;  // which group or pathway
    const char *synapses;
    std::vector<int> reads, writes;
};

const std::vector<Kernel> usual = {
@USUAL@
};
const std::vector<Kernel> due = {  // in a step with a flush
@DUE@
};
const std::vector<Kernel> at_flush = {  // what only such a step does
@AT_FLUSH@
};
const std::vector<const char *> parts = {@PARTS@};

struct PathwayOf { const char *name, *neurons; int32_t source; };
const PathwayOf pathway_of[] = {
@PATHWAYS@
    {nullptr, nullptr, 0},
};
const int32_t neurons_of[] = {@SIZES@ 0};
const char *const source_names[] = {@NAMES@ nullptr};

Source source[SOURCES + 1];
Pathway pathway[PATHWAYS + 1];
int32_t longest[SOURCES + 1];  // steps that the spikes of a group are needed for
std::vector<Drive> drive;
struct Reach { int32_t group; size_t start, size; };
std::vector<Reach> reach;  // of each drive
std::vector<Sample> sample;
int64_t flush_interval = 0;
uint32_t room = 0;  // for spikes between two looks at them
uint64_t *spikes_since = nullptr;
uint32_t *spikes_since_count = nullptr;
int multiprocessors = 0;
bool profiling = false;
std::vector<int64_t> spent;
constexpr size_t STAGED = size_t(1) << 25;
// Pinned memory, from which the device copies directly: one half while the other is filled.
char *staged[2] = {};
cudaEvent_t copied[2];

void copy_in(char *to, size_t bytes) {
    for (size_t done = 0, half = 0; done < bytes; half ^= 1) {
        const size_t part = std::min(STAGED, bytes - done);
        CHECK(cudaEventSynchronize(copied[half]));
        receive(staged[half], part);
        CHECK(cudaMemcpyAsync(to + done, staged[half], part, cudaMemcpyHostToDevice, nullptr));
        CHECK(cudaEventRecord(copied[half], nullptr));
        done += part;
    }
    CHECK(cudaDeviceSynchronize());
}

bool has_invariants = false;  // whether `invariants` follow from the present parameters

void write_array(const char *name, size_t bytes) {
    Array &into = array(name);
    has_invariants = false;
    if (into.grows) into.make(bytes / into.item());
    if (into.bytes() != bytes) die("length mismatch for", name);
    copy_in(into.data, bytes);
    send_count(into.length);
}

void read_array(const char *name) {
    const Array &from = array(name);
    send_count(from.bytes());
    for (size_t done = 0; done < from.bytes();) {
        const size_t part = std::min(STAGED, from.bytes() - done);
        CHECK(cudaMemcpy(staged[0], from.data + done, part, cudaMemcpyDeviceToHost));
        send(staged[0], part);
        done += part;
    }
}

int32_t index_of_pathway(const char *name) {
    for (int32_t k = 0; pathway_of[k].name; k++)
        if (!std::strcmp(pathway_of[k].name, name)) return k;
    die("unknown pathway", name);
}

int32_t index_of_source(const char *name) {
    for (int32_t k = 0; source_names[k]; k++)
        if (!std::strcmp(source_names[k], name)) return k;
    die("unknown group", name);
}

// Sort the synapses of a pathway by (neuron, delay), given one delay in steps for each synapse, or one
// for all.
void link_synapses(const char *name, size_t bytes) {
    const int32_t which = index_of_pathway(name);
    const Array &neurons = array(pathway_of[which].neurons);
    Pathway &path = pathway[which];
    path.source = pathway_of[which].source;
    int32_t *delays = allocate<int32_t>(bytes / sizeof(int32_t)), *place_of = nullptr, most = 0;
    copy_in(reinterpret_cast<char *>(delays), bytes);
    const size_t count = bytes / sizeof(int32_t), size = neurons.length;
    const int32_t *each = count > 1 ? delays : nullptr;
    std::vector<int32_t> steps, places;
    if (each) {
        int32_t *longest_one = allocate_zero<int32_t>(1);
        find_longest<<<8 * multiprocessors, 256>>>(delays, count, longest_one);
        CHECK(cudaMemcpy(&most, longest_one, sizeof most, cudaMemcpyDeviceToHost));
        CHECK(cudaFree(longest_one));
        places.resize(most + 1);
        place_of = allocate_zero<int32_t>(most + 1);
        note_delays<<<8 * multiprocessors, 256>>>(delays, count, place_of);
        CHECK(cudaMemcpy(places.data(), place_of, places.size() * sizeof(int32_t), cudaMemcpyDeviceToHost));
        for (int32_t delay = 0; delay <= most; delay++) {
            if (!places[delay]) continue;
            places[delay] = steps.size();
            steps.push_back(delay);
        }
        CHECK(cudaMemcpy(place_of, places.data(), places.size() * sizeof(int32_t), cudaMemcpyHostToDevice));
    } else {
        steps.push_back(0);
        if (count) CHECK(cudaMemcpy(steps.data(), delays, sizeof(int32_t), cudaMemcpyDeviceToHost));
    }
    path.delays = steps.size();
    path.steps = on_device(steps.data(), steps.size());
    longest[path.source] = std::max(longest[path.source], steps.back());
    const size_t keys = size_t(neurons_of[path.source]) * path.delays;
    int32_t *table = allocate_zero<int32_t>(keys + 1), *unsorted = allocate_zero<int32_t>(1), is_unsorted = 0;
    const Keys key{reinterpret_cast<const int32_t *>(neurons.data), each, place_of, path.delays};
    count_keys<<<8 * multiprocessors, 256>>>(key, size, table, unsorted);
    sum_up<<<1, 1024>>>(table, keys + 1);
    CHECK(cudaMemcpy(&is_unsorted, unsorted, sizeof is_unsorted, cudaMemcpyDeviceToHost));
    if (is_unsorted) {
        int32_t *order = allocate<int32_t>(size), *next = allocate<int32_t>(keys + 1);
        CHECK(cudaMemcpy(next, table, (keys + 1) * sizeof(int32_t), cudaMemcpyDeviceToDevice));
        give_places<<<8 * multiprocessors, 256>>>(key, size, next, order);
        CHECK(cudaDeviceSynchronize());
        CHECK(cudaFree(next));
        path.order = order;
    }
    path.table = table;
    const double in_range = double(size) / std::max<double>(1, keys);
    while (path.split < 6 && in_range > (64 << path.split)) path.split++;
    CHECK(cudaDeviceSynchronize());
    for (int32_t *used : {delays, place_of, unsorted})
        if (used) CHECK(cudaFree(used));
}

// The spikes of a group that may still be in flight, oldest step first: the number in each step, then
// the neurons.
void read_queue(const char *name) {
    const Source &from = source[index_of_source(name)];
    int64_t step = 0;
    CHECK(cudaMemcpy(&step, array("defaultclock.timestep").data, sizeof step, cudaMemcpyDeviceToHost));
    std::vector<int32_t> counts(from.mask + 1), numbers{from.mask + 1}, neurons;
    CHECK(cudaMemcpy(counts.data(), from.counts, counts.size() * sizeof(int32_t), cudaMemcpyDeviceToHost));
    for (int64_t past = step - from.mask - 1; past < step; past++) {
        const size_t slot = past & from.mask, before = neurons.size();
        const int32_t count = past == step - from.mask - 1 ? 0 : counts[slot];  // its slot is the next step's
        numbers.push_back(count);
        neurons.resize(before + count);
        CHECK(cudaMemcpy(neurons.data() + before, from.spikes + slot * from.neurons, count * sizeof(int32_t), cudaMemcpyDeviceToHost));
        std::sort(neurons.begin() + before, neurons.end());
    }
    numbers.insert(numbers.end(), neurons.begin(), neurons.end());
    send_all(numbers);
}

void write_queue(const char *name, size_t bytes) {
    const std::vector<int32_t> numbers = receive_numbers(bytes);
    Source &into = source[index_of_source(name)];
    if (numbers[0] != into.mask + 1) die("number of steps mismatch for", name);
    int64_t step = 0;  // the clock is written before any queue
    CHECK(cudaMemcpy(&step, array("defaultclock.timestep").data, sizeof step, cudaMemcpyDeviceToHost));
    const int32_t *next = numbers.data() + 1 + numbers[0];
    std::vector<int32_t> counts(numbers[0]);
    for (int32_t k = 0; k < numbers[0]; k++) {
        const size_t slot = (step - numbers[0] + k) & into.mask, count = numbers[1 + k];
        counts[slot] = count;
        CHECK(cudaMemcpy(into.spikes + slot * into.neurons, next, count * sizeof(int32_t), cudaMemcpyHostToDevice));
        next += count;
    }
    CHECK(cudaMemcpy(into.counts, counts.data(), counts.size() * sizeof(int32_t), cudaMemcpyHostToDevice));
    send_count(numbers.size());
}

void write_key(RandomKey key) { CHECK(cudaMemcpyToSymbol(random_key, &key, sizeof key)); }

void read_random() {
    RandomKey key;
    CHECK(cudaMemcpyFromSymbol(&key, random_key, sizeof key));
    send_count(sizeof key);
    send(&key, sizeof key);
}

void write_random(size_t bytes) {
    RandomKey key;
    if (bytes != sizeof key) die("state of another random generator");
    receive(&key, sizeof key);
    write_key(key);
    send_count(bytes / sizeof key.first);
}

Events table_on_device(double mean) {
    static std::map<double, Events> known;
    const auto found = known.find(mean);
    if (found != known.end()) return found->second;
    const PoissonTable table(mean);
    const auto size = int32_t(table.at_most.size());
    return known[mean] = {on_device(table.at_most.data(), size), table.least, size};
}

void add_drive(const char *arguments) {
    char target[300], weight[300], open[300];
    size_t first, size;
    double mean;
    uint32_t stream;
    if (std::sscanf(arguments, "%299s %299s %299s %zu %zu %la %u", target, weight, open, &first, &size, &mean, &stream) != 7)
        die("malformed drive");
    const auto at = [](const char *name) { return array(name).data; };
    Drive made{reinterpret_cast<double *>(at(target)), reinterpret_cast<const double *>(at(weight)),
               std::strcmp(open, "-") ? at(open) : nullptr, mean, _exponential(-mean), stream, uint32_t(first), uint32_t(first + size), {}};
    const size_t last = std::max(first, (first + size - 1) & ~size_t(BLOCK - 1));
    const auto in_block = [&](size_t start) { return std::min(first + size, (start | (BLOCK - 1)) + 1) - start; };
    const size_t sizes[] = {in_block(first), BLOCK, in_block(last)};
    for (int32_t k = 0; k < 3 && mean < SPARSE; k++) made.tables[k] = table_on_device(mean * sizes[k]);
    drive.push_back(made);
    reach.push_back({index_of_source(std::string(target, std::strchr(target, '.') - target).c_str()), first, size});
}

void add_sample(const char *arguments) {
    char name[512];
    long long every;
    size_t count;
    if (std::sscanf(arguments, "%511s %lld %zu", name, &every, &count) != 3)
        die("malformed sample");
    const std::vector<int32_t> neurons = receive_numbers(count * sizeof(int32_t));
    sample.push_back({reinterpret_cast<const double *>(array(name).data), on_device(neurons.data(), count), nullptr, every, 0, int32_t(count)});
}

// Give every neuron the drives that reach it, in as few layers as they can be without overlap.
void place_drives() {
    int32_t *of[SOURCES + 1] = {}, layers[SOURCES + 1] = {};
    for (int32_t group = 0; group < SOURCES; group++) {
        const size_t neurons = neurons_of[group];
        std::vector<int32_t> table;
        for (size_t d = 0; d < drive.size(); d++) {
            if (reach[d].group != group || !reach[d].size) continue;
            const auto taken = [&](size_t layer) {
                const auto begin = table.begin() + layer * neurons + reach[d].start;
                return std::any_of(begin, begin + reach[d].size, [](int32_t which) { return which >= 0; });
            };
            size_t layer = 0;
            while (layer < size_t(layers[group]) && taken(layer)) layer++;
            if (layer == size_t(layers[group])) {
                layers[group]++;
                table.resize(layers[group] * neurons, -1);
            }
            std::fill_n(table.begin() + layer * neurons + reach[d].start, reach[d].size, int32_t(d));
        }
        of[group] = on_device(table.data(), table.size());
    }
    Drive *all = on_device(drive.data(), drive.size());
    CHECK(cudaMemcpyToSymbol(drives, &all, sizeof all));
    CHECK(cudaMemcpyToSymbol(drive_of, of, sizeof of));
    CHECK(cudaMemcpyToSymbol(drive_layers, layers, sizeof layers));
}

// When every array is in its place: the rings of spikes, and what kernels find by constants.
void begin() {
    size_t neurons = 0;
    for (int32_t group = 0; group < SOURCES; group++) {
        int32_t slots = 4;
        while (slots < longest[group] + 2) slots *= 2;
        source[group] = {allocate<int32_t>(size_t(slots) * neurons_of[group]), allocate_zero<int32_t>(slots), neurons_of[group], slots - 1};
        neurons += neurons_of[group];
    }
    CHECK(cudaMemcpyToSymbol(sources, source, sizeof source));
    CHECK(cudaMemcpyToSymbol(pathways, pathway, sizeof pathway));
    room = uint32_t(std::max<size_t>(2 * neurons, std::min<size_t>(512 * neurons, size_t(1) << 26)));
    spikes_since = allocate<uint64_t>(room);
    spikes_since_count = allocate_zero<uint32_t>(1);
    CHECK(cudaMemcpyToSymbol(fired, &spikes_since, sizeof spikes_since));
    CHECK(cudaMemcpyToSymbol(fired_count, &spikes_since_count, sizeof spikes_since_count));
    place_drives();
    const double dt = DT;
    CHECK(cudaMemcpy(array("defaultclock.dt").data, &dt, sizeof dt, cudaMemcpyHostToDevice));
}

size_t synapses_of(const Kernel &kernel) { return array((std::string(kernel.synapses) + "._synaptic_post").c_str()).length; }

bool is_idle(const Kernel &kernel) { return (kernel.over == Over::synapses || kernel.over == Over::arrivals) && !synapses_of(kernel); }

struct Launch { unsigned blocks, threads, shared; };

Launch shape_of(const Kernel &kernel) {
    const auto blocks = [](size_t size, size_t threads) { return unsigned(std::max<size_t>(1, (size + threads - 1) / threads)); };
    const unsigned most = 8 * multiprocessors;
    switch (kernel.over) {
    case Over::neurons: return {blocks(neurons_of[kernel.of], 128), 128, 0};
    case Over::spikes: return {std::min(blocks(neurons_of[kernel.of], 128), 32u), 128, 0};
    case Over::synapses: return {std::min(blocks(synapses_of(kernel), 256), most), 256, 0};
    case Over::arrivals: {
        const Pathway &path = pathway[kernel.of];
        const size_t warps = std::max<size_t>(size_t(neurons_of[path.source]) / 8, size_t(path.delays) * 4) << path.split;
        return {std::min(blocks(32 * warps, 256), most / 2), 256, unsigned((path.delays + 1) * sizeof(int32_t))};
    }
    case Over::playback: return {1, 256, 0};
    case Over::samples: {
        size_t size = 0;
        for (const Sample &each : sample) size = std::max<size_t>(size, each.size);
        return {std::min(blocks(size, 128), most), 128, 0};
    }
    }
    return {1, 1, 0};
}

bool in_conflict(const Kernel &a, const Kernel &b) {
    const auto meet = [](const std::vector<int> &x, const std::vector<int> &y) {
        return std::find_first_of(x.begin(), x.end(), y.begin(), y.end()) != x.end();
    };
    if (a.over == Over::samples || b.over == Over::samples) return true;
    return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

std::vector<Kernel> active(const std::vector<Kernel> &all) {
    std::vector<Kernel> kept;
    if (!sample.empty()) kept.push_back({"record", record, Over::samples, 0, "", {}, {}});
    for (const Kernel &each : all)
        if (!is_idle(each)) kept.push_back(each);
    return kept;
}

// The kernels of some steps with an order only between those of which one needs what the other did.
cudaGraphExec_t graph_of(const std::vector<Kernel> &all, int steps) {
    const std::vector<Kernel> kernels = active(all);
    const size_t count = kernels.size();
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    std::vector<cudaGraphNode_t> nodes;
    std::vector<std::vector<char>> after;  // of each node, whether each earlier one is known to be over by then
    const auto add = [&](void *run, Launch shape, int argument, const std::vector<size_t> &needs) {
        std::vector<cudaGraphNode_t> needed;
        for (size_t each : needs) needed.push_back(nodes[each]);
        void *arguments[] = {&argument};
        cudaKernelNodeParams parameters = {};
        parameters.func = run;
        parameters.gridDim = dim3(shape.blocks);
        parameters.blockDim = dim3(shape.threads);
        parameters.sharedMemBytes = shape.shared;
        parameters.kernelParams = arguments;
        cudaGraphNode_t node;
        CHECK(cudaGraphAddKernelNode(&node, graph, needed.data(), needed.size(), &parameters));
        nodes.push_back(node);
    };
    for (int step = 0; step < steps; step++)
        for (size_t k = 0; k < count; k++) {
            const size_t own = nodes.size(), first = own < 2 * count ? 0 : own - 2 * count;
            std::vector<char> known(own);
            std::vector<size_t> needs;
            for (size_t other = own; other-- > first;) {
                if (known[other] || !in_conflict(kernels[k], kernels[other % count])) continue;
                needs.push_back(other);
                known[other] = 1;
                for (size_t earlier = 0; earlier < other; earlier++) known[earlier] |= after[other][earlier];
            }
            after.push_back(known);
            add(reinterpret_cast<void *>(kernels[k].run), shape_of(kernels[k]), step, needs);
        }
    std::vector<size_t> last(std::min(count, nodes.size()));
    for (size_t k = 0; k < last.size(); k++) last[k] = nodes.size() - 1 - k;
    add(reinterpret_cast<void *>(tick), {1, 1, 0}, steps, last);
    cudaGraphExec_t made;
    CHECK(cudaGraphInstantiate(&made, graph, 0));
    CHECK(cudaGraphDestroy(graph));
    return made;
}

struct Graphs {
    cudaGraphExec_t due = nullptr, of[3] = {};
    const int steps[3] = {64, 8, 1};
    bool made = false;

    void make() {
        if (made) return;
        made = true;
        due = graph_of(::due, 1);
        for (int k = 0; k < 3; k++) of[k] = graph_of(usual, steps[k]);
    }
} graphs;

// One step kernel by kernel, each waited for and timed.
void run_and_time(bool is_due) {
    for (const Kernel &kernel : active(is_due ? due : usual)) {
        const auto begin = std::chrono::steady_clock::now();
        const Launch shape = shape_of(kernel);
        kernel.run<<<shape.blocks, shape.threads, shape.shared>>>(0);
        CHECK(cudaDeviceSynchronize());
        const auto passed = std::chrono::steady_clock::now() - begin;
        const size_t part = std::find_if(parts.begin(), parts.end(), [&](const char *name) { return !std::strcmp(name, kernel.name); }) - parts.begin();
        spent[part] += std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count();
    }
    tick<<<1, 1>>>(1);
}

struct Taken {
    std::vector<std::vector<int64_t>> times;
    std::vector<std::vector<int32_t>> neurons;
    std::vector<std::vector<double>> values;
};

void take_spikes(int64_t first, Taken &taken) {
    uint32_t count = 0;
    CHECK(cudaMemcpy(&count, spikes_since_count, sizeof count, cudaMemcpyDeviceToHost));
    std::vector<uint64_t> all(count);
    CHECK(cudaMemcpy(all.data(), spikes_since, count * sizeof(uint64_t), cudaMemcpyDeviceToHost));
    CHECK(cudaMemset(spikes_since_count, 0, sizeof count));
    // steps since the first, also where the count of steps wrapped around
    for (uint64_t &each : all) each -= uint64_t(first & 0xffffff) << 40;
    std::sort(all.begin(), all.end());
    for (uint64_t each : all) {
        const size_t group = each >> 32 & 0xff;
        taken.times[group].push_back(first + int64_t(each >> 40));
        taken.neurons[group].push_back(int32_t(each));
    }
}

void count_played() {
    int32_t counts[SOURCES + 1] = {};
    for (int32_t group = 0; group < SOURCES; group++) {
        const std::string times = std::string(source_names[group]) + "._timebins";
        for (const Array &each : arrays)
            if (times == each.name) counts[group] = each.length;
    }
    CHECK(cudaMemcpyToSymbol(played, counts, sizeof counts));
}

// Room for the values of some steps, and how many rows that will be.
std::vector<size_t> make_room(int64_t first, int64_t steps) {
    static double *values = nullptr;
    static Sample *all = nullptr;
    static size_t held = 0;
    std::vector<size_t> rows;
    size_t needed = 0;
    for (Sample &each : sample) {
        each.first = (first + each.every - 1) / each.every;
        rows.push_back(std::max<int64_t>(0, (first + steps + each.every - 1) / each.every - each.first));
        needed += rows.back() * each.size;
    }
    if (needed > held) {
        if (values) CHECK(cudaFree(values));
        values = allocate<double>(needed);
        held = needed;
    }
    double *next = values;
    for (size_t s = 0; s < sample.size(); s++) {
        sample[s].values = next;
        next += rows[s] * sample[s].size;
    }
    if (!all) all = allocate<Sample>(sample.size());
    const int32_t count = sample.size();
    CHECK(cudaMemcpy(all, sample.data(), count * sizeof(Sample), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpyToSymbol(samples, &all, sizeof all));
    CHECK(cudaMemcpyToSymbol(sample_count, &count, sizeof count));
    return rows;
}

void take_samples(const std::vector<size_t> &rows, Taken &taken) {
    for (size_t s = 0; s < sample.size(); s++) {
        std::vector<double> &into = taken.values[s];
        const size_t before = into.size(), count = rows[s] * sample[s].size;
        into.resize(before + count);
        CHECK(cudaMemcpy(into.data() + before, sample[s].values, count * sizeof(double), cudaMemcpyDeviceToHost));
    }
}

void launch(int64_t first, int64_t steps) {
    for (int64_t done = 0; done < steps;) {
        const int64_t step = first + done;
        const bool is_due = flush_interval && step && step % flush_interval == 0;
        if (profiling) {
            run_and_time(is_due);
            done++;
            continue;
        }
        if (is_due) {
            CHECK(cudaGraphLaunch(graphs.due, nullptr));
            done++;
            continue;
        }
        const int64_t until = flush_interval ? std::min(steps - done, flush_interval - step % flush_interval) : steps - done;
        int k = 0;
        while (graphs.steps[k] > until) k++;
        CHECK(cudaGraphLaunch(graphs.of[k], nullptr));
        done += graphs.steps[k];
    }
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaGetLastError());
}

void compute_all_invariants() {
    if (has_invariants) return;
    double *values = allocate_zero<double>(sizeof invariants / sizeof *invariants);
    compute_invariants<<<1, 1>>>(values);
    CHECK(cudaMemcpyToSymbol(invariants, values, sizeof invariants, 0, cudaMemcpyDeviceToDevice));
    CHECK(cudaFree(values));
    has_invariants = true;
}

void run_steps(int64_t steps) {
    size_t neurons = 0, most_values = 1;
    for (int32_t group = 0; group < SOURCES; group++) neurons += neurons_of[group];
    for (const Sample &each : sample) most_values += each.size;
    const int64_t batch = std::max<int64_t>(1, std::min<int64_t>({room / std::max<int64_t>(1, neurons), int64_t(1 << 26) / int64_t(most_values), 1 << 20}));
    int64_t step = 0;
    CHECK(cudaMemcpy(&step, array("defaultclock.timestep").data, sizeof step, cudaMemcpyDeviceToHost));
    Taken taken{std::vector<std::vector<int64_t>>(SOURCES), std::vector<std::vector<int32_t>>(SOURCES), std::vector<std::vector<double>>(sample.size())};
    compute_all_invariants();
    if (!graphs.made) count_played();
    graphs.make();
    for (int64_t done = 0; done < steps;) {
        const int64_t part = std::min(batch, steps - done);
        const std::vector<size_t> rows = make_room(step + done, part);
        launch(step + done, part);
        take_spikes(step + done, taken);
        take_samples(rows, taken);
        done += part;
    }
    for (int32_t group = 0; group < SOURCES; group++) {
        send_all(taken.times[group]);
        send_all(taken.neurons[group]);
    }
    for (const auto &each : taken.values) send_all(each);
}

// Add the pending sums to every weight now.
void flush() {
    compute_all_invariants();
    for (const Kernel &kernel : at_flush) {
        if (is_idle(kernel)) continue;
        const Launch shape = shape_of(kernel);
        kernel.run<<<shape.blocks, shape.threads, shape.shared>>>(0);
    }
    CHECK(cudaDeviceSynchronize());
}

void prepare() {
    CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
    for (int half = 0; half < 2; half++) {
        CHECK(cudaMallocHost(reinterpret_cast<void **>(&staged[half]), STAGED));
        CHECK(cudaEventCreateWithFlags(&copied[half], cudaEventDisableTiming));
    }
    for (Array &each : arrays) {
        each.make(each.length);
        if (each.length) fill<<<64, 256>>>(each.data, each.length, each.initial, each.kind);
    }
    CHECK(cudaDeviceSynchronize());
}

}  // namespace

int main() {
    prepare();
    Command command;
    while (command.read()) {
        if (command.is("end")) break;
        if (command.is("start")) begin();
        else if (command.is("write")) command.sized(write_array);
        else if (command.is("link")) command.sized(link_synapses);
        else if (command.is("read")) read_array(command.arguments);
        else if (command.is("read_queue")) read_queue(command.arguments);
        else if (command.is("read_random")) read_random();
        else if (command.is("write_random")) write_random(command.number());
        else if (command.is("write_queue")) command.sized(write_queue);
        else if (command.is("seed")) write_key(command.key());
        else if (command.is("flush_interval")) flush_interval = command.number();
        else if (command.is("drive")) add_drive(command.arguments);
        else if (command.is("sample")) add_sample(command.arguments);
        else if (command.is("profile")) {
            profiling = true;
            spent.assign(parts.size(), 0);
        }
        else if (command.is("profiled")) send_all(spent);
        else if (command.is("flush")) flush();
        else if (command.is("run")) run_steps(command.number());
        else die("unknown command", command.line);
        std::fflush(stdout);
    }
    return 0;
}
