// Queries and keys are normalized per head (where there are weights for it) and rotated by their
// positions; keys and values go into the paged cache. Queries stay where they are.
//
//     x           = RMSNorm(x) * (offset + weight)                     over the head
//     x[i], x[j]  = x[i] cos - x[j] sin, x[i] sin + x[j] cos           for each pair of the head
//
// A head's pairs are its halves' (p, p + rotary / 2), or, interleaved, its neighbours (2p, 2p + 1);
// numbers from `rotary` on are not rotated. Whatever scaling a model's rotation has is in the tables
// of cosines and sines.
//
// A token goes to slots[token] = block * SLOTS + place in the block; NO_SLOT is a token that pads
// the batch, of which nothing is read and nothing written.
//
//   v1  one thread per head of a token: the reference, written in CUDA
//   v2  one warp per head of a token: its lanes share the pairs, the sum is by shuffles
//
// Bound: memory. q in and out, k and v in, keys and values out; the tables stay in the L2 cache:
// tokens * head_size * (8 * heads + kv_heads * (8 + 2 * bytes of a cached number)) bytes.

#include "device.cuh"

template <class Kv>
struct RopeKvWrite {
    float* q;                  // [tokens, heads, head_size]
    const float* k;            // [tokens, kv_heads, head_size]
    const float* v;            // as k
    Kv* k_cache;               // [blocks, kv_heads, SLOTS, head_size]
    Kv* v_cache;               // as k_cache
    const float* cosines;      // [positions, rotary / 2]
    const float* sines;        // as cosines
    const float* q_weight;     // [head_size], or null
    const float* k_weight;     // [head_size], or null
    const uint32_t* positions; // [tokens]
    const uint32_t* slots;     // [tokens]
    unsigned tokens, heads, kv_heads, head_size;
    unsigned rotary, interleaved;
    float epsilon, offset;

    // Heads of a token: queries, keys, values.
    __device__ __forceinline__ unsigned each() const { return heads + 2 * kv_heads; }

    // Normalizes and rotates one head, shared out over `lanes`, of which this one is `lane`; `to`
    // may be `from`: a lane reads only what it writes itself, so no barrier.
    template <class To, class Sum>
    __device__ __forceinline__ void rotate(To* to, const float* from, const float* weight,
                                           uint32_t position, unsigned lane, unsigned lanes,
                                           Sum over_lanes) const {
        const unsigned half = rotary / 2, step = interleaved ? 2 : 1, apart = interleaved ? 1 : half;
        const float* cosine = cosines + (size_t)position * half;
        const float* sine = sines + (size_t)position * half;
        float scale = 1.f;
        if (weight) {
            float sum = 0.f;
            for (unsigned p = lane; p < half; p += lanes) {
                const float a = from[p * step], b = from[p * step + apart];
                sum += a * a + b * b;
            }
            for (unsigned i = rotary + lane; i < head_size; i += lanes) sum += from[i] * from[i];
            scale = rsqrtf(over_lanes(sum) / head_size + epsilon);
        }
        for (unsigned p = lane; p < half; p += lanes) {
            const unsigned i = p * step, j = i + apart;
            const float a = weight ? from[i] * scale * (offset + weight[i]) : from[i];
            const float b = weight ? from[j] * scale * (offset + weight[j]) : from[j];
            store(to + i, a * cosine[p] - b * sine[p]);
            store(to + j, a * sine[p] + b * cosine[p]);
        }
        for (unsigned i = rotary + lane; i < head_size; i += lanes)
            store(to + i, weight ? from[i] * scale * (offset + weight[i]) : from[i]);
    }

    // Does one head of one token. `item` counts the heads of each token, token by token.
    template <class Sum>
    __device__ __forceinline__ void run(size_t item, unsigned lane, unsigned lanes,
                                        Sum over_lanes) const {
        const size_t token = item / each();
        const unsigned head = item % each();
        const uint32_t slot = slots[token];
        if (slot == NO_SLOT) return;
        if (head < heads) {
            float* at = q + (token * heads + head) * head_size;
            rotate(at, at, q_weight, positions[token], lane, lanes, over_lanes);
            return;
        }
        const unsigned own = (head - heads) % kv_heads;
        const size_t from = (token * kv_heads + own) * head_size;
        const size_t to = cache_at(slot / SLOTS, slot % SLOTS, own, kv_heads, head_size);
        if (head < heads + kv_heads) {
            rotate(k_cache + to, k + from, k_weight, positions[token], lane, lanes, over_lanes);
        } else {
            for (unsigned i = lane; i < head_size; i += lanes) store(v_cache + to + i, v[from + i]);
        }
    }
};

template <class Kv>
__device__ __forceinline__ void rope_kv_write_v1(const RopeKvWrite<Kv>& a) {
    const size_t item = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (item < (size_t)a.tokens * a.each()) a.run(item, 0, 1, [](float sum) { return sum; });
}

// A whole warp has the same item: it leaves or stays as one.
template <class Kv>
__device__ __forceinline__ void rope_kv_write_v2(const RopeKvWrite<Kv>& a) {
    const size_t item = ((size_t)blockIdx.x * blockDim.x + threadIdx.x) / LANES;
    if (item < (size_t)a.tokens * a.each())
        a.run(item, threadIdx.x % LANES, LANES, [](float sum) { return warp_sum(sum); });
}

extern "C" __global__ void rope_kv_write_v1_f32(RopeKvWrite<float> a) { rope_kv_write_v1(a); }
extern "C" __global__ void rope_kv_write_v1_f16(RopeKvWrite<__half> a) { rope_kv_write_v1(a); }
extern "C" __global__ void rope_kv_write_v2_f32(RopeKvWrite<float> a) { rope_kv_write_v2(a); }
extern "C" __global__ void rope_kv_write_v2_f16(RopeKvWrite<__half> a) { rope_kv_write_v2(a); }
