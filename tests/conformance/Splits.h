// How tests give tasks to kernels. Knows nothing but the contract, so that a program under an
// emulator has it too.
#ifndef BLUEC_TESTS_CONFORMANCE_SPLITS_H
#define BLUEC_TESTS_CONFORMANCE_SPLITS_H

#include "runtime/abi/bluec_abi.h"

#include <algorithm>
#include <thread>

namespace bluec::conformance {

/// All tasks at once, one by one from the last, or in ranges of uneven length on two threads.
enum class Split { Whole, SinglesReversed, Threads };

inline bluec_parallel_for_fn parallelFor(Split split) {
  switch (split) {
  case Split::Whole:
    return [](void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
      kernel(call, 0, tasks);
    };
  case Split::SinglesReversed:
    return [](void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
      for (int64_t task = tasks - 1; task >= 0; --task)
        kernel(call, task, task + 1);
    };
  case Split::Threads:
    break;
  }
  return [](void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
    auto work = [&](int64_t first) {
      // Ranges of 1, 2, 3, ... tasks in turn, each thread taking every other one.
      int64_t begin = 0, length = 1;
      for (int64_t number = 0; begin < tasks; ++number, begin += length, ++length)
        if (number % 2 == first)
          kernel(call, begin, std::min(begin + length, tasks));
    };
    std::thread other(work, 1);
    work(0);
    other.join();
  };
}

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_SPLITS_H
