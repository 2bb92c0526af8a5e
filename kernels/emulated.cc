// The emulated kernels, by name: what tests/kernels.rs loads, and check.cc calls.

#include "device.cuh"
// After device.cuh, whose names they speak.
#include "paged_attention_decode.cu"
#include "residual_rmsnorm.cu"
#include "rope_kv_write.cu"

#include "emulate_launch.h"

namespace {

struct Entry {
    const char* name;
    size_t argument_bytes;
    void (*run)(const void* argument);
};

template <auto kernel>
struct Call;

// Every kernel takes one struct.
template <class Argument, void (*kernel)(Argument)>
struct Call<kernel> {
    static constexpr size_t bytes = sizeof(Argument);
    static void run(const void* argument) { kernel(*static_cast<const Argument*>(argument)); }
};

#define ENTRY(name) {#name, Call<name>::bytes, Call<name>::run}

const Entry ENTRIES[] = {
    ENTRY(residual_rmsnorm_v1),
    ENTRY(residual_rmsnorm_v2),
    ENTRY(residual_rmsnorm_v3),
    ENTRY(rope_kv_write_v1_f32),
    ENTRY(rope_kv_write_v1_f16),
    ENTRY(rope_kv_write_v2_f32),
    ENTRY(rope_kv_write_v2_f16),
    ENTRY(paged_attention_decode_v1_f32),
    ENTRY(paged_attention_decode_v1_f16),
    ENTRY(paged_attention_decode_v2_f32),
    ENTRY(paged_attention_decode_v2_f16),
    ENTRY(paged_attention_merge),
};

}  // namespace

// Runs a kernel: its name, the sizes of grid and block, the bytes of dynamic shared memory, the seed
// of the order of threads, its argument. Returns null, or what went wrong, which the next call
// replaces.
extern "C" const char* emulate_kernel(const char* name, const unsigned grid[3],
                                      const unsigned block[3], size_t shared_bytes, uint64_t seed,
                                      const void* argument, size_t argument_bytes) {
    static thread_local std::string wrong;
    try {
        for (const Entry& entry : ENTRIES) {
            if (std::strcmp(entry.name, name) != 0) continue;
            if (entry.argument_bytes != argument_bytes)
                throw emulate::Failure("an argument of another size");
            emulate::run({{grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, shared_bytes,
                          seed, entry.run, argument});
            return nullptr;
        }
        wrong = "no such kernel";
    } catch (const std::exception& exception) {
        wrong = exception.what();
    }
    return wrong.c_str();
}
