// The CUDA language, as far as the kernels speak it, on a CPU.
//
// A launch runs block after block; the threads of a block are fibers (emulate_fibers.cc: any order,
// given by a seed) or threads of the system (emulate_threads.cc: for ThreadSanitizer). It is stricter
// than a GPU, so that what passes here does not rest on luck there:
//
//   - shared memory begins as NaN, and is followed by more NaN that must not be written;
//   - a thread that has left, or waits at another line, does not count at a barrier;
//   - a shuffle or __syncwarp takes the whole warp, and no lane runs in step with another.
//
// Not emulated: tensor cores, asynchronous copies, the memory model between barriers, time.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)

namespace emulate {

struct Dim3 {
    unsigned x = 1, y = 1, z = 1;
    unsigned count() const { return x * y * z; }
};

constexpr unsigned WARP = 32;

struct Barrier;

// A warp's barrier, and the numbers that its lanes exchange. Two sets, in turn: whoever writes the
// one has passed the barrier behind which all have read it.
struct Warp {
    Barrier* barrier;
    uint64_t exchanged[2][WARP];
};

// One CUDA thread.
struct Thread {
    Dim3 thread, block, block_size, grid_size;
    unsigned lane, exchanges;
    Warp* warp;
    Barrier* block_barrier;
};

// The CUDA thread that runs.
extern thread_local Thread* here;

// Waits until all whom the barrier is for have come, from this line.
void wait(Barrier* barrier, int line);

// Ends the launch: the kernel did what it must not.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Shared memory of the block, one array for each key; the dynamic part has key 0 and no size here.
void* shared(uint64_t key, size_t bytes);

template <class T>
T exchange(unsigned mask, T number, unsigned from, int line) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "a lane gives at most 64 bits");
    if (mask != 0xffffffffu) fail("line %d: a shuffle among part of a warp", line);
    if (from >= WARP) fail("line %d: a shuffle from lane %u", line, from);
    uint64_t(&numbers)[WARP] = here->warp->exchanged[here->exchanges++ % 2];
    std::memcpy(&numbers[here->lane], &number, sizeof(T));
    wait(here->warp->barrier, line);
    std::memcpy(&number, &numbers[from], sizeof(T));
    return number;
}

}  // namespace emulate

#define threadIdx (emulate::here->thread)
#define blockIdx (emulate::here->block)
#define blockDim (emulate::here->block_size)
#define gridDim (emulate::here->grid_size)

#define SHARED(T, name, n)                                                                         \
    T* name = static_cast<T*>(emulate::shared(uint64_t(__COUNTER__) + 1, sizeof(T) * (n)))
#define SHARED_DYNAMIC(T, name) T* name = static_cast<T*>(emulate::shared(0, 0))

inline void __syncthreads(int line = __builtin_LINE()) {
    emulate::wait(emulate::here->block_barrier, line);
}

inline void __syncwarp(int line = __builtin_LINE()) {
    emulate::wait(emulate::here->warp->barrier, line);
}

template <class T>
T __shfl_sync(unsigned mask, T number, unsigned from, int line = __builtin_LINE()) {
    return emulate::exchange(mask, number, from, line);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T number, unsigned bits, int line = __builtin_LINE()) {
    return emulate::exchange(mask, number, emulate::here->lane ^ bits, line);
}

inline float rsqrtf(float x) { return 1.f / std::sqrt(x); }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }

using __half = _Float16;
inline float __half2float(__half x) { return static_cast<float>(x); }
inline __half __float2half_rn(float x) { return static_cast<__half>(x); }
