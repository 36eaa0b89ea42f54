# For 64-bit Arm with Linux, from another machine: Debian's g++-aarch64-linux-gnu.
#   cmake -S runtime -B build-aarch64 -G Ninja --toolchain runtime/cmake/aarch64-linux-gnu.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
