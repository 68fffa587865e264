// Neurons that sleep: of those whose equations are linear, only the ones that might fire soon are
// advanced in every step.
//
// A neuron sleeps while a bound says that it cannot reach its threshold without further input. An
// input first brings it to the present, by the exact solution over the steps since it was last
// brought there, and then wakes it if the bound no longer holds. Whoever only looks at a sleeping
// neuron gets a copy, so that nothing that happens depends on who looks and when.
//
// All decisions are those of a neuron, or of a block of neurons, by their own history. Where most
// neurons of a block are awake, or touched often, the block is dense: advanced in every step, in
// vector instructions, and left alone for a while.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

// Neurons that follow one another.
struct Stretch { int32_t start, stop; };

// What the server knows of the neurons of a group that may sleep.
struct Sleepers {
    const char *name;

    explicit Sleepers(const char *name) : name(name) {}
    virtual ~Sleepers() = default;

    // Let the neurons of a population sleep: its first neuron and the one after its last, steps in
    // the table, the bound below which a neuron may sleep; of each variable the value at rest, and
    // by how much the bound rises with it above and below rest; and for each number of steps the
    // coefficients of the exact solution.
    virtual void add(const double *numbers, size_t count) = 0;
    // Which variable of the neurons an array holds; -1 if none.
    virtual int index_of(const void *data) const = 0;
    // A variable of a neuron at present.
    virtual double value(int variable, size_t neuron) const = 0;
    // Add input from outside to a variable, before the step in which it is.
    virtual void receive(double *variable, size_t neuron, double input) = 0;
    virtual size_t size() const = 0;
    virtual bool is_used() const = 0;
    // Divide the neurons among threads.
    virtual void divide(const std::vector<int32_t> &bounds) = 0;
    // Bring all neurons to the present, and keep them awake until they are asked again.
    virtual void wake_all() = 0;
    // Everything that the future depends on, as bytes; empty where no neuron may sleep.
    virtual std::vector<char> save() const = 0;
    virtual bool restore(const char *bytes, size_t count) = 0;
};

// The neurons of a group with V variables. Bit V * a + b of READS says whether variable a depends on
// variable b, which is one before it or itself; bit a of SHIFTED, whether it is driven by a constant.
template <int V, uint64_t READS, uint64_t SHIFTED>
class SleepersOf final : public Sleepers {
    static constexpr int32_t AWAKE = -1;
    static constexpr size_t BLOCK = 64;  // neurons; parts are made of whole blocks
    static constexpr int64_t EVERY = 8;        // steps after which neurons that are awake are asked
    static constexpr int64_t WINDOW = 256;     // steps after which blocks are reviewed
    static constexpr int64_t LONGEST = 1 << 20;  // steps that a neuron sleeps at most
    static constexpr int32_t MASK = (1 << 30) - 1;  // steps are counted modulo this number plus 1
    static constexpr int MOST_PATIENT = 6;
    // About how many tenths of a nanosecond the parts of the work take.
    static constexpr int32_t TOUCH = 50, STEP = 25, DENSE_STEP = 8;

    static constexpr bool reads(int a, int b) { return READS >> (V * a + b) & 1; }
    static constexpr bool is_shifted(int a) { return SHIFTED >> a & 1; }
    // Where in a row of the table the coefficient of b in a is; that of the constant for b == V.
    static constexpr int position(int a, int b) {
        int found = 0;
        for (int i = 0; i <= a; i++) {
            for (int j = 0; j < V; j++) {
                if (i == a && j == b) return found;
                found += reads(i, j);
            }
            if (i == a && b == V) return found;
            found += is_shifted(i);
        }
        return found;
    }
    static constexpr int ROW = position(V - 1, V) + is_shifted(V - 1);

    struct Kind {
        double need, rest[V], up[V], down[V];
        int32_t rows;
        std::vector<double> table;
    };
    struct Block {
        int32_t work;  // in the present window
        uint8_t kind;  // of its neurons; 0 if they may not sleep
        bool is_dense;
        uint8_t patience;
        uint8_t unused;
    };

    // Neurons that one thread advances.
    struct alignas(64) Part {
        size_t first, stop;          // its neurons
        size_t asleep;               // how many of them are
        std::vector<Stretch> dense;  // advanced in every step, in vectors
        std::vector<int32_t> awake;  // others that are awake, in no order
    };

    double *x[V];
    const char *open = nullptr;  // whether each neuron is not refractory, or null where all are
    const int64_t *timestep = nullptr;
    std::vector<int32_t> since;  // when each neuron was last brought to the present, or AWAKE
    std::vector<Block> blocks;
    std::vector<int64_t> trial;  // the step after which each dense block is tried again
    std::vector<Kind> kinds;
    std::vector<Part> parts;

    // How often the neurons that are awake have been advanced, between two steps and in one.
    int32_t before_step() const { return *timestep & MASK; }
    int32_t in_step() const { return (*timestep + 1) & MASK; }

public:
    explicit SleepersOf(const char *name) : Sleepers(name) {}

    void start(std::initializer_list<double *> variables, size_t neurons, const char *open,
               const int64_t *timestep) {
        std::copy(variables.begin(), variables.end(), x);
        this->open = open;
        this->timestep = timestep;
        since.assign(neurons, AWAKE);
        blocks.assign((neurons + BLOCK - 1) / BLOCK, {0, 0, true, 0, 0});
        trial.assign(blocks.size(), 0);
        kinds.resize(1);
        divide({0, int32_t(neurons)});
    }

    // Divide the neurons into parts with these bounds, of which all but the last are at blocks.
    void divide(const std::vector<int32_t> &bounds) override {
        parts.clear();
        for (size_t p = 0; p + 1 < bounds.size(); p++)
            parts.push_back({size_t(bounds[p]), size_t(bounds[p + 1]), 0, {}, {}});
        for (Part &part : parts) list(part);
    }

    const Part &part(int32_t p) const { return parts[p]; }
    bool has_asleep(int32_t begin, int32_t end) const {
        return std::any_of(&parts[begin], &parts[0] + end, [](const Part &p) { return p.asleep; });
    }

    // What a pass over synapses needs, in variables of its own that nothing it writes can change.
    class Pass
    {
        SleepersOf &all;
        int32_t *const since;
        Block *const blocks;
        const Kind *const kinds;
        const Kind *const only;  // if there is no other
        double *x[V];
        const int32_t now;

        [[gnu::always_inline]] const Kind &kind_of(size_t neuron) const {
            return only ? *only : kinds[blocks[neuron / BLOCK].kind];
        }

    public:
        explicit Pass(SleepersOf &all) : Pass(all, all.in_step()) {}
        Pass(SleepersOf &all, int32_t now)
            : all(all), since(all.since.data()), blocks(all.blocks.data()),
              kinds(all.kinds.data()), only(all.kinds.size() == 2 ? &all.kinds[1] : nullptr),
              now(now) {
            std::copy(all.x, all.x + V, x);
        }

        // Bring a neuron to the present.
        [[gnu::always_inline]] void touch(size_t neuron) {
            const int32_t then = since[neuron];
            if (then == AWAKE) return;
            blocks[neuron / BLOCK].work += TOUCH;
            if (then == now) return;
            since[neuron] = now;
            bring(x, neuron, (now - then) & MASK, kind_of(neuron));
        }

        // Wake a neuron that was touched and has changed, if it might fire.
        [[gnu::always_inline]] void check(size_t neuron) {
            if (since[neuron] == AWAKE || !might_fire(x, neuron, kind_of(neuron))) return;
            since[neuron] = AWAKE;
            Part &part = all.part_with(neuron);
            part.awake.push_back(neuron);
            part.asleep--;
        }

        [[gnu::always_inline]] void prefetch(size_t neuron) const {
            __builtin_prefetch(&since[neuron]);
            for (int a = 0; a < V; a++) __builtin_prefetch(&x[a][neuron]);
        }
    };

    // After the neurons of some parts that are awake have been advanced and asked.
    __attribute__((noinline)) void review(int32_t begin, int32_t end) {
        if (kinds.size() == 1) return;
        const int64_t step = *timestep;
        for (int32_t p = begin; p < end; p++) {
            if (step % EVERY == 0) review_awake(parts[p]);
            if (step % WINDOW == 0) review_blocks(parts[p], step);
            if (step % LONGEST == 0)
                for (size_t i = parts[p].first; parts[p].asleep && i < parts[p].stop; i++)
                    bring_to(in_step(), i);
        }
    }

    void add(const double *numbers, size_t count) override {
        const size_t first = *numbers++, stop = *numbers++;
        Kind kind;
        kind.rows = *numbers++;
        kind.need = *numbers++;
        for (double *into : {kind.rest, kind.up, kind.down}) {
            std::copy(numbers, numbers + V, into);
            numbers += V;
        }
        kind.table.assign(numbers, numbers + kind.rows * ROW);
        for (size_t b = (first + BLOCK - 1) / BLOCK; b < blocks.size(); b++)
            if (std::min((b + 1) * BLOCK, since.size()) <= stop) blocks[b].kind = kinds.size();
        kinds.push_back(std::move(kind));
    }

    int index_of(const void *data) const override {
        for (int a = 0; a < V; a++)
            if (x[a] == data) return a;
        return -1;
    }

    double value(int variable, size_t neuron) const override {
        double values[V];
        for (int a = 0; a < V; a++) values[a] = x[a][neuron];
        const int32_t then = since[neuron];
        const int32_t steps = (before_step() - then) & MASK;
        if (then != AWAKE && steps)
            propagate(values, steps, kinds[blocks[neuron / BLOCK].kind]);
        return values[variable];
    }

    void receive(double *variable, size_t neuron, double input) override {
        Pass pass(*this, before_step());
        pass.touch(neuron);
        variable[neuron] += input;
        pass.check(neuron);
    }

    size_t size() const override { return since.size(); }
    bool is_used() const override { return kinds.size() > 1; }

    void wake_all() override {
        for (size_t i = 0; i < since.size(); i++) {
            bring_to(before_step(), i);
            since[i] = AWAKE;
        }
        for (Part &part : parts) list(part);
    }

    std::vector<char> save() const override {
        std::vector<char> bytes;
        if (!is_used()) return bytes;
        put(bytes, since.data(), since.size());
        put(bytes, blocks.data(), blocks.size());
        put(bytes, trial.data(), trial.size());
        for (int a = 0; a < V; a++) put(bytes, x[a], since.size());
        return bytes;
    }

    bool restore(const char *bytes, size_t count) override {
        if (count != save().size()) return false;
        if (!is_used()) return true;
        const std::vector<Block> own = blocks;
        get(bytes, since.data(), since.size());
        get(bytes, blocks.data(), blocks.size());
        get(bytes, trial.data(), trial.size());
        for (int a = 0; a < V; a++) get(bytes, x[a], since.size());
        for (size_t b = 0; b < blocks.size(); b++) blocks[b].kind = own[b].kind;
        for (Part &part : parts) list(part);
        return true;
    }

private:
    template <class T> static void put(std::vector<char> &bytes, const T *items, size_t count) {
        const char *first = reinterpret_cast<const char *>(items);
        bytes.insert(bytes.end(), first, first + count * sizeof(T));
    }
    template <class T> static void get(const char *&bytes, T *items, size_t count) {
        std::memcpy(items, bytes, count * sizeof(T));
        bytes += count * sizeof(T);
    }

    template <int A, int B> static void add_term(double &sum, const double *row, const double *x) {
        if constexpr (reads(A, B)) sum += row[position(A, B)] * x[B];
        if constexpr (B + 1 < V) add_term<A, B + 1>(sum, row, x);
        else if constexpr (is_shifted(A)) sum += row[position(A, V)];
    }
    template <int A> static void add_row(double *after, const double *row, const double *x) {
        after[A] = 0;
        add_term<A, 0>(after[A], row, x);
        if constexpr (A + 1 < V) add_row<A + 1>(after, row, x);
    }
    static void multiply(double *values, const double *row) {
        double after[V];
        add_row<0>(after, row, values);
        for (int a = 0; a < V; a++) values[a] = after[a];
    }

    static void propagate(double *values, int32_t steps, const Kind &kind) {
        for (; steps > kind.rows; steps -= kind.rows)
            multiply(values, &kind.table[(kind.rows - 1) * ROW]);
        multiply(values, &kind.table[(steps - 1) * ROW]);
    }

    // Advance a neuron by some steps at once.
    [[gnu::always_inline]] static void bring(double *const *x, size_t neuron, int32_t steps,
                                             const Kind &kind) {
        double values[V];
        for (int a = 0; a < V; a++) values[a] = x[a][neuron];
        propagate(values, steps, kind);
        for (int a = 0; a < V; a++) x[a][neuron] = values[a];
    }

    // Whether a neuron that is brought to the present, and not refractory, might reach the threshold
    // without further input.
    [[gnu::always_inline]] static bool might_fire(const double *const *x, size_t neuron,
                                                  const Kind &kind) {
        double bound = 0;
        for (int a = 0; a < V; a++) {
            const double above = x[a][neuron] - kind.rest[a];
            bound += std::max(kind.up[a] * above, kind.down[a] * above);
        }
        return !(bound < kind.need);
    }

    bool may_sleep(size_t neuron, const Kind &kind) const {
        return !(open && !open[neuron]) && !might_fire(x, neuron, kind);
    }

    Part &part_with(size_t neuron) {
        return *std::partition_point(parts.begin(), parts.end(),
                                     [=](const Part &part) { return part.stop <= neuron; });
    }

    void bring_to(int32_t now, size_t neuron) {
        const int32_t then = since[neuron];
        if (then == AWAKE || then == now) return;
        bring(x, neuron, (now - then) & MASK, kinds[blocks[neuron / BLOCK].kind]);
        since[neuron] = now;
    }

    void review_awake(Part &part) {
        size_t kept = 0;
        for (const int32_t neuron : part.awake) {
            Block &block = blocks[neuron / BLOCK];
            if (may_sleep(neuron, kinds[block.kind])) {
                since[neuron] = in_step();
                part.asleep++;
            } else {
                block.work += EVERY * STEP;
                part.awake[kept++] = neuron;
            }
        }
        part.awake.resize(kept);
    }

    void review_blocks(Part &part, int64_t step) {
        bool has_changed = false;
        // from the next block on: a part without neurons begins where the last block ends
        for (size_t b = (part.first + BLOCK - 1) / BLOCK; b * BLOCK < part.stop; b++) {
            Block &block = blocks[b];
            if (!block.kind) continue;
            has_changed |= block.is_dense ? step >= trial[b] && try_block(b) : leave_block(b);
            if (block.is_dense && step >= trial[b]) {
                block.patience = std::min(block.patience + 1, MOST_PATIENT);
                trial[b] = step + (WINDOW << block.patience);
            }
            block.work = 0;
        }
        if (has_changed) list(part);
    }

    // Let the neurons of a dense block sleep, if most of them may.
    bool try_block(size_t b) {
        const size_t first = b * BLOCK, stop = std::min(first + BLOCK, since.size());
        const Kind &kind = kinds[blocks[b].kind];
        size_t found = 0;
        for (size_t i = first; i < stop; i++) found += may_sleep(i, kind);
        if (2 * found < stop - first) return false;
        blocks[b].is_dense = false;
        for (size_t i = first; i < stop; i++)
            if (may_sleep(i, kind)) since[i] = in_step();
        return true;
    }

    // Make a block dense, if that is less work.
    bool leave_block(size_t b) {
        const size_t first = b * BLOCK, stop = std::min(first + BLOCK, since.size());
        if (blocks[b].work < int32_t(WINDOW * BLOCK) * DENSE_STEP) {
            blocks[b].patience = 0;
            return false;
        }
        for (size_t i = first; i < stop; i++) {
            bring_to(in_step(), i);
            since[i] = AWAKE;
        }
        blocks[b].is_dense = true;
        return true;
    }

    // List what is awake, by what is known of each neuron and block.
    void list(Part &part) {
        part.dense.clear();
        part.awake.clear();
        part.asleep = 0;
        for (size_t first = part.first; first < part.stop; first += BLOCK) {
            const int32_t stop = std::min(first + BLOCK, part.stop);
            if (blocks[first / BLOCK].is_dense) {
                if (part.dense.empty() || part.dense.back().stop != int32_t(first))
                    part.dense.push_back({int32_t(first), stop});
                else part.dense.back().stop = stop;
                continue;
            }
            for (int32_t i = first; i < stop; i++) {
                if (since[i] == AWAKE) part.awake.push_back(i);
                else part.asleep++;
            }
        }
    }
};
