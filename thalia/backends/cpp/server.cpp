// The part of a compiled circuit that communicates with Thalia over a pipe: it loads arrays, runs
// steps, and returns spikes and state. All it changes are arrays of the model and the random
// generator; it has no state of its own. It is the same for every circuit, and compiled once.

#include "common.h"
#include "compaction.h"
#include "connection.h"
#include "poisson_lanes.h"
#include "random_lanes.h"
#include "schedule.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

// What is read and written: set when the program starts.
const Circuit *circuit = nullptr;

struct Drive {
    double *target;
    const double *weight;
    const char *open;  // whether each neuron takes input, or null where all do
    const Slices *slices;  // of the group
    Sleepers *sleepers;    // of the group, if its neurons may be asleep
    std::string group;
    std::vector<std::string> arrays;  // that it changes
    size_t first, size;    // the neurons of the group that it reaches
    double mean;
    uint32_t stream;
    // the numbers of events of its first block, of those that are whole, and of its last
    std::vector<PoissonTable> tables;
    FewEvents few;  // where each neuron draws for itself
    // where neurons differ: those with input, and of each the expected events and the chance of none
    std::vector<int32_t> neurons;
    std::vector<double> means, nones;

    void add(size_t neuron, double events) const {
        if (open && !open[neuron]) return;
        const double input = events * weight[neuron];
        if (sleepers) sleepers->receive(target, neuron, input);
        else target[neuron] += input;
    }
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
    const Sleepers *sleepers;  // of the neurons, if some may be asleep
    int held;                  // which of their variables it is
    int64_t every;
    std::vector<int32_t> neurons;
    std::vector<double> values;
};

using Ticks = std::chrono::steady_clock;

// Nanoseconds that the first thread spent on drives, on spikes and samples, on each object, and with
// waiting for other threads, if profiling is on.
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
Pool pool;
Choice choice;
int32_t parts = 1;  // into which neurons are divided, one for each thread at most
bool is_divided = false;
// Where an array of an object is zero, spikes pass its synapses by.
struct PassedBy { SynapticPathway *pathway; const Array *flags; };
std::vector<PassedBy> passed_by;
bool is_passed_by = true;  // as the arrays are now
std::vector<Compacted> compacted;
std::map<Slices *, std::vector<double>> costs;  // of each neuron in a step, in no unit
int32_t balancings = 0;  // how often they have been measured; the first time is to get started
constexpr int32_t MOST_BALANCINGS = 5;
constexpr int64_t STEPS_TO_BALANCE = 40;
constexpr double BALANCED = 1.05;  // the longest time of a thread, over the mean
std::vector<Drive> drives;
std::vector<Sample> samples;

// Adds the events of the blocks of a slice of neurons.
void deliver_to_blocks(const Drive &drive, int64_t step, size_t first, size_t stop) {
    static thread_local ManyWords of_thread[2];
    ManyWords &totals = of_thread[0], &events = of_thread[1];
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
            for (int32_t event = 0; event < std::min(left, 4); event++)
                drive.add(start + neuron_in_block(words[event], size), 1);
        }
    }
}

// Adds the events of neurons that draw for themselves, of which few are expected.
void deliver_to_each(const Drive &drive, int64_t step, size_t first, size_t stop) {
    double events[FewEvents::MANY];
    for (size_t start = first & ~size_t(1); start < stop; start += FewEvents::MANY) {
        drive.few.draw(random_key, drive.stream, step, start, events);
        const size_t from = std::max(first, start);
        const size_t size = std::min(stop, start + FewEvents::MANY) - from;
        const double *const own = events + (from - start), *const weight = drive.weight + from;
        double *const target = drive.target + from;
        if (drive.open) {
            const char *const open = drive.open + from;
            for (size_t k = 0; k < size; k++) target[k] += (open[k] ? own[k] : 0) * weight[k];
        } else
            for (size_t k = 0; k < size; k++) target[k] += own[k] * weight[k];
    }
}

// Adds the events of neurons each of which has a rate of its own: as the equations of other backends
// do, which draw for all neurons.
void deliver_to_listed(const Drive &drive, int64_t step, int32_t first, int32_t stop) {
    static thread_local ManyWords of_thread;
    ManyWords &words = of_thread;
    const auto begin = drive.neurons.begin(), end = drive.neurons.end();
    const size_t from = std::lower_bound(begin, end, first) - begin;
    const size_t to = std::lower_bound(begin, end, stop) - begin;
    words.clear();
    for (size_t k = from; k < to; k++) words.add(drive.neurons[k], 0);
    words.draw(random_key, drive.stream, step);
    for (size_t k = from; k < to; k++) {
        const double mean = drive.means[k], none = drive.nones[k];
        const double u = unit_interval(words.a[k - from], words.b[k - from]);
        if (mean < FEW && u <= none) continue;
        drive.add(drive.neurons[k], mean < FEW ? poisson_by_inversion(mean, none, u)
                                               : poisson(mean, none, random_key, drive.stream, step,
                                                         drive.neurons[k], 0));
    }
}

void deliver(const Drive &drive, int64_t step, const Slice &slice) {
    const size_t first = std::max(drive.first, drive.slices->first(slice));
    const size_t stop = std::min(drive.stop(), drive.slices->last(slice));
    if (!drive.neurons.empty()) return deliver_to_listed(drive, step, first, stop);
    if (drive.mean < SPARSE) return deliver_to_blocks(drive, step, first, stop);
    if (drive.mean < FEW) return deliver_to_each(drive, step, first, stop);
    for (size_t neuron = first; neuron < stop; neuron++) {
        const int32_t count =
            input_of_neuron(drive.mean, 0, random_key, drive.stream, step, neuron);
        if (!drive.open || drive.open[neuron]) drive.target[neuron] += count * drive.weight[neuron];
    }
}

void take(Sample &sample, int64_t step) {
    if (step % sample.every) return;
    for (int32_t neuron : sample.neurons)
        sample.values.push_back(sample.sleepers ? sample.sleepers->value(sample.held, neuron)
                                                : sample.variable[neuron]);
}

// The neurons that an array belongs to, if some of them may be asleep, in which case it is behind.
Sleepers *sleepers_with(const void *data) {
    for (const auto &[each, slices] : circuit->sleepers)
        if (each->is_used() && each->index_of(data) >= 0) return each;
    return nullptr;
}

const Array &array(const char *name) {
    for (const Array &each : circuit->arrays)
        if (!std::strcmp(each.name, name)) return each;
    die("unknown array", name);
}

// An array, which is now of so many bytes, and about to be written.
const Array &sized_array(const char *name, size_t bytes) {
    const Array &found = array(name);
    if (found.resize_to) found.resize_to(found.held, bytes / found.item);
    if (found.length() * found.item != bytes) die("length mismatch for", name);
    if (found.resize_to) {  // perhaps the targets of synapses
        is_divided = false;
        for (const PassedBy &each : passed_by) is_passed_by &= each.flags != &found;
        for (const Queue &each : circuit->queues) each.pathway->is_sorted_by_target = false;
    }
    if (Sleepers *sleepers = sleepers_with(found.data())) sleepers->wake_all();
    return found;
}

// Go through a column in pieces of so many numbers, which are next to each other in between.
template <class Piece> void through(const Array &column, const Piece &piece) {
    constexpr size_t MOST = 1 << 16;
    std::vector<char> between(std::min(MOST, column.length()) * column.item);
    for (size_t first = 0; first < column.length(); first += MOST) {
        const size_t count = std::min(MOST, column.length() - first);
        piece(column.data() + first * column.stride * column.item, between.data(), count);
    }
}

void receive_column(const Array &into) {
    through(into, [&](char *place, char *between, size_t count) {
        receive(between, count * into.item);
        for (size_t k = 0; k < count; k++)
            std::memcpy(place + k * into.stride * into.item, between + k * into.item, into.item);
    });
}

void send_column(const Array &from) {
    through(from, [&](char *place, char *between, size_t count) {
        for (size_t k = 0; k < count; k++)
            std::memcpy(between + k * from.item, place + k * from.stride * from.item, from.item);
        send(between, count * from.item);
    });
}

// The object whose array this is, if only some of its synapses are in memory, or only some will be
// when its flags are written.
Compacted *compacted_with(const Array &array) {
    for (Compacted &each : compacted)
        if (each.has(array) || each.is_begun_by(array)) return &each;
    return nullptr;
}

void write_array(const char *name, size_t bytes) {
    if (Compacted *object = compacted_with(array(name))) {
        is_divided = false;
        return object->write(array(name), bytes);
    }
    const Array &into = sized_array(name, bytes);
    if (into.stride > 1) receive_column(into);
    else receive(into.data(), bytes);
    send_count(into.length());
}

void read_array(const char *name) {
    const Array &from = array(name);
    if (Compacted *object = compacted_with(from); object && object->has(from))
        return object->read(from);
    if (const Sleepers *sleepers = sleepers_with(from.data())) {
        const int held = sleepers->index_of(from.data());
        std::vector<double> values(sleepers->size());
        for (size_t k = 0; k < values.size(); k++) values[k] = sleepers->value(held, k);
        return send_all(values);
    }
    send_count(from.length() * from.item);
    if (from.stride > 1) send_column(from);
    else send(from.data(), from.length() * from.item);
}

// Where an array is, for who copies it into or out of this process's memory; nowhere, if it is behind
// or not in one piece.
void send_place(const Array &where, bool is_there) {
    send_count(is_there ? where.length() * where.item : 0);
    send_count(is_there ? reinterpret_cast<uintptr_t>(where.data()) : 0);
}

void place_array(const char *name, size_t bytes) {
    if (compacted_with(array(name))) return send_place(array(name), false);
    const Array &into = sized_array(name, bytes);
    send_place(into, into.stride == 1);
}

void find_array(const char *name) {
    const Array &found = array(name);
    send_place(found, found.stride == 1 && !sleepers_with(found.data()) && !compacted_with(found));
}

// An array of synapses, all of which are zero.
void clear_array(const char *name, size_t bytes) {
    const Array &cleared = sized_array(name, bytes);
    if (cleared.stride == 1) std::memset(cleared.data(), 0, bytes);
    else
        for (size_t k = 0; k < cleared.length(); k++)
            std::memset(cleared.data() + k * cleared.stride * cleared.item, 0, cleared.item);
}

Sleepers &sleepers_called(const char *name) {
    for (const auto &[each, slices] : circuit->sleepers)
        if (!std::strcmp(each->name, name)) return *each;
    die("unknown group", name);
}

void let_sleep(const char *name, size_t bytes) {
    std::vector<double> numbers(bytes / sizeof(double));
    receive(numbers.data(), bytes);
    sleepers_called(name).add(numbers.data(), numbers.size());
}

void read_sleep(const char *name) { send_all(sleepers_called(name).save()); }

void write_sleep(const char *name, size_t bytes) {
    std::vector<char> state(bytes);
    receive(state.data(), bytes);
    if (!sleepers_called(name).restore(state.data(), bytes)) die("state of other neurons than", name);
    send_count(bytes);
}

SynapticPathway &pathway(const char *name) {
    for (const Queue &each : circuit->queues)
        if (!std::strcmp(each.name, name)) return *each.pathway;
    die("unknown queue", name);
}

void link_synapses(const char *name, size_t bytes) {
    const std::vector<int32_t> delays = receive_numbers(bytes);
    pathway(name).link(delays.data(), delays.size());
    is_divided = false;
}

// As `link`, for synapses that are sorted by (neuron, delay), neuron k having those from starts[k]
// to starts[k + 1]; of delays there is one for all, or one for each synapse in so many bytes.
void link_rows(char *arguments) {
    char name[512];
    size_t item, count;
    if (std::sscanf(arguments, "%511s %zu %zu", name, &item, &count) != 3) die("malformed link");
    SynapticPathway &into = pathway(name);
    is_divided = false;
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
        for (const Range &range : step) {
            const Range all = from.linked(range);
            numbers.insert(numbers.end(), {all.start, all.stop});
        }
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
            range = into.in_memory(next[0], next[1]);
            next += 2;
        }
    }
    send_count(numbers.size());
}

// `pass_by QUEUE ARRAY`: spikes pass by the synapses in which an array is zero, also later on.
void pass_by(char *arguments) {
    char *name = std::strchr(arguments, ' ');
    *name++ = 0;
    if (array(name).item != sizeof(double)) die("no numbers in", name);
    passed_by.push_back({&pathway(arguments), &array(name)});
    is_divided = is_passed_by = false;
}

// `compact FLAGS COUNT`: once the flags are written, synapses whose flag is zero leave the memory;
// then `compact_array ARRAY 0`, 1 if also those that left keep it, and `compact_queue QUEUE`.
void compact(char *arguments) {
    char *count = std::strchr(arguments, ' ');
    *count++ = 0;
    compacted.emplace_back(array(arguments), array(count));
}

void compact_array(char *arguments) {
    char *keeps = std::strchr(arguments, ' ');
    *keeps++ = 0;
    compacted.back().add(array(arguments), *keeps == '1');
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

void divide_by_costs(Network &network) {
    for (auto &[slices, cost] : costs) slices->divide(cost, parts);
    for (const auto &[sleepers, slices] : circuit->sleepers) sleepers->divide(slices->bounds);
    for (const auto &[clock, object] : network.objects) {
        if (!object->by_target) continue;
        SynapticPathway &path = *object->by_target;
        path.is_by_target = true;
        path.allow_splits(parts);
        if (parts == 1) continue;
        if (!path.is_sorted_by_target) path.sort_by_target();
        const size_t bundles = path.count_bundles();
        pool.run(parts, [&](int32_t part) {
            path.split(bundles * part / parts, bundles * (part + 1) / parts, parts);
        });
    }
}

// Divide the neurons and synapses into as many parts as there may be threads; equal ones, as long as
// nothing has been measured.
void divide(Network &network) {
    if (is_divided) return;
    if (!std::exchange(is_passed_by, true))
        for (const auto &[path, flags] : passed_by)
            path->pass_by(reinterpret_cast<const double *>(flags->data()), flags->stride);
    for (Slices *each : circuit->slices) costs[each].assign(each->size, 1);
    balancings = 0;
    divide_by_costs(network);
    is_divided = true;
}

// Divide anew, so that threads work for about the same time; whether that is to be measured again.
bool balance(Network &network, const std::vector<double> &busy) {
    const double mean = std::accumulate(busy.begin(), busy.end(), 0.0) / busy.size();
    const double longest = *std::max_element(busy.begin(), busy.end());
    if (balancings++ == 0) return true;
    if (longest < BALANCED * mean) balancings = MOST_BALANCINGS;
    if (balancings == MOST_BALANCINGS) return false;
    for (auto &[slices, cost] : costs)
        for (int32_t part = 0; part < parts; part++)
            for (int32_t k = slices->bounds[part]; k < slices->bounds[part + 1]; k++)
                cost[k] *= busy[part] / mean;
    divide_by_costs(network);
    return true;
}

void flush(Network &network) {
    divide(network);
    for (auto &object : network.objects)
        if (object.first != &circuit->clock) (*object.second)({0, parts, parts});
}

// What is recorded of the steps of a run.
struct Recorded {
    std::vector<std::vector<int64_t>> times{circuit->sources.size()};
    std::vector<std::vector<int32_t>> neurons{circuit->sources.size()};
    int64_t stop;  // the step after the last

    void note(int64_t step) {
        for (size_t s = 0; s < times.size(); s++) {
            const int32_t *spikes = circuit->sources[s].spikes;
            const int32_t count = spikes[circuit->sources[s].slices->size];
            times[s].insert(times[s].end(), count, step);
            neurons[s].insert(neurons[s].end(), spikes, spikes + count);
        }
    }
    void send() {
        for (size_t s = 0; s < times.size(); s++) {
            send_all(times[s]);
            send_all(neurons[s]);
            times[s].clear();
            neurons[s].clear();
        }
        for (auto &sample : samples) {
            send_all(sample.values);
            sample.values.clear();
        }
    }
};

void deliver_all(const void *, const Slice &slice) {
    for (const Drive &drive : drives) deliver(drive, circuit->clock.timestep[0], slice);
}

void run_object(const void *object, const Slice &slice) {
    static_cast<const Object *>(object)->run(slice);
}

void collect_spikes(const void *source, const Slice &) {
    const auto &of = *static_cast<const Source *>(source);
    of.slices->collect(of.spikes);
}

void end_step(const void *recorded, const Slice &) {
    auto &into = *static_cast<Recorded *>(const_cast<void *>(recorded));
    into.note(circuit->clock.timestep[0]);
    circuit->clock.tick();
    const int64_t next = circuit->clock.timestep[0];
    if (next == into.stop) return;
    for (auto &sample : samples) take(sample, next);
}

Schedule schedule_of(const Network &network, const Recorded &recorded, bool is_due) {
    std::vector<Touch> reached;
    for (const Drive &drive : drives)
        for (const std::string &array : drive.arrays)
            reached.push_back({array.c_str(), drive.group.c_str(), true});
    Schedule made;
    if (!drives.empty()) made.add({deliver_all, nullptr, Run::by_each, reached, 0});
    std::vector<Job> collects;
    std::vector<std::pair<Job, bool>> later;
    size_t part = 2;
    for (const auto &[clock, object] : network.objects) {
        const Job job{run_object, object, object->how, object->touches, part++};
        if (clock != &circuit->clock && !is_due) continue;
        const bool finds_spikes = object->spikes || object->is_source;
        if (!finds_spikes)
            for (const Job &collect : std::exchange(collects, {})) made.add(collect);
        made.add(job);
        if (object->spikes)
            for (const Source &source : circuit->sources)
                if (source.slices == object->spikes)
                    collects.push_back({collect_spikes, &source, Run::after_all, {}, job.part});
    }
    for (const Job &collect : collects) made.add(collect);
    made.add({end_step, &recorded, Run::after_all, {}, 1});
    return made;
}

void run_steps(Network &network, int64_t steps) {
    static Recorded recorded;
    const int64_t first = circuit->clock.timestep[0];
    recorded.stop = first + steps;
    divide(network);
    // what is run does not change: everything was sent before the first step
    static const Schedule usual = schedule_of(network, recorded, false);
    static const Schedule due = schedule_of(network, recorded, true);
    const size_t waiting = 2 + network.objects.size();
    if (profile.wanted) profile.spent.resize(waiting + 1);
    for (auto &sample : samples) take(sample, first);
    for (int64_t done = 0; done < steps;) {
        const int32_t threads = choice.threads();
        const bool is_measured = threads == parts && parts > 1 && balancings < MOST_BALANCINGS;
        int64_t now = choice.steps(steps - done);
        if (is_measured) now = std::min(now, STEPS_TO_BALANCE);
        Barrier barrier(threads);
        Stopwatch watch;
        std::vector<double> busy(is_measured ? threads : 0);
        const auto begin = Ticks::now();
        pool.run(threads, [&](int32_t thread) {
            for (int64_t step = first + done; step < first + done + now; step++) {
                const bool is_due = flush_interval && step && step % flush_interval == 0;
                (is_due ? due : usual)
                    .run(thread, threads, parts, barrier, [&](size_t part) { watch.lap(part); },
                         waiting, busy.empty() ? nullptr : &busy[thread]);
            }
        });
        if (busy.empty() || !balance(network, busy))
            choice.note(now, std::chrono::duration<double>(Ticks::now() - begin).count());
        done += now;
    }
    recorded.send();
}

// `threads 4`: use so many; `threads up_to 4`: as many of these as are fastest.
void set_threads(const char *arguments) {
    int32_t number = 0;
    const bool is_most = std::sscanf(arguments, "up_to %d", &number) == 1;
    if (!is_most && std::sscanf(arguments, "%d", &number) != 1) die("malformed number of threads");
    if (number < 1) die("no threads");
    if (is_most) choice.up_to(number);
    else choice.fix(number);
    parts = number;
    is_divided = false;
}

// The arrays that a drive changes, by the names that the objects of the model have for them.
void find_arrays(Drive &drive, const char *target) {
    drive.target = reinterpret_cast<double *>(array(target).data());
    for (const auto &[each, slices] : circuit->sleepers)
        if (each->index_of(drive.target) >= 0) drive.sleepers = each;
    for (const Array &each : circuit->arrays) {
        const bool is_brought = drive.sleepers && drive.sleepers->index_of(each.data()) >= 0;
        if (!is_brought && std::strcmp(each.name, target)) continue;
        drive.arrays.push_back(std::string("_array_") + each.name);
        std::replace(drive.arrays.back().begin(), drive.arrays.back().end(), '.', '_');
    }
    drive.group = std::string(target, std::strchr(target, '.') - target);
    for (const Source &source : circuit->sources)
        if (source.name == drive.group) drive.slices = source.slices;
}

// The tables from which its numbers of events are drawn.
void tabulate(Drive &drive) {
    const size_t last = std::max<size_t>(drive.first, (drive.stop() - 1) & ~size_t(BLOCK - 1));
    for (const size_t size : {drive.in_block(drive.first), size_t(BLOCK), drive.in_block(last)})
        if (drive.mean < SPARSE) drive.tables.emplace_back(drive.mean * size);
    if (drive.mean < FEW) drive.few = FewEvents(drive.mean, _exponential(-drive.mean));
}

// Poisson input of `mean` events a step to neurons that follow one another; where that is 0, to so
// many as are listed behind, each with its own mean.
void add_drive(char *arguments) {
    char target[300], weight[300], open[300];
    Drive drive{};
    if (std::sscanf(arguments, "%299s %299s %299s %zu %zu %la %u", target, weight, open,
                    &drive.first, &drive.size, &drive.mean, &drive.stream) != 7)
        die("malformed drive");
    find_arrays(drive, target);
    if (drive.mean > 0) tabulate(drive);
    else {
        drive.neurons.resize(drive.size);
        drive.means.resize(drive.size);
        receive(drive.neurons.data(), drive.size * sizeof(int32_t));
        receive(drive.means.data(), drive.size * sizeof(double));
        for (const double mean : drive.means) drive.nones.push_back(_exponential(-mean));
        drive.size = array(target).length();
    }
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
    const Sleepers *sleepers = sleepers_with(variable);
    const int held = sleepers ? sleepers->index_of(variable) : 0;
    Sample sample{variable, sleepers, held, every, std::vector<int32_t>(count), {}};
    receive(sample.neurons.data(), count * sizeof(int32_t));
    samples.push_back(std::move(sample));
}

}  // namespace

RandomKey random_key;

template class std::vector<double>;
template class std::vector<int32_t>;
template class std::vector<double, Untouched<double>>;
template class std::vector<int32_t, Untouched<int32_t>>;

Slices::Slices(size_t size) : size(size) { divide({}, 1); }

// Parts of about the same cost.
void Slices::divide(const std::vector<double> &costs, int32_t parts) {
    const double total = std::accumulate(costs.begin(), costs.end(), 0.0);
    bounds.assign(parts + 1, size);
    bounds[0] = 0;
    double sum = 0;
    for (size_t neuron = 0, part = 1; neuron < costs.size() && part < size_t(parts); neuron++) {
        for (; neuron % BLOCK == 0 && part < size_t(parts) && sum >= total * part / parts; part++)
            bounds[part] = neuron;
        sum += costs[neuron];
    }
    counts.assign(parts, 0);
    offsets.assign(parts + 1, 0);
    found.resize(size);
}

// Bring the spikes that were found in the parts together, in their order.
void Slices::collect(int32_t *spikes) {
    int32_t total = 0;
    for (size_t part = 0; part < counts.size(); part++) {
        offsets[part] = total;
        std::copy_n(found.begin() + bounds[part], counts[part], spikes + total);
        total += counts[part];
        counts[part] = 0;
    }
    spikes[size] = offsets.back() = total;
}

SynapticPathway::SynapticPathway(const Numbers<int32_t> &neurons, int32_t first_neuron,
                                 int32_t end_neuron, const Numbers<int32_t> &targets,
                                 const Slices &slices)
    : neurons(neurons), targets(targets), slices(slices), first_neuron(first_neuron),
      bundles_of(end_neuron - first_neuron + 1) {}

// Within a bundle, so that those of a part are contiguous. The order of the synapses onto one target
// stays, and so do all results.
void SynapticPathway::sort_by_target() {
    is_sorted_by_target = true;
    const auto target = [&](size_t k) { return targets[order.empty() ? k : order[k]]; };
    bool is_sorted = true;
    for (size_t b = 0; b + 1 < bundles.size() && is_sorted; b++)
        for (int32_t k = bundles[b].start + 1; k < stop(b) && is_sorted; k++)
            is_sorted = target(k - 1) <= target(k);
    if (is_sorted) return;
    if (order.empty()) {
        order.resize(targets.size());
        std::iota(order.begin(), order.end(), 0);
    }
    for (size_t b = 0; b + 1 < bundles.size(); b++)
        std::stable_sort(order.begin() + bundles[b].start, order.begin() + stop(b),
                         [&](int32_t one, int32_t other) { return targets[one] < targets[other]; });
}

void SynapticPathway::split(size_t from, size_t to, int32_t parts) {
    const auto target = [&](size_t k) { return targets[order.empty() ? k : order[k]]; };
    for (size_t b = from; b < to; b++) {
        int32_t k = bundles[b].start;
        const int32_t last = stop(b);
        for (int32_t part = 1; part < parts; part++) {
            while (k < last && target(k) < slices.bounds[part]) k++;
            splits[b * (parts - 1) + part - 1] = k;
        }
    }
}

int32_t SynapticPathway::bundle_from(int32_t start) const {
    if (!linked_starts.empty())
        return std::upper_bound(linked_starts.begin(), linked_starts.end(), start) -
               linked_starts.begin() - 1;
    const auto after = std::upper_bound(
        bundles.begin(), bundles.end(), start,
        [](int32_t position, const Bundle &bundle) { return position < bundle.start; });
    return after - bundles.begin() - 1;
}

// Spikes in flight arrive where they would if it had been so from the beginning.
void SynapticPathway::pass_by(const double *flags, size_t stride) {
    if (order.empty()) {
        order.resize(targets.size());
        std::iota(order.begin(), order.end(), 0);
    }
    is_sorted_by_target = false;
    stops.resize(count_bundles());
    for (size_t b = 0; b < stops.size(); b++) {
        const auto begin = order.begin() + bundles[b].start;
        const auto end = order.begin() + bundles[b + 1].start;
        const auto stop = std::partition(
            begin, end, [&](int32_t synapse) { return flags[synapse * stride] != 0; });
        std::sort(begin, stop);
        stops[b] = stop - order.begin();
    }
    for (auto &step : in_flight)
        for (Range &range : step) range.stop = stops[range.bundle];
}

// Those of a postsynaptic neuron are one bundle, and found by their targets; those of a presynaptic
// one are in the order of the synapses.
void SynapticPathway::leave_out(const std::vector<bool> &connected) {
    if (linked_starts.empty())
        for (const Bundle &each : bundles) linked_starts.push_back(each.start);
    if (&neurons == &targets) {
        std::vector<int32_t> counts(neuron_count() + 1);
        for (const int32_t neuron : neurons) counts[neuron - first_neuron + 1]++;
        std::partial_sum(counts.begin(), counts.end(), counts.begin());
        for (size_t neuron = 0; neuron < neuron_count(); neuron++)
            if (bundles_of[neuron] < bundles_of[neuron + 1])
                bundles[bundles_of[neuron]].start = counts[neuron];
        if (!order.empty()) {
            order = std::vector<int32_t>();  // and its memory
            sort([](size_t) { return 0; });
        }
    } else {
        size_t place = 0;
        int32_t before = 0;
        for (size_t b = 0; b + 1 < bundles.size(); b++) {
            for (; place < size_t(linked_starts[b]); place++) before += connected[place];
            bundles[b].start = before;
        }
        order.clear();
        is_sorted_by_target = false;
    }
    bundles.back().start = targets.size();
    for (auto &step : in_flight)
        for (Range &range : step) range = {bundles[range.bundle].start, stop(range.bundle), range.bundle};
}

Range SynapticPathway::linked(const Range &range) const {
    if (linked_starts.empty()) return range;
    const int32_t start = linked_starts[range.bundle];
    return {start, start + range.stop - range.start, range.bundle};
}

Range SynapticPathway::in_memory(int32_t start, int32_t last) const {
    const int32_t bundle = bundle_from(start);
    if (linked_starts.empty()) return {start, last, bundle};
    return {bundles[bundle].start, stop(bundle), bundle};
}

SynapticPathway::~SynapticPathway() = default;

template <class T> size_t Access<T>::count_of(void *vector) {
    return static_cast<Numbers<T> *>(vector)->size();
}
template <class T> char *Access<T>::data_of(void *vector) {
    return (char *)static_cast<Numbers<T> *>(vector)->data();
}
template <class T> char *Access<T>::data_at(void *pointer) {
    return (char *)*static_cast<T **>(pointer);
}
template <class T> void Access<T>::resize_to(void *held, size_t length) {
    auto &vector = *static_cast<Numbers<T> *>(held);
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
        else if (command.is("pass_by")) pass_by(command.arguments);
        else if (command.is("compact")) compact(command.arguments);
        else if (command.is("compact_array")) compact_array(command.arguments);
        else if (command.is("compact_queue")) compacted.back().add(pathway(command.arguments));
        else if (command.is("read_random")) read_random();
        else if (command.is("write_random")) write_random(command.number());
        else if (command.is("write_queue")) command.sized(write_queue);
        else if (command.is("sleep")) command.sized(let_sleep);
        else if (command.is("read_sleep")) read_sleep(command.arguments);
        else if (command.is("write_sleep")) command.sized(write_sleep);
        else if (command.is("seed")) random_key = command.key();
        else if (command.is("flush_interval")) flush_interval = command.number();
        else if (command.is("drive")) add_drive(command.arguments);
        else if (command.is("sample")) add_sample(command.arguments);
        else if (command.is("threads")) set_threads(command.arguments);
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
