// Runs every kernel on small odd shapes, for the sanitizers (sanitize.sh), whose verdict is the
// point: all arrays are heap allocations of the exact size. That the numbers are right is shown by
// tests/kernels.rs; here the versions of a kernel only have to agree.

#include <cstdio>
#include <cstdlib>
#include <random>

#include "emulated.cc"

namespace {

using Floats = std::vector<float>;

std::mt19937 generator(1);

Floats numbers(size_t count) {
    std::uniform_real_distribution<float> uniform(-1.f, 1.f);
    Floats all(count);
    for (float& one : all) one = uniform(generator);
    return all;
}

template <class Argument>
void run(const char* kernel, emulate::Dim3 grid, unsigned threads, size_t shared_bytes,
         const Argument& argument) {
    const unsigned blocks[3] = {grid.x, grid.y, grid.z}, block[3] = {threads, 1, 1};
    const char* wrong = emulate_kernel(kernel, blocks, block, shared_bytes, 2, &argument,
                                       sizeof argument);
    if (!wrong) return;
    fprintf(stderr, "%s: %s\n", kernel, wrong);
    exit(1);
}

void agree(const char* kernel, const Floats& one, const Floats& other) {
    for (size_t i = 0; i < one.size(); i++) {
        if (std::fabs(one[i] - other[i]) <= 1e-4f) continue;  // which a NaN is not
        fprintf(stderr, "%s: number %zu is %g in one version, %g in another\n", kernel, i, one[i],
                other[i]);
        exit(1);
    }
}

void check_norm() {
    const unsigned rows = 2, cols = 97;
    const Floats stream = numbers(rows * cols), delta = numbers(rows * cols);
    const Floats post = numbers(cols), weight = numbers(cols);
    Floats first;
    for (int version = 1; version <= 3; version++) {
        Floats y(rows * cols, NAN), residual = stream;
        const ResidualRmsNorm argument = {y.data(),      residual.data(), delta.data(), post.data(),
                                          weight.data(), rows,            cols,         1e-5f,
                                          1.f};
        const std::string name = "residual_rmsnorm_v" + std::to_string(version);
        run(name.c_str(), {version == 1 ? 1 : rows}, version == 1 ? 32 : 128,
            version == 3 ? cols * sizeof(float) : 0, argument);
        y.insert(y.end(), residual.begin(), residual.end());
        if (version == 1) first = y;
        agree(name.c_str(), y, first);
    }
}

void check_rope() {
    const unsigned tokens = 3, heads = 2, kv_heads = 1, size = 80, rotary = 64, positions = 4;
    const Floats q = numbers(tokens * heads * size), k = numbers(tokens * size);
    const Floats v = numbers(tokens * size), q_weight = numbers(size), k_weight = numbers(size);
    const Floats cosines = numbers(positions * rotary / 2), sines = numbers(positions * rotary / 2);
    const std::vector<uint32_t> places = {3, NO_SLOT, 0}, slots = {33, NO_SLOT, 5};
    Floats first;
    for (int version = 1; version <= 2; version++) {
        Floats turned = q, k_cache(2 * SLOTS * size, 0.f), v_cache(2 * SLOTS * size, 0.f);
        const RopeKvWrite<float> argument = {
            turned.data(),   k.data(),        v.data(),        k_cache.data(), v_cache.data(),
            cosines.data(),  sines.data(),    q_weight.data(), k_weight.data(), places.data(),
            slots.data(),    tokens,          heads,           kv_heads,       size,
            rotary,          version % 2u,    1e-5f,           0.f};
        // Each version once with either kind of pairs: they need not agree on those.
        RopeKvWrite<float> other = argument;
        other.interleaved = 0;
        const std::string name = "rope_kv_write_v" + std::to_string(version) + "_f32";
        const unsigned threads = 64, items = tokens * (heads + 2 * kv_heads);
        const unsigned blocks = (items * (version == 1 ? 1 : LANES) + threads - 1) / threads;
        run(name.c_str(), {blocks}, threads, 0, argument);
        turned = q;
        run(name.c_str(), {blocks}, threads, 0, other);
        turned.insert(turned.end(), k_cache.begin(), k_cache.end());
        turned.insert(turned.end(), v_cache.begin(), v_cache.end());
        if (version == 1) first = turned;
        agree(name.c_str(), turned, first);
    }
}

void check_attention() {
    const unsigned heads = 2, kv_heads = 1, size = 72, width = 4, parts = 2, sequences = 3;
    const Floats q = numbers(sequences * heads * size), k = numbers(5 * SLOTS * size);
    const Floats v = numbers(5 * SLOTS * size);
    const uint32_t none = 0xffffffffu;
    const std::vector<uint32_t> contexts = {100, 0, 7};
    const std::vector<uint32_t> tables = {2, 0, 4, 3, none, none, none, none, 1, none, none, none};
    Floats out(q.size(), NAN), other(q.size(), NAN);
    Floats partial(sequences * heads * parts * (size + 2), NAN);
    PagedAttentionDecode<float> argument = {
        out.data(),      partial.data(),  q.data(), k.data(), v.data(), tables.data(),
        contexts.data(), heads,           kv_heads, size,     width,    90,
        2 * SLOTS,       0.3f,            5.f};
    run("paged_attention_decode_v1_f32", {heads, sequences}, 32 * V1_WARPS, 0, argument);
    const size_t shared = sizeof(float) * (SLOTS * (size + 1) + heads / kv_heads * size);
    run("paged_attention_decode_v2_f32", {kv_heads, sequences, parts}, 32 * heads / kv_heads,
        shared, argument);
    const PagedAttentionMerge merge = {other.data(), partial.data(), heads, size, parts};
    run("paged_attention_merge", {heads, sequences}, 64, 0, merge);
    agree("paged_attention_decode", out, other);
}

}  // namespace

int main() {
    check_norm();
    check_rope();
    check_attention();
    puts("all kernels ran, and their versions agree");
}
