// What threads do in a step: phases, between which they wait for each other.

#pragma once

#include "threads.h"

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Job {
    void (*run)(const void *of, const Slice &);
    const void *of;
    Run how;
    std::vector<Touch> touches;
    size_t part;  // of the profile
};

// In a phase, each thread does its share of the jobs; the last to have finished does those after.
struct Phase { std::vector<Job> shared, after; };

// Whether a thread could find in an array what another has not written yet, or has written already.
bool conflict(const Job &first, const Job &second) {
    for (const Touch &a : first.touches)
        for (const Touch &b : second.touches) {
            if (!(a.is_written || b.is_written) || std::strcmp(a.array, b.array)) continue;
            if (!*a.division || std::strcmp(a.division, b.division)) return true;
        }
    return false;
}

class Schedule {
public:
    void add(const Job &job) {
        if (phases.empty()) phases.emplace_back();
        if (job.how == Run::after_all) {
            phases.back().after.push_back(job);
            return;
        }
        bool is_free = phases.back().after.empty();
        for (const Job &earlier : phases.back().shared) is_free &= !conflict(earlier, job);
        if (!is_free) phases.emplace_back();
        phases.back().shared.push_back(job);
    }

    // By one of several threads. The first calls `lap` after each job, with the job's part of the
    // profile, and after it waited for others, with `waiting`; all add the time that they worked, if
    // `busy` is given.
    template <class Lap> void run(int32_t thread, int32_t threads, int32_t parts, Barrier &barrier,
                                  const Lap &lap, size_t waiting, double *busy) const {
        using Ticks = std::chrono::steady_clock;
        const Slice all{0, parts, parts};
        const Slice own{parts * thread / threads, parts * (thread + 1) / threads, parts};
        for (const Phase &phase : phases) {
            int32_t turn = 0;
            const auto begin = busy ? Ticks::now() : Ticks::time_point{};
            for (const Job &job : phase.shared) {
                if (job.how == Run::by_each) job.run(job.of, own);
                else if (turn++ % threads == thread) job.run(job.of, all);
                if (!thread) lap(job.part);
            }
            if (busy) *busy += std::chrono::duration<double>(Ticks::now() - begin).count();
            barrier.wait([&] {
                for (const Job &job : phase.after) {
                    job.run(job.of, all);
                    if (threads == 1) lap(job.part);
                }
            });
            if (!thread) lap(waiting);
        }
    }

private:
    std::vector<Phase> phases;
};

}  // namespace
