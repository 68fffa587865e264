// The part of an unmodified brian2cuda program that communicates with Thalia. The program has every
// array both on the host and on the device.

#include "objects.h"
#include "network.h"
#include "brianlib/cuda_utils.h"
#include "serve_unmodified.h"

#include <unistd.h>

#include <cstdio>

static FILE *replies = nullptr;
#define REPLIES replies
#include "connection.h"

namespace {

struct Array {
    const char *name;
    size_t item;
    char *(*host)();
    char *(*device)();  // null where the program keeps it on the host alone
    size_t (*length)();
    void (*resize)(size_t);
};

const Array arrays[] = {
@ARRAYS@
};

// The delay of each synapse of a pathway in seconds, from which brian2cuda makes its queues before the
// first step.
struct Delays { const char *name; void (*set)(const std::vector<int32_t> &); };

template <class Vector> void set_delays(Vector &host, Vector &, const std::vector<int32_t> &steps) {
    host.resize(steps.size());
    for (size_t k = 0; k < steps.size(); k++) host[k] = steps[k] * brian::defaultclock.dt[0];
}

const Delays delays[] = {
@DELAYS@
    {nullptr, nullptr},
};

struct Source { size_t neurons; const int32_t *(*spikes)(); };

const Source sources[] = {
@SOURCES@
};

struct Sample {
    const char *name;
    int64_t every;
    std::vector<int32_t> neurons;
    std::vector<double> values;
};
std::vector<Sample> samples;
int64_t flush_interval = 0;

const Array &array(const char *name) {
    for (const Array &each : arrays)
        if (!std::strcmp(each.name, name)) return each;
    die("unknown array", name);
}

void write_array(const char *name, size_t bytes) {
    const Array &into = array(name);
    if (into.resize) into.resize(bytes / into.item);
    if (into.length() * into.item != bytes) die("length mismatch for", name);
    receive(into.host(), bytes);
    if (into.device && bytes) CUDA_SAFE_CALL(cudaMemcpy(into.device(), into.host(), bytes, cudaMemcpyHostToDevice));
    send_count(into.length());
}

void fetch(const Array &from) {
    const size_t bytes = from.length() * from.item;
    if (from.device && bytes) CUDA_SAFE_CALL(cudaMemcpy(from.host(), from.device(), bytes, cudaMemcpyDeviceToHost));
}

void read_array(const char *name) {
    const Array &from = array(name);
    fetch(from);
    send_count(from.length() * from.item);
    send(from.host(), from.length() * from.item);
}

void link_synapses(const char *name, size_t bytes) {
    const std::vector<int32_t> steps = receive_numbers(bytes);
    for (const Delays *each = delays; each->name; each++)
        if (!std::strcmp(each->name, name)) return each->set(steps);
    die("unknown pathway", name);
}

void add_sample(const char *arguments) {
    char name[512];
    long long every;
    size_t count;
    if (std::sscanf(arguments, "%511s %lld %zu", name, &every, &count) != 3)
        die("malformed sample");
    samples.push_back({array(name).name, every, receive_numbers(count * sizeof(int32_t)), {}});
}

void take(Sample &sample, int64_t step) {
    if (step % sample.every) return;
    const Array &from = array(sample.name);
    fetch(from);
    for (int32_t neuron : sample.neurons) sample.values.push_back(reinterpret_cast<const double *>(from.host())[neuron]);
}

// Like brian2cuda's own loop over steps, but for as many as are requested.
void run_steps(Network &network, int64_t steps) {
    auto &clock = brian::defaultclock;
    const size_t count = sizeof sources / sizeof *sources;
    std::vector<std::vector<int64_t>> times(count);
    std::vector<std::vector<int32_t>> neurons(count);
    for (int64_t k = 0; k < steps; k++) {
        const int64_t step = clock.timestep[0];
        network.t = clock.t[0];
        for (Sample &each : samples) take(each, step);
        const bool is_due = flush_interval && step && step % flush_interval == 0;
        for (const auto &object : network.objects)
            if (object.second && (object.first == &clock || is_due)) object.second();
        for (size_t s = 0; s < count; s++) {
            int32_t fired = 0;
            const int32_t *spikes = sources[s].spikes();
            CUDA_SAFE_CALL(cudaMemcpy(&fired, spikes + sources[s].neurons, sizeof fired, cudaMemcpyDeviceToHost));
            const size_t before = neurons[s].size();
            times[s].insert(times[s].end(), fired, step);
            neurons[s].resize(before + fired);
            if (fired) CUDA_SAFE_CALL(cudaMemcpy(neurons[s].data() + before, spikes, fired * sizeof fired, cudaMemcpyDeviceToHost));
            std::sort(neurons[s].begin() + before, neurons[s].end());
        }
        clock.tick();
        @ADVANCE@
    }
    for (size_t s = 0; s < count; s++) {
        send_all(times[s]);
        send_all(neurons[s]);
    }
    for (Sample &each : samples) {
        send_all(each.values);
        each.values.clear();
    }
}

void flush(Network &network) {
    for (const auto &object : network.objects)
        if (object.second && object.first != &brian::defaultclock) object.second();
}

}  // namespace

// Reserve standard output for replies: brian2cuda reports on its kernels there, too.
void thalia_open() {
    replies = fdopen(dup(1), "w");
    if (!std::freopen("/dev/null", "w", stdout)) std::_Exit(4);
}

void thalia_serve(Network *network) {
    if (network) {
        @BEGIN@
        // brian2cuda draws random numbers for so many steps, but not all at once
        brian::defaultclock.i_end = int64_t(1) << 40;
    }
    Command command;
    while (command.read()) {
        if (command.is("start")) return;
        if (command.is("end")) break;
        if (command.is("write")) command.sized(write_array);
        else if (command.is("link")) command.sized(link_synapses);
        else if (command.is("read")) read_array(command.arguments);
        else if (command.is("read_random")) send_count(0);
        else if (command.is("seed")) brian::random_number_buffer.set_seed(command.whole_number());
        else if (command.is("flush_interval")) flush_interval = command.number();
        else if (command.is("sample")) add_sample(command.arguments);
        else if (command.is("flush") && network) flush(*network);
        else if (command.is("run") && network) run_steps(*network, command.number());
        else die("unknown command", command.line);
        std::fflush(replies);
    }
    std::_Exit(0);
}
