// What every kernel is written with: compiled for a GPU by nvcc, for a CPU through emulate.h.
//
// Invariant: a kernel's result for a row, a token or a sequence does not depend on what else is in
// the launch: every sum runs in an order that its own length alone decides.

#pragma once

#ifdef __CUDACC__
#include <cuda_fp16.h>
#include <stdint.h>
// Shared memory: an array of a fixed size, and the one whose size the launch gives.
#define SHARED(T, name, n) __shared__ T name[n]
#define SHARED_DYNAMIC(T, name) extern __shared__ T name[]
#else
#include "emulate.h"
#endif

// Threads of a warp.
constexpr unsigned LANES = 32;
// The most warps that a block has.
constexpr unsigned WARPS_MAX = 32;
// Tokens in a block of the KV cache.
constexpr unsigned SLOTS = 32;
// The largest head, and how many of its numbers a lane then holds.
constexpr unsigned HEAD_MAX = 256;
constexpr unsigned HEAD_CHUNKS = HEAD_MAX / LANES;
// The slot of a token that pads the batch.
constexpr uint32_t NO_SLOT = 0xffffffffu;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }

__device__ __forceinline__ void store(float* to, float x) { *to = x; }
__device__ __forceinline__ void store(__half* to, float x) { *to = __float2half_rn(x); }

// The sum over a warp; every lane has it.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (unsigned step = LANES / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

// The largest number of a warp; every lane has it. A NaN may be lost: what follows must keep it.
__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (unsigned step = LANES / 2; step > 0; step /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
    return x;
}

// The sum over a block; every thread has it. `parts` is shared and holds WARPS_MAX numbers.
__device__ __forceinline__ float block_sum(float x, float* parts) {
    const unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    x = warp_sum(x);
    if (lane == 0) parts[warp] = x;
    __syncthreads();
    x = warp_sum(lane < blockDim.x / LANES ? parts[lane] : 0.f);
    __syncthreads();  // whoever sums next writes `parts` again
    return x;
}

// Where a head of a slot begins in a cache of [blocks, kv_heads, SLOTS, head_size].
__device__ __forceinline__ size_t cache_at(uint32_t block, unsigned slot, unsigned head,
                                           unsigned kv_heads, unsigned head_size) {
    return (((size_t)block * kv_heads + head) * SLOTS + slot) * head_size;
}
