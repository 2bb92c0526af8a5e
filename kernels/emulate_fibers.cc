// The threads of a block as fibers of one system thread: each runs until a barrier, in an order that
// the seed gives, and every seed gives another. Deterministic, and quick: no system call at a switch.
//
// Seed 0 takes the threads first come, first served; seed 1 the last first. Of the others, even ones
// take any at random, odd ones any of the warp that ran last, so that a warp gets as far as it can.

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdarg>
#include <cstdio>

#include "emulate_launch.h"

namespace emulate {

thread_local Thread* here;

namespace {

constexpr size_t STACK = 64 << 10;

struct Fiber {
    Thread thread;
    ucontext_t context;
    jmp_buf jump;
    bool started, done;
};

struct Team {
    const Launch* launch;
    std::vector<Fiber> fibers;
    std::vector<Fiber*> ready;
    size_t oldest = 0;  // where `ready` begins, in the order of arrival
    uint64_t random;
    Shared* shared;
    std::vector<Barrier*> barriers;
    Fiber* home;  // whoever launched
    Fiber* running;
    std::string failure;
};

thread_local Team* team;

// Under AddressSanitizer a switch must be one that it knows.
#ifdef __SANITIZE_ADDRESS__
void go(Fiber* from, Fiber* to) { swapcontext(&from->context, &to->context); }
#else
__attribute__((noinline)) void go(Fiber* from, Fiber* to) {
    if (_setjmp(from->jump)) return;
    if (to->started) _longjmp(to->jump, 1);
    to->started = true;
    setcontext(&to->context);
}
#endif

Fiber* take() {
    auto& ready = team->ready;
    if (team->oldest == ready.size()) return team->home;
    if (team->launch->seed == 0) {
        Fiber* first = ready[team->oldest++];
        if (team->oldest == ready.size()) ready.clear(), team->oldest = 0;
        return first;
    }
    if (team->launch->seed > 1) {
        team->random ^= team->random << 13, team->random ^= team->random >> 7;
        team->random ^= team->random << 17;
        const bool stay = team->launch->seed % 2 == 1;
        size_t one = team->random % ready.size();
        for (size_t i = 0; stay && i < ready.size(); i++)
            if (ready[i]->thread.warp == team->running->thread.warp) one = i;
        std::swap(ready[one], ready.back());
    }
    Fiber* last = ready.back();
    ready.pop_back();
    return last;
}

void next() {
    Fiber *from = team->running, *to = take();
    team->running = to;
    here = &to->thread;
    if (to != from) go(from, to);
}

void enter() {
    team->launch->kernel(team->launch->argument);
    team->running->done = true;
    next();
}

}  // namespace

struct Barrier {
    unsigned size;
    const char* whose;
    int line = 0;
    std::vector<Fiber*> waiting = {};
};

void wait(Barrier* barrier, int line) {
    auto& waiting = barrier->waiting;
    if (!waiting.empty() && barrier->line != line)
        fail("threads of a %s wait at line %d and at line %d", barrier->whose, barrier->line, line);
    barrier->line = line;
    waiting.push_back(team->running);
    if (waiting.size() == barrier->size) {
        team->ready.insert(team->ready.end(), waiting.begin(), waiting.end());
        waiting.clear();
    }
    next();
}

void fail(const char* format, ...) {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    team->failure = text;
    Fiber* from = team->running;
    team->running = team->home;
    go(from, team->home);
    __builtin_unreachable();  // nobody goes back to a launch that failed
}

void* shared(uint64_t key, size_t bytes) { return team->shared->get(key, bytes); }

namespace {

// Makes a context that begins in `enter`. Apart, for getcontext may return twice.
__attribute__((noinline)) void prepare(ucontext_t* context, char* stack) {
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK;
    context->uc_link = nullptr;
    makecontext(context, enter, 0);
}

void run_block(size_t index, char* stacks) {
    const Launch& launch = *team->launch;
    Shared memory(launch.shared_bytes);
    const unsigned threads = launch.block.count();
    Barrier all{threads, "block"};
    std::vector<Barrier> barriers(threads / WARP, Barrier{WARP, "warp"});
    std::vector<Warp> warps(threads / WARP);
    for (unsigned w = 0; w < warps.size(); w++) warps[w].barrier = &barriers[w];
    team->shared = &memory;
    team->ready.clear(), team->oldest = 0;
    for (unsigned t = 0; t < threads; t++) {
        Fiber& fiber = team->fibers[t];
        fiber.started = fiber.done = false;
        fiber.thread = {at(t, launch.block), at(index, launch.grid), launch.block, launch.grid,
                        t % WARP, 0, &warps[t / WARP], &all};
        prepare(&fiber.context, stacks + STACK * t);
        team->ready.push_back(&fiber);
    }
    team->running = team->home;
    next();  // comes back when nobody is ready
    if (!team->failure.empty()) throw Failure(team->failure);
    for (const Fiber& fiber : team->fibers) {
        if (fiber.done) continue;
        const Barrier* at = all.waiting.empty() ? nullptr : &all;
        for (const Barrier& barrier : barriers)
            if (!at && !barrier.waiting.empty()) at = &barrier;
        throw Failure("at line " + std::to_string(at->line) + " " +
                      std::to_string(at->waiting.size()) + " of " + std::to_string(at->size) +
                      " threads of a " + at->whose + " wait for threads that do not come");
    }
    const std::string verdict = memory.verdict();
    if (!verdict.empty()) throw Failure(verdict);
}

}  // namespace

void run(const Launch& launch) {
    check(launch);
    const unsigned threads = launch.block.count();
    char* stacks = static_cast<char*>(mmap(nullptr, STACK * threads, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stacks == MAP_FAILED) throw Failure("no memory for stacks");
    Fiber home{};
    home.started = true;
    Team own{};
    own.launch = &launch;
    own.fibers = std::vector<Fiber>(threads);
    own.random = launch.seed * 0x9e3779b97f4a7c15u + 1;
    own.home = &home;
    team = &own;
    try {
        const size_t blocks = launch.grid.count();
        for (size_t i = 0; i < blocks; i++) run_block(launch.seed % 2 ? blocks - 1 - i : i, stacks);
    } catch (...) {
        munmap(stacks, STACK * threads);
        throw;
    }
    munmap(stacks, STACK * threads);
}

}  // namespace emulate
