// Threads that work on the same steps, and meet several times in each.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>
#ifdef __SSE2__
#include <immintrin.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

// Traces of silent neurons decay to subnormal numbers, whose arithmetic is a hundred times slower.
void flush_tiny_numbers_to_zero() {
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

// Where threads wait for each other; the last to come does what must be done by one. They wait for
// less than a step, so that they do not sleep, unless there are fewer processors than threads.
class Barrier {
public:
    explicit Barrier(int32_t threads) : threads(threads), missing(threads) {}

    template <class Then> void wait(const Then &then) {
        const uint32_t now = round.load(std::memory_order_relaxed);
        if (missing.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            then();
            missing.store(threads, std::memory_order_relaxed);
            round.store(now + 1);
            if (sleepers.load()) wake();
            return;
        }
        for (int32_t tries = 0; tries < PATIENCE; tries++) {
            if (round.load(std::memory_order_acquire) != now) return;
#ifdef __SSE2__
            _mm_pause();
#endif
        }
        sleepers.fetch_add(1);
        while (round.load() == now) sleep(now);
        sleepers.fetch_sub(1);
    }

private:
    static constexpr int32_t PATIENCE = 2000;
    const int32_t threads;
    alignas(64) std::atomic<int32_t> missing;
    alignas(64) std::atomic<uint32_t> round{0};
    alignas(64) std::atomic<int32_t> sleepers{0};

#ifdef __linux__
    void sleep(uint32_t now) { syscall(SYS_futex, &round, FUTEX_WAIT_PRIVATE, now, nullptr); }
    void wake() { syscall(SYS_futex, &round, FUTEX_WAKE_PRIVATE, INT32_MAX); }
#else
    void sleep(uint32_t) { std::this_thread::yield(); }
    void wake() {}
#endif
};

// Threads that sleep until there is a task for them.
class Pool {
public:
    // Have the first so many threads do a task; the caller is the first of them.
    void run(int32_t threads, const std::function<void(int32_t)> &its_task) {
        while (int32_t(helpers.size()) < threads - 1) begin(helpers.size() + 1);
        {
            std::lock_guard<std::mutex> lock(mutex);
            task = &its_task;
            wanted = threads;
            busy = threads - 1;
            round++;
        }
        if (threads > 1) wake.notify_all();
        its_task(0);
        std::unique_lock<std::mutex> lock(mutex);
        done.wait(lock, [&] { return !busy; });
    }

private:
    std::vector<std::thread> helpers;
    std::mutex mutex;
    std::condition_variable wake, done;
    const std::function<void(int32_t)> *task = nullptr;
    int32_t wanted = 0, busy = 0;
    uint64_t round = 0;

    void begin(int32_t number) {
        helpers.emplace_back([this, number, seen = round]() mutable {
            flush_tiny_numbers_to_zero();
            for (;;) {
                const std::function<void(int32_t)> *its_task = nullptr;
                {
                    std::unique_lock<std::mutex> lock(mutex);
                    wake.wait(lock, [&] { return round != seen; });
                    seen = round;
                    if (number < wanted) its_task = task;
                }
                if (!its_task) continue;
                (*its_task)(number);
                std::lock_guard<std::mutex> lock(mutex);
                if (!--busy) done.notify_one();
            }
        });
        helpers.back().detach();  // they end with the program
    }
};

// How many threads are used: so many as were asked for, or, up to a number, as many as are fastest,
// which is measured now and then. Results do not depend on it.
class Choice {
public:
    void fix(int32_t threads) { candidates = {threads}; }
    void up_to(int32_t threads) {
        candidates.clear();
        for (int32_t number = 1; number < threads; number *= 2) candidates.push_back(number);
        candidates.push_back(threads);
    }
    int32_t most() const { return candidates.back(); }
    int32_t threads() const { return candidates[trying]; }
    int64_t steps(int64_t left) const {
        if (candidates.size() == 1) return left;
        return std::min(left, settled ? until_next_trial : is_warm ? TRIAL : FIRST_TRIAL);
    }
    // A trial is a few steps, to see whether it is worth more, and those that count.
    void note(int64_t steps, double seconds) {
        if (candidates.size() == 1) return;
        if (settled) {
            until_next_trial -= steps;
            if (until_next_trial <= 0) *this = Choice(candidates);
            return;
        }
        const double cost = seconds / steps;
        if (!is_warm && (costs.empty() || cost < HOPELESS * costs.front())) {
            is_warm = true;
            return;
        }
        costs.push_back(cost);
        is_warm = false;
        // where a step is shorter than a few meetings, more threads cannot help
        if (costs.size() < candidates.size() && costs.front() > LEAST) {
            trying = costs.size();
            return;
        }
        trying = 0;
        for (size_t k = 1; k < costs.size(); k++)
            if (costs[k] < GAIN * costs[trying]) trying = k;
        settled = true;
        until_next_trial = std::max<int64_t>(TRIAL, BETWEEN_TRIALS / costs[trying]);
    }

    Choice() = default;

private:
    static constexpr int64_t FIRST_TRIAL = 4, TRIAL = 40;  // steps
    static constexpr double HOPELESS = 3, GAIN = 0.97;     // ratios of costs
    static constexpr double LEAST = 3e-6, BETWEEN_TRIALS = 5;  // s
    std::vector<int32_t> candidates{1};
    std::vector<double> costs;  // s a step, of those that were tried
    size_t trying = 0;
    bool settled = false, is_warm = false;
    int64_t until_next_trial = 0;

    explicit Choice(std::vector<int32_t> candidates) : candidates(std::move(candidates)) {}
};

}  // namespace
