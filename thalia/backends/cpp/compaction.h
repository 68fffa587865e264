// Objects of which only the synapses that are connected are in memory. Whoever reads or writes one of
// their arrays has all potential synapses, of which the others are zero. What all of them have, and
// keep, is here besides: their targets, and constants.

#pragma once

#include "connection.h"
#include "model.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

class Compacted {
    struct Held { const Array *array; std::vector<char> potential; };  // of all synapses, if kept
    const Array &flags;
    int32_t &count;  // of synapses, as the objects of the model know it
    std::vector<Held> held;
    std::vector<SynapticPathway *> paths;
    std::vector<bool> connected;  // of the potential synapses; empty while all are in memory
    static constexpr size_t PIECE = 1 << 16;  // synapses that are sent or received at once

public:
    Compacted(const Array &flags, const Array &count)
        : flags(flags), count(*reinterpret_cast<int32_t *>(count.data())) {
        if (flags.item != sizeof(double)) die("no numbers in", flags.name);
        if (count.item != sizeof(int32_t)) die("no number of synapses in", count.name);
#ifdef __GLIBC__
        // so that arrays go back to the system when they are freed; by default larger and larger ones
        // are kept
        mallopt(M_MMAP_THRESHOLD, 1 << 18);
#endif
        add(flags, false);
    }
    void add(const Array &array, bool keeps) {
        if (array.length() != flags.length()) die("length mismatch for", array.name);
        held.push_back({&array, keeps ? values_of(array) : std::vector<char>{}});
    }
    void add(SynapticPathway &path) { paths.push_back(&path); }
    bool has(const Array &array) const { return held_as(array) && !connected.empty(); }
    bool is_begun_by(const Array &array) const { return &array == &flags; }

    // The numbers of an array for all potential synapses, so many bytes, which follow.
    void write(const Array &array, size_t bytes) {
        if (bytes != potential() * array.item) die("length mismatch for", array.name);
        if (&array == &flags) return connect();
        Held &into = *held_as(array);
        size_t place = 0;
        through([&](size_t first, size_t size, std::vector<char> &piece) {
            receive(piece.data(), size * array.item);
            if (!into.potential.empty())
                std::memcpy(&into.potential[first * array.item], piece.data(), size * array.item);
            for (size_t k = 0; k < size; k++)
                if (connected[first + k])
                    std::memcpy(at(array, place++), &piece[k * array.item], array.item);
        }, array.item);
        send_count(connected.size());
    }

    void read(const Array &array) {
        send_count(connected.size() * array.item);
        const Held &from = *held_as(array);
        if (!from.potential.empty()) return send(from.potential.data(), from.potential.size());
        size_t place = 0;
        through([&](size_t first, size_t size, std::vector<char> &piece) {
            std::memset(piece.data(), 0, piece.size());
            for (size_t k = 0; k < size; k++)
                if (connected[first + k])
                    std::memcpy(&piece[k * array.item], at(array, place++), array.item);
            send(piece.data(), size * array.item);
        }, array.item);
    }

private:
    size_t potential() const { return connected.empty() ? flags.length() : connected.size(); }
    static char *at(const Array &array, size_t k) {
        return array.data() + k * array.stride * array.item;
    }
    static std::vector<char> values_of(const Array &array) {
        std::vector<char> values(array.length() * array.item);
        for (size_t k = 0; k < array.length(); k++)
            std::memcpy(&values[k * array.item], at(array, k), array.item);
        return values;
    }
    Held *held_as(const Array &array) {
        for (Held &each : held)
            if (each.array == &array) return &each;
        return nullptr;
    }
    const Held *held_as(const Array &array) const {
        return const_cast<Compacted *>(this)->held_as(array);
    }
    template <class Piece> void through(const Piece &piece, size_t item) const {
        std::vector<char> between(std::min(PIECE, connected.size()) * item);
        for (size_t first = 0; first < connected.size(); first += PIECE)
            piece(first, std::min(PIECE, connected.size() - first), between);
    }

    // The flags of all potential synapses follow: those whose flag is zero leave, others come.
    void connect() {
        std::vector<bool> before = std::move(connected);
        if (before.empty()) before.assign(flags.length(), true);  // for the first time
        connected.assign(before.size(), false);
        size_t number = 0;
        through([&](size_t first, size_t size, std::vector<char> &piece) {
            receive(piece.data(), size * sizeof(double));
            for (size_t k = 0; k < size; k++) {
                double flag;
                std::memcpy(&flag, &piece[k * sizeof(double)], sizeof flag);
                number += connected[first + k] = flag != 0;
            }
        }, sizeof(double));
        std::vector<std::vector<char>> next;
        for (const Held &each : held) next.push_back(chosen(each, before, number));
        // first all to nothing, which returns their memory: some share it
        for (const Held &each : held) each.array->resize_to(each.array->held, 0);
        for (const Held &each : held) each.array->resize_to(each.array->held, number);
        for (size_t k = 0; k < held.size(); k++) {
            const Array &array = *held[k].array;
            for (size_t place = 0; place < number; place++)
                std::memcpy(at(array, place), &next[k][place * array.item], array.item);
            next[k] = {};
        }
        count = number;
        for (SynapticPathway *path : paths) path->leave_out(connected);
        send_count(connected.size());
    }

    // What the synapses have that are connected now: what they had, and zero if they were not.
    std::vector<char> chosen(const Held &each, const std::vector<bool> &before, size_t number) const {
        const Array &array = *each.array;
        std::vector<char> found(number * array.item);
        const double one = 1;
        size_t from = 0, to = 0;
        for (size_t k = 0; k < connected.size(); k++) {
            if (connected[k]) {
                char *const place = &found[to++ * array.item];
                if (&array == &flags) std::memcpy(place, &one, sizeof one);
                else if (!each.potential.empty())
                    std::memcpy(place, &each.potential[k * array.item], array.item);
                else if (before[k]) std::memcpy(place, at(array, from), array.item);
            }
            from += before[k];
        }
        return found;
    }
};

}  // namespace
