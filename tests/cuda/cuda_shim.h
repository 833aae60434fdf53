// Enough of CUDA for g++ to compile the kernels and run them on the CPU, one block after the other.
//
// Threads of a block are fibers: each runs to the next __syncthreads() before any goes on, in rising or in falling
// order, so a result that hangs on the order of threads, or on a barrier that is missing, differs between the two.
// Shared memory is filled with junk before each block. A source without barriers runs its threads as a plain loop.
#pragma once
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__
#define __device__
#define __shared__ static __attribute__((section("emulated_shared")))

struct EmulatedDim {
    unsigned x, y, z;
};
static EmulatedDim threadIdx, blockIdx, blockDim, gridDim;

extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));

namespace emulated {

enum class State { fresh, waiting, done };

// A fiber is first entered by swapcontext and after that by longjmp, which asks the system for nothing.
struct Fiber {
    ucontext_t context;
    jmp_buf resume;
    State state;
    char* stack;
    void* hidden;  // AddressSanitizer's own stack, while the fiber rests
};
static const unsigned MOST_FIBERS = 1024;
static const size_t STACK_BYTES = 32 << 10;

struct Block {
    Fiber fibers[MOST_FIBERS] = {};
    ucontext_t scheduler;
    jmp_buf resume;
    void* scheduler_hidden = nullptr;
    const void* scheduler_stack = nullptr;
    size_t scheduler_size = 0;
    Fiber* running = nullptr;
    void (*body)(void*) = nullptr;
    void* argument = nullptr;
};
static Block block;

static void enter_fiber(Fiber& fiber) {
    block.running = &fiber;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&block.scheduler_hidden, fiber.stack, STACK_BYTES);
#endif
    if (_setjmp(block.resume) == 0) {
        if (fiber.state == State::fresh) swapcontext(&block.scheduler, &fiber.context);
        _longjmp(fiber.resume, 1);
    }
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(block.scheduler_hidden, nullptr, nullptr);
#endif
}

static void leave_fiber(State state) {
    Fiber& fiber = *block.running;
    fiber.state = state;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(state == State::done ? nullptr : &fiber.hidden, block.scheduler_stack,
                                   block.scheduler_size);
#endif
    if (_setjmp(fiber.resume) == 0) _longjmp(block.resume, 1);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fiber.hidden, &block.scheduler_stack, &block.scheduler_size);
#endif
}

static void fiber_main() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &block.scheduler_stack, &block.scheduler_size);
#endif
    block.body(block.argument);
    leave_fiber(State::done);
}

static void place_thread(unsigned i) {
    threadIdx = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
}

// Runs one block's fibers from barrier to barrier; false when some threads end while others wait at a barrier.
static bool run_block(unsigned threads, bool falling) {
    for (unsigned i = 0; i < threads; ++i) {
        Fiber& fiber = block.fibers[i];
        if (fiber.stack == nullptr) fiber.stack = static_cast<char*>(malloc(STACK_BYTES));
        fiber.state = State::fresh;
        fiber.hidden = nullptr;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack;
        fiber.context.uc_stack.ss_size = STACK_BYTES;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, fiber_main, 0);
    }
    for (;;) {
        unsigned done = 0;
        for (unsigned turn = 0; turn < threads; ++turn) {
            unsigned i = falling ? threads - 1 - turn : turn;
            place_thread(i);
            enter_fiber(block.fibers[i]);
            done += block.fibers[i].state == State::done;
        }
        if (done == threads) return true;
        if (done != 0) return false;
    }
}

template <class Argument>
static Argument taken(void**& next) {
    return *static_cast<Argument*>(*next++);
}

template <class... Arguments>
struct Call {
    // Made with braces, which read their values from left to right.
    Call(void (*kernel)(Arguments...), Arguments... arguments) { kernel(arguments...); }
};

// The contract of cuLaunchKernel's kernelParams, so that how arguments are packed is tested too.
template <class... Arguments>
static int launch(void (*kernel)(Arguments...), const unsigned* grid, const unsigned* threads, void** parameters,
                  bool barriers, bool falling) {
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threads[0], threads[1], threads[2]};
    auto body = [&] {
        void** next = parameters;
        Call<Arguments...>{kernel, taken<Arguments>(next)...};
    };
    block.body = [](void* argument) { (*static_cast<decltype(body)*>(argument))(); };
    block.argument = &body;
    unsigned count = blockDim.x * blockDim.y * blockDim.z;
    if (count > MOST_FIBERS) return 2;
    unsigned blocks = grid[0] * grid[1] * grid[2];
    for (unsigned turn = 0; turn < blocks; ++turn) {
        unsigned at = falling ? blocks - 1 - turn : turn;
        blockIdx = {at % grid[0], at / grid[0] % grid[1], at / (grid[0] * grid[1])};
        if (__start_emulated_shared != nullptr)
            memset(__start_emulated_shared, 0xA5, (size_t)(__stop_emulated_shared - __start_emulated_shared));
        if (barriers) {
            if (!run_block(count, falling)) return 1;
            continue;
        }
        for (unsigned i = 0; i < count; ++i) {
            place_thread(falling ? count - 1 - i : i);
            body();
        }
    }
    return 0;
}

}  // namespace emulated

[[maybe_unused]] static void __syncthreads() {
    EmulatedDim thread = threadIdx;
    emulated::leave_fiber(emulated::State::waiting);
    threadIdx = thread;
}

// What common.cuh does with an instruction of the GPU: binary16, to the nearest, halves to even.
[[maybe_unused]] static float float_of_half(unsigned short bits) {
    unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    float size = exponent == 31 ? (fraction ? NAN : INFINITY)
                                : ldexpf((float)(exponent ? fraction + 1024 : fraction), (exponent ? (int)exponent : 1) - 25);
    return bits & 0x8000 ? -size : size;
}

[[maybe_unused]] static unsigned short half_of_float(float value) {
    unsigned short sign = signbit(value) ? 0x8000 : 0;
    float size = fabsf(value);
    if (isnan(value)) return sign | 0x7e00;
    if (size >= 65520.0f) return sign | 0x7c00;
    int exponent = size < 6.103515625e-5f ? -14 : ilogbf(size);
    unsigned steps = (unsigned)rintf(ldexpf(size, 10 - exponent));
    return (unsigned short)(sign | (exponent == -14 ? steps : ((unsigned)(exponent + 14) << 10) + steps));
}

#define EMULATED_KERNEL(name, barriers)                                                                       \
    extern "C" int emulated_##name(const unsigned* grid, const unsigned* threads, void** parameters, int falling) { \
        return emulated::launch(name, grid, threads, parameters, barriers, falling);                           \
    }
