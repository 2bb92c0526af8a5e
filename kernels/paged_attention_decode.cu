// Attention of one new token per sequence over a paged cache, with grouped queries:
//
//     s[p]  = cap(scale * q . k[p])                p from max(0, context - window) to context - 1
//     out   = sum_p exp(s[p]) v[p] / sum_p exp(s[p])
//     cap(s) = softcap * tanh(s / softcap)
//
// A window of 0 and a softcap of 0 are none. Position p lies in block table[sequence][p / SLOTS],
// slot p % SLOTS; entries of the table beyond the context are not read. A context of 0 is an empty
// place in the batch: its output is 0.
//
//   v1  one block per query head: its warps take the positions in turn, lanes share a head's
//       numbers. Keys and values are read once for each query head of a group
//   v2  one block per key head and part of the context, a warp for each query head of the group: a
//       block of keys is read once for the whole group, a lane scores one position of it; values
//       are read by each warp, all but the first time from the L1 cache. `merge` then puts the parts
//       together
//
// Both keep a running maximum and sum (online softmax), so scores are never stored. Parts have a
// fixed length, whatever the batch: so a sequence's result does not depend on its neighbours.
//
// Bound: memory. The keys and values of the context, once:
// sequences * kv_heads * min(context, window) * head_size * 2 * bytes of a cached number.
// v1 asks for heads / kv_heads as much, and leaves it to the caches that DRAM is not.

#include "device.cuh"

template <class Kv>
struct PagedAttentionDecode {
    float* out;                // [sequences, heads, head_size]
    float* partial;            // v2: [sequences, heads, parts, head_size + 2]
    const float* q;            // [sequences, heads, head_size]
    const Kv* k_cache;         // [blocks, kv_heads, SLOTS, head_size]
    const Kv* v_cache;         // as k_cache
    const uint32_t* tables;    // [sequences, table_width]
    const uint32_t* contexts;  // [sequences], the new token included
    unsigned heads, kv_heads, head_size, table_width;
    unsigned window;
    unsigned part;             // v2: positions of a part, a multiple of SLOTS
    float scale, softcap;

    __device__ __forceinline__ float capped(float score) const {
        score *= scale;
        return softcap > 0.f ? softcap * tanhf(score / softcap) : score;
    }
    __device__ __forceinline__ unsigned first(unsigned context) const {
        return window > 0 && context > window ? context - window : 0;
    }
    // Where the head of a position begins in either cache.
    __device__ __forceinline__ size_t at(unsigned sequence, unsigned position,
                                         unsigned kv_head) const {
        const uint32_t block = tables[(size_t)sequence * table_width + position / SLOTS];
        return cache_at(block, position % SLOTS, kv_head, kv_heads, head_size);
    }
};

// A softmax that is under way: the largest score, the sum and this lane's share of the values, both
// relative to it.
struct Running {
    float max = -INFINITY, sum = 0.f, values[HEAD_CHUNKS] = {};

    // Makes room for scores up to `score`.
    __device__ __forceinline__ void rise(float score) {
        const float to = fmaxf(max, score), factor = expf(max - to);
        sum *= factor;
#pragma unroll
        for (unsigned i = 0; i < HEAD_CHUNKS; i++) values[i] *= factor;
        max = to;
    }
    template <class Kv>
    __device__ __forceinline__ void add(float weight, const Kv* v, unsigned lane, unsigned size) {
#pragma unroll
        for (unsigned i = 0; i < HEAD_CHUNKS; i++)
            if (lane + i * LANES < size) values[i] += weight * to_float(v[lane + i * LANES]);
    }
};

constexpr unsigned V1_WARPS = 4;

template <class Kv>
__device__ __forceinline__ void paged_attention_decode_v1(const PagedAttentionDecode<Kv>& a) {
    SHARED(float, maxima, V1_WARPS);
    SHARED(float, sums, V1_WARPS);
    SHARED(float, values, V1_WARPS * HEAD_MAX);
    const unsigned head = blockIdx.x, sequence = blockIdx.y, size = a.head_size;
    const unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const unsigned kv_head = head / (a.heads / a.kv_heads), context = a.contexts[sequence];
    const size_t own = ((size_t)sequence * a.heads + head) * size;
    Running softmax;
    for (unsigned p = a.first(context) + warp; p < context; p += V1_WARPS) {
        const size_t at = a.at(sequence, p, kv_head);
        float score = 0.f;
        for (unsigned i = lane; i < size; i += LANES)
            score += a.q[own + i] * to_float(a.k_cache[at + i]);
        score = a.capped(warp_sum(score));
        softmax.rise(score);
        const float weight = expf(score - softmax.max);
        softmax.sum += weight;
        softmax.add(weight, a.v_cache + at, lane, size);
    }
    if (lane == 0) {
        maxima[warp] = softmax.max;
        sums[warp] = softmax.sum;
    }
#pragma unroll
    for (unsigned i = 0; i < HEAD_CHUNKS; i++)
        if (lane + i * LANES < size) values[warp * HEAD_MAX + lane + i * LANES] = softmax.values[i];
    __syncthreads();
    float max = -INFINITY, sum = 0.f;
    for (unsigned w = 0; w < V1_WARPS; w++) max = fmaxf(max, maxima[w]);
    for (unsigned w = 0; w < V1_WARPS; w++)
        if (sums[w] != 0.f) sum += sums[w] * expf(maxima[w] - max);
    for (unsigned i = threadIdx.x; i < size; i += blockDim.x) {
        float value = 0.f;
        for (unsigned w = 0; w < V1_WARPS; w++)
            if (sums[w] != 0.f) value += values[w * HEAD_MAX + i] * expf(maxima[w] - max);
        a.out[own + i] = context > 0 ? value / sum : 0.f;
    }
}

template <class Kv>
__device__ __forceinline__ void paged_attention_decode_v2(const PagedAttentionDecode<Kv>& a) {
    SHARED_DYNAMIC(float, shared);
    const unsigned size = a.head_size, stride = size + 1;  // + 1: lanes meet different banks
    const unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const unsigned kv_head = blockIdx.x, sequence = blockIdx.y, part = blockIdx.z;
    const unsigned group = a.heads / a.kv_heads, head = kv_head * group + warp;
    const unsigned context = a.contexts[sequence], first = a.first(context);
    const unsigned from = max(first, part * a.part), to = min(context, (part + 1) * a.part);
    float* keys = shared;                                   // [SLOTS, stride]
    float* query = shared + SLOTS * stride + warp * size;   // this warp's
    for (unsigned i = lane; i < size; i += LANES)
        query[i] = a.q[((size_t)sequence * a.heads + head) * size + i];
    Running softmax;
    for (unsigned base = from / SLOTS * SLOTS; base < to; base += SLOTS) {
        const unsigned low = max(base, from) - base, high = min(base + SLOTS, to) - base;
        const size_t at = a.at(sequence, base, kv_head);
        __syncthreads();  // everybody is done with the keys before
        for (unsigned slot = low + warp; slot < high; slot += group)
            for (unsigned i = lane; i < size; i += LANES)
                keys[slot * stride + i] = to_float(a.k_cache[at + slot * size + i]);
        __syncthreads();
        float score = -INFINITY;
        if (low <= lane && lane < high) {
            score = 0.f;
            for (unsigned i = 0; i < size; i++) score += query[i] * keys[lane * stride + i];
            score = a.capped(score);
        }
        softmax.rise(warp_max(score));
        const float weight = expf(score - softmax.max);
        softmax.sum += warp_sum(weight);
        for (unsigned slot = low; slot < high; slot++)
            softmax.add(__shfl_sync(0xffffffffu, weight, slot), a.v_cache + at + slot * size, lane,
                        size);
    }
    const size_t row = ((size_t)sequence * a.heads + head) * gridDim.z + part;
    float* out = a.partial + row * (size + 2);
    if (lane == 0) {
        out[size] = softmax.max;
        out[size + 1] = softmax.sum;
    }
#pragma unroll
    for (unsigned i = 0; i < HEAD_CHUNKS; i++)
        if (lane + i * LANES < size) out[lane + i * LANES] = softmax.values[i];
}

// What the parts of a context come to. One block per head and sequence.
struct PagedAttentionMerge {
    float* out;            // [sequences, heads, head_size]
    const float* partial;  // [sequences, heads, parts, head_size + 2]
    unsigned heads, head_size, parts;
};

extern "C" __global__ void paged_attention_merge(PagedAttentionMerge a) {
    const size_t own = (size_t)blockIdx.y * a.heads + blockIdx.x;
    const unsigned size = a.head_size, row = size + 2;
    const float* partial = a.partial + own * a.parts * row;
    float max = -INFINITY, sum = 0.f;
    for (unsigned p = 0; p < a.parts; p++) max = fmaxf(max, partial[p * row + size]);
    for (unsigned p = 0; p < a.parts; p++)
        if (partial[p * row + size + 1] != 0.f)
            sum += partial[p * row + size + 1] * expf(partial[p * row + size] - max);
    for (unsigned i = threadIdx.x; i < size; i += blockDim.x) {
        float value = 0.f;
        for (unsigned p = 0; p < a.parts; p++)
            if (partial[p * row + size + 1] != 0.f)
                value += partial[p * row + i] * expf(partial[p * row + size] - max);
        a.out[own * size + i] = sum != 0.f ? value / sum : 0.f;
    }
}

extern "C" __global__ void paged_attention_decode_v1_f32(PagedAttentionDecode<float> a) {
    paged_attention_decode_v1(a);
}
extern "C" __global__ void paged_attention_decode_v1_f16(PagedAttentionDecode<__half> a) {
    paged_attention_decode_v1(a);
}
extern "C" __global__ void paged_attention_decode_v2_f32(PagedAttentionDecode<float> a) {
    paged_attention_decode_v2(a);
}
extern "C" __global__ void paged_attention_decode_v2_f16(PagedAttentionDecode<__half> a) {
    paged_attention_decode_v2(a);
}
