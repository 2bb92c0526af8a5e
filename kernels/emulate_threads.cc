// The threads of a block as threads of the system, for ThreadSanitizer, which sees two threads
// touch the same memory with no barrier between them whatever the order they came in. A fault ends
// the process: threads that wait for ever cannot be called back.

#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "emulate_launch.h"

namespace emulate {

thread_local Thread* here;

struct Barrier {
    std::mutex mutex;
    std::condition_variable flipped;
    unsigned size = 0, arrived = 0, generation = 0;
    int line = 0;
};

namespace {

std::mutex shared_mutex;
Shared* block_memory;

}  // namespace

void wait(Barrier* barrier, int line) {
    std::unique_lock<std::mutex> lock(barrier->mutex);
    if (barrier->arrived > 0 && barrier->line != line)
        fail("threads wait at line %d and at line %d", barrier->line, line);
    barrier->line = line;
    const unsigned generation = barrier->generation;
    if (++barrier->arrived == barrier->size) {
        barrier->arrived = 0;
        barrier->generation++;
        barrier->flipped.notify_all();
    } else {
        barrier->flipped.wait(lock, [&] { return barrier->generation != generation; });
    }
}

void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    std::_Exit(1);
}

void* shared(uint64_t key, size_t bytes) {
    std::lock_guard<std::mutex> lock(shared_mutex);
    return block_memory->get(key, bytes);
}

// A launch's threads live through all its blocks, with a barrier of their own between two.
void run(const Launch& launch) {
    check(launch);
    const unsigned threads = launch.block.count();
    Barrier all, between;
    std::vector<Barrier> barriers(threads / WARP);
    std::vector<Warp> warps(threads / WARP);
    all.size = between.size = threads;
    for (unsigned w = 0; w < warps.size(); w++) {
        barriers[w].size = WARP;
        warps[w].barrier = &barriers[w];
    }
    std::unique_ptr<Shared> memory;
    std::string verdict;
    const auto body = [&](unsigned t) {
        for (size_t i = 0; i < launch.grid.count(); i++) {
            if (t == 0) {
                memory = std::make_unique<Shared>(launch.shared_bytes);
                block_memory = memory.get();
            }
            wait(&between, 1);
            Thread own = {at(t, launch.block), at(i, launch.grid), launch.block, launch.grid,
                          t % WARP, 0, &warps[t / WARP], &all};
            here = &own;
            launch.kernel(launch.argument);
            wait(&between, 2);
            if (t == 0 && verdict.empty()) verdict = memory->verdict();
        }
    };
    std::vector<std::thread> team;
    for (unsigned t = 0; t < threads; t++) team.emplace_back(body, t);
    for (std::thread& one : team) one.join();
    if (!verdict.empty()) throw Failure(verdict);
}

}  // namespace emulate
