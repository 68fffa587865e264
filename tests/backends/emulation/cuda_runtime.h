// The few parts of CUDA that a circuit's program uses, on one processor core: to test what it computes without a GPU.
//
// The threads of a block are fibers that take turns at barriers; blocks and kernels run one after the other, so that what
// is asynchronous on a GPU happens at once, and what is atomic there needs nothing here. Races are not found this way.

#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__ static
#define __device__
#define __host__
#define __constant__
#define __shared__ static
#define __forceinline__ inline

struct dim3 { unsigned x, y = 1, z = 1; dim3(unsigned x = 1) : x(x) {} };
struct uint2 { uint32_t x, y; };
struct uint4 { uint32_t x, y, z, w; };
struct int2 { int32_t x, y; };
inline uint2 make_uint2(uint32_t x, uint32_t y) { return {x, y}; }
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
inline int2 make_int2(int32_t x, int32_t y) { return {x, y}; }

inline dim3 gridDim, blockDim, blockIdx, threadIdx;
using std::max;
using std::min;

namespace emulated {

enum Wait { ended, for_warp, for_block };

// The stack of a thread outlives a block: the fiber then waits for the next one.
struct Fiber {
    jmp_buf there;
    ucontext_t first;
    std::vector<char> stack = std::vector<char>(1 << 17);
    bool begun = false;
    Wait wait = ended;
};

inline std::vector<std::unique_ptr<Fiber>> fibers;
inline jmp_buf scheduler;
inline ucontext_t outside;
inline unsigned current;
inline std::function<void()> body;
inline std::vector<int32_t> given;  // what each thread brought to a barrier
inline std::vector<int32_t> seen;   // what each had brought when it was let go on

inline void stop(Wait wait) {
    Fiber &own = *fibers[current];
    own.wait = wait;
    if (!_setjmp(own.there)) _longjmp(scheduler, 1);
}

inline void live() {
    for (;;) {
        body();
        given[current] = 0;
        stop(ended);
    }
}

inline void resume(unsigned thread) {
    Fiber &next = *fibers[thread];
    current = thread;
    threadIdx = dim3(thread);
    if (_setjmp(scheduler)) return;
    if (next.begun) _longjmp(next.there, 1);
    next.begun = true;
    getcontext(&next.first);
    next.first.uc_stack.ss_sp = next.stack.data();
    next.first.uc_stack.ss_size = next.stack.size();
    next.first.uc_link = &outside;
    makecontext(&next.first, live, 0);
    setcontext(&next.first);
}

// Let go on those of some threads that wait, if all do that have not ended; whether there were any.
inline bool release(unsigned from, unsigned to, Wait wait) {
    bool any = false;
    for (unsigned k = from; k < to; k++) {
        if (fibers[k]->wait != wait && fibers[k]->wait != ended) return false;
        any |= fibers[k]->wait == wait;
    }
    if (!any) return false;
    std::copy(given.begin() + from, given.begin() + to, seen.begin() + from);
    for (unsigned k = from; k < to; k++)
        if (fibers[k]->wait == wait) resume(k);
    return true;
}

inline void run_block() {
    const unsigned threads = blockDim.x;
    while (fibers.size() < threads) fibers.push_back(std::make_unique<Fiber>());
    given.assign(threads, 0);
    seen.assign(threads, 0);
    for (unsigned k = 0; k < threads; k++) resume(k);
    for (bool going = true; going;) {
        going = false;
        for (unsigned warp = 0; warp < threads; warp += 32) going |= release(warp, std::min(warp + 32, threads), for_warp);
        if (!going) going = release(0, threads, for_block);
    }
}

inline void launch(dim3 grid, dim3 block, const std::function<void()> &kernel) {
    gridDim = grid;
    blockDim = block;
    body = kernel;
    for (unsigned b = 0; b < grid.x; b++) {
        blockIdx = dim3(b);
        run_block();
    }
}

inline int32_t exchange(int32_t value, unsigned other) {
    given[current] = value;
    stop(for_warp);
    return seen[other];
}

}  // namespace emulated

inline void __syncthreads() { emulated::stop(emulated::for_block); }
inline int __syncthreads_count(int32_t is) {
    emulated::given[emulated::current] = is != 0;
    emulated::stop(emulated::for_block);
    return std::count(emulated::seen.begin(), emulated::seen.end(), 1);
}
inline uint32_t __ballot_sync(uint32_t lanes, bool is) {
    const unsigned warp = emulated::current & ~31u;
    emulated::given[emulated::current] = is;
    emulated::stop(emulated::for_warp);
    uint32_t votes = 0;
    for (unsigned lane = 0; lane < 32; lane++)
        if (lanes >> lane & 1) votes |= uint32_t(emulated::seen[warp + lane] == 1) << lane;
    return votes;
}
inline int32_t __popc(uint32_t bits) { return __builtin_popcount(bits); }
inline int32_t __shfl_up_sync(unsigned, int32_t value, unsigned shift) {
    const unsigned lane = threadIdx.x % 32;
    return emulated::exchange(value, lane < shift ? threadIdx.x : threadIdx.x - shift);
}
inline int32_t __shfl_sync(unsigned, int32_t value, unsigned lane) { return emulated::exchange(value, threadIdx.x / 32 * 32 + lane); }
inline uint32_t __umulhi(uint32_t a, uint32_t b) { return uint64_t(a) * b >> 32; }
inline double cospi(double x) { return std::cos(3.14159265358979323846 * x); }
template <class T, class U> T atomicAdd(T *address, U value) { T old = *address; *address += value; return old; }
template <class T> T atomicMax(T *address, T value) { T old = *address; *address = std::max(old, value); return old; }
template <class T, class U, class V> T atomicCAS(T *address, U expected, V value) { T old = *address; if (old == T(expected)) *address = value; return old; }
inline float __int_as_float(int x) { float y; std::memcpy(&y, &x, sizeof y); return y; }
inline int __float_as_int(float x) { int y; std::memcpy(&y, &x, sizeof y); return y; }
inline double __longlong_as_double(long long x) { double y; std::memcpy(&y, &x, sizeof y); return y; }
inline long long __double_as_longlong(double x) { long long y; std::memcpy(&y, &x, sizeof y); return y; }
inline int __int_as_int(int x) { return x; }

using cudaError_t = int;
enum { cudaSuccess, cudaErrorMemoryAllocation };
enum { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum { cudaDevAttrMultiProcessorCount };
using cudaStream_t = void *;
inline const char *cudaGetErrorString(cudaError_t) { return "a failure of the emulation"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int *value, int, int) { *value = 1; return cudaSuccess; }
inline cudaError_t cudaMalloc(void **made, size_t bytes) {
    *made = std::malloc(bytes);
    std::memset(*made, 0xa5, bytes);  // as a reminder that memory is not zero
    return cudaSuccess;
}
inline cudaError_t cudaMallocHost(void **made, size_t bytes) { return cudaMalloc(made, bytes); }
inline cudaError_t cudaFree(void *made) { std::free(made); return cudaSuccess; }
inline cudaError_t cudaMemset(void *to, int value, size_t bytes) { std::memset(to, value, bytes); return cudaSuccess; }
inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, int) { if (bytes) std::memcpy(to, from, bytes); return cudaSuccess; }
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, int, cudaStream_t) { return cudaMemcpy(to, from, bytes, 0); }
using cudaEvent_t = int;
enum { cudaEventDisableTiming };
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *, int) { return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
template <class T> cudaError_t cudaMemcpyToSymbol(T &symbol, const void *from, size_t bytes, size_t = 0, int = 0) {
    std::memcpy(static_cast<void *>(&symbol), from, bytes);
    return cudaSuccess;
}
template <class T> cudaError_t cudaMemcpyFromSymbol(void *to, const T &symbol, size_t bytes) {
    std::memcpy(to, static_cast<const void *>(&symbol), bytes);
    return cudaSuccess;
}
inline cudaError_t cudaMemcpyToSymbol(const void *symbol, const void *from, size_t bytes) {
    std::memcpy(const_cast<void *>(symbol), from, bytes);
    return cudaSuccess;
}

struct cudaKernelNodeParams { void *func; dim3 gridDim, blockDim; unsigned sharedMemBytes; void **kernelParams; void **extra; };
struct Node { void (*kernel)(int); dim3 grid, block; int argument; };
using cudaGraphNode_t = size_t;
using cudaGraph_t = std::vector<Node> *;
using cudaGraphExec_t = std::vector<Node> *;
inline cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned) { *graph = new std::vector<Node>; return cudaSuccess; }
inline cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *, size_t, const cudaKernelNodeParams *p) {
    *node = graph->size();
    graph->push_back({reinterpret_cast<void (*)(int)>(p->func), p->gridDim, p->blockDim, *static_cast<int *>(p->kernelParams[0])});
    return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *made, cudaGraph_t graph, unsigned) { *made = new std::vector<Node>(*graph); return cudaSuccess; }
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) { delete graph; return cudaSuccess; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
    for (const Node &node : *graph) emulated::launch(node.grid, node.block, [&] { node.kernel(node.argument); });
    return cudaSuccess;
}

// What `kernel<<<blocks, threads>>>(…)` is turned into.
template <class... Shape> struct Launcher {
    dim3 grid, block;
    Launcher(dim3 grid, dim3 block, unsigned = 0) : grid(grid), block(block) {}
    template <class Kernel, class... Arguments> void operator()(Kernel kernel, Arguments... arguments) const {
        emulated::launch(grid, block, [&] { kernel(arguments...); });
    }
};
