// What both ways of running a block's threads have in common: a block's shared memory and its
// barriers' sizes. See emulate.h.

#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "emulate.h"

namespace emulate {

struct Launch {
    Dim3 grid, block;
    size_t shared_bytes;  // the dynamic part
    uint64_t seed;        // of the order of threads
    void (*kernel)(const void* argument);
    const void* argument;
};

// Why a launch ended before its time.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The shared memory of one block.
class Shared {
   public:
    explicit Shared(size_t dynamic_bytes) { get(0, dynamic_bytes); }

    void* get(uint64_t key, size_t bytes) {
        for (const Array& array : arrays)
            if (array.key == key) return array.memory.get();
        Array array{key, bytes, std::make_unique<unsigned char[]>(bytes + BEHIND)};
        std::memset(array.memory.get(), 0xff, bytes + BEHIND);
        arrays.push_back(std::move(array));
        return arrays.back().memory.get();
    }

    // What is wrong once the block has run; empty if nothing.
    std::string verdict() const {
        size_t total = 0;
        for (const Array& array : arrays) {
            total += array.bytes;
            for (size_t i = 0; i < BEHIND; i++)
                if (array.memory[array.bytes + i] != 0xff)
                    return "wrote behind a shared array of " + std::to_string(array.bytes) + " bytes";
        }
        if (total > LIMIT) return "a block takes " + std::to_string(total) + " bytes of shared memory";
        return "";
    }

   private:
    // What a block has on every GPU without asking for more.
    static constexpr size_t LIMIT = 48 << 10;
    // AddressSanitizer knows better what lies behind an array.
#ifdef __SANITIZE_ADDRESS__
    static constexpr size_t BEHIND = 0;
#else
    static constexpr size_t BEHIND = 4096;
#endif
    struct Array {
        uint64_t key;
        size_t bytes;
        std::unique_ptr<unsigned char[]> memory;
    };
    std::vector<Array> arrays;
};

inline Dim3 at(size_t index, Dim3 of) {
    return {unsigned(index % of.x), unsigned(index / of.x % of.y), unsigned(index / of.x / of.y)};
}

// Throws a Failure where a GPU would not take the launch.
inline void check(const Launch& launch) {
    const Dim3 &grid = launch.grid, &block = launch.block;
    if (grid.count() == 0 || grid.y > 65535 || grid.z > 65535) throw Failure("no such grid");
    if (block.count() == 0 || block.count() > 1024 || block.z > 64) throw Failure("no such block");
    if (block.count() % WARP != 0) throw Failure("the last warp is not whole");
}

// Runs the launch to its end, or throws a Failure.
void run(const Launch& launch);

}  // namespace emulate
