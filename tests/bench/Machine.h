// What this machine can do at most: the figures that kernels are measured against.
#ifndef BLUEC_TESTS_BENCH_MACHINE_H
#define BLUEC_TESTS_BENCH_MACHINE_H

#include "runtime/platform/ThreadPool.h"

#include <cstddef>

namespace bluec::bench {

/// Seconds since some moment.
double now();
/// From here on `now` counts the process's processor time: for one thread on a machine that has
/// other work to do.
void countProcessorTime();

/// f32 operations per second (two for each multiply-add) of all threads of `pool`, with vectors of
/// `lanes` (8 or 16); runs for about `seconds`.
double measureFmaPeak(runtime::ThreadPool &pool, int lanes, double seconds);

/// Integer operations per second (two for each product) of dot products of i8 (`bits` 8) or i16
/// (16) summed in i32, by the best exact instructions for vectors of `lanes` i32.
double measureDotPeak(runtime::ThreadPool &pool, int lanes, int bits, double seconds);

/// Bytes per second that all threads of `pool` read together from `bytes` bytes at `data`, once.
double measureReadBandwidth(runtime::ThreadPool &pool, const float *data, size_t bytes);

} // namespace bluec::bench

#endif // BLUEC_TESTS_BENCH_MACHINE_H
