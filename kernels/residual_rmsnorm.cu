// The residual stream takes a layer's output, and is normalized for the next:
//
//     delta[r]    = RMSNorm(delta[r]) * (offset + post)         where there is `post`
//     residual[r] = residual[r] + delta[r]                      where there is `delta`
//     y[r]        = RMSNorm(residual[r]) * (offset + weight)
//     RMSNorm(x)  = x / sqrt(mean(x * x) + epsilon)
//
// `offset` is 1 for weights stored as their difference from 1 (Gemma's), else 0.
//
//   v1  one thread per row: the reference, written in CUDA
//   v2  one block per row, sums by warp shuffles; the row is read again after every sum
//   v3  the row stays in shared memory between the sums: `cols` floats of it
//
// Bound: memory. residual and delta in, residual and y out: at least 16 * rows * cols bytes. v3
// moves no more than that; v2 reads the row a second time, as a rule from the L2 cache.

#include "device.cuh"

// Arrays are [rows, cols], weights [cols]; `delta` and `post` may be null.
struct ResidualRmsNorm {
    float* y;
    float* residual;
    const float* delta;
    const float* post;
    const float* weight;
    unsigned rows, cols;
    float epsilon, offset;

    // What number `c` of a row takes from `delta`, whose norm's scale is `scale`.
    __device__ __forceinline__ float taken(float number, unsigned c, float scale) const {
        return post ? number * scale * (offset + post[c]) : number;
    }
    // The scale of a row whose squares add up to `sum`.
    __device__ __forceinline__ float scale(float sum) const { return rsqrtf(sum / cols + epsilon); }
};

extern "C" __global__ void residual_rmsnorm_v1(ResidualRmsNorm a) {
    const unsigned row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= a.rows) return;
    const size_t at = (size_t)row * a.cols;
    float sum = 0.f, scale = 1.f;
    if (a.post) {
        for (unsigned c = 0; c < a.cols; c++) sum += a.delta[at + c] * a.delta[at + c];
        scale = a.scale(sum);
    }
    sum = 0.f;
    for (unsigned c = 0; c < a.cols; c++) {
        float x = a.residual[at + c];
        if (a.delta) x += a.taken(a.delta[at + c], c, scale);
        a.residual[at + c] = x;
        sum += x * x;
    }
    scale = a.scale(sum);
    for (unsigned c = 0; c < a.cols; c++)
        a.y[at + c] = a.residual[at + c] * scale * (a.offset + a.weight[c]);
}

extern "C" __global__ void residual_rmsnorm_v2(ResidualRmsNorm a) {
    SHARED(float, parts, WARPS_MAX);
    const size_t at = (size_t)blockIdx.x * a.cols;
    float sum = 0.f, scale = 1.f;
    if (a.post) {
        for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x)
            sum += a.delta[at + c] * a.delta[at + c];
        scale = a.scale(block_sum(sum, parts));
    }
    sum = 0.f;
    for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x) {
        float x = a.residual[at + c];
        if (a.delta) x += a.taken(a.delta[at + c], c, scale);
        a.residual[at + c] = x;
        sum += x * x;
    }
    scale = a.scale(block_sum(sum, parts));
    for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x)
        a.y[at + c] = a.residual[at + c] * scale * (a.offset + a.weight[c]);
}

extern "C" __global__ void residual_rmsnorm_v3(ResidualRmsNorm a) {
    SHARED(float, parts, WARPS_MAX);
    SHARED_DYNAMIC(float, kept);  // a thread reads only what it wrote itself: no barrier
    const size_t at = (size_t)blockIdx.x * a.cols;
    float sum = 0.f, scale = 1.f;
    if (a.post) {
        for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x) {
            kept[c] = a.delta[at + c];
            sum += kept[c] * kept[c];
        }
        scale = a.scale(block_sum(sum, parts));
    }
    sum = 0.f;
    for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x) {
        float x = a.residual[at + c];
        if (a.delta) {
            x += a.taken(a.post ? kept[c] : a.delta[at + c], c, scale);
            a.residual[at + c] = x;
        }
        kept[c] = x;
        sum += x * x;
    }
    scale = a.scale(block_sum(sum, parts));
    for (unsigned c = threadIdx.x; c < a.cols; c += blockDim.x)
        a.y[at + c] = kept[c] * scale * (a.offset + a.weight[c]);
}
