// How a compiled circuit communicates with Thalia over standard input and output: a number of
// bytes, then the bytes.

#pragma once

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "random_numbers.h"

#ifndef REPLIES
#define REPLIES stdout
#endif

namespace {

[[noreturn]] void die(const char *what, const char *name = "") {
    std::fprintf(stderr, "%s %s\n", what, name);
    std::fflush(nullptr);
    std::_Exit(3);
}

void send(const void *data, size_t bytes) {
    if (bytes && std::fwrite(data, 1, bytes, REPLIES) != bytes) std::_Exit(4);
}

void send_count(uint64_t count) { send(&count, sizeof count); }

template <class T> void send_all(const std::vector<T> &values) {
    send_count(values.size() * sizeof(T));
    send(values.data(), values.size() * sizeof(T));
}

void receive(void *data, size_t bytes) {
    if (bytes && std::fread(data, 1, bytes, stdin) != bytes) die("pipe closed");
}

std::vector<int32_t> receive_numbers(size_t bytes) {
    std::vector<int32_t> numbers(bytes / sizeof(int32_t));
    receive(numbers.data(), bytes);
    return numbers;
}

// A line: a name, its arguments, and if data follow, the number of bytes.
struct Command {
    char line[1024];
    char *arguments = nullptr;

    // A batch system asks every process of a job to end. What commands this program still wants its
    // state then, and ends it by closing the pipe.
    Command() {
        std::signal(SIGINT, SIG_IGN);
        std::signal(SIGTERM, SIG_IGN);
#ifdef SIGHUP
        std::signal(SIGHUP, SIG_IGN);
#endif
    }
    bool read() {
        if (!std::fgets(line, sizeof line, stdin)) return false;
        line[std::strcspn(line, "\n")] = 0;
        arguments = std::strchr(line, ' ');
        if (arguments) *arguments++ = 0;
        return true;
    }
    bool is(const char *name) const { return !std::strcmp(line, name); }
    uint64_t whole_number() const { return std::strtoull(arguments, nullptr, 10); }
    RandomKey key() const {
        const uint64_t bits = whole_number();
        return {uint32_t(bits), uint32_t(bits >> 32)};
    }
    long long number() const { return std::strtoll(arguments, nullptr, 10); }
    template <class Obey> void sized(Obey obey) {
        char *size = std::strchr(arguments, ' ');
        *size++ = 0;
        obey(arguments, std::strtoull(size, nullptr, 10));
    }
};

}  // namespace
