# How tests are built and registered with ctest. Every test carries one label: unit, lit,
# conformance, e2e, hostile or fuzz; `ctest -L lit` runs one kind. A second label, host, is on those
# that run what they compiled for `host`: scripts/test runs them again with every other target that
# the machine has as BLUEC_HOST.

find_package(GTest REQUIRED)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
find_program(BLUEC_LIT lit HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)

# Test programs stay out of build/bin, which is for users.
set(BLUEC_TEST_BINARY_DIR ${PROJECT_BINARY_DIR}/tests/bin)

# Unit tests and fuzzers. They are no part of `all`: scripts/test builds them once, under the
# sanitizers, and what runs whole programs once, optimised.
add_custom_target(unit-tests)

# LLVM's libraries are not built with the sanitizers: memory that they keep for good is no leak of
# ours, and memory that they hand to our code looks poisoned.
function(bluec_uninstrumented_libraries test)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:allow_user_poisoning=0")
endfunction()

# There is no host for these, so none of them can depend on which one it is: bluec fails when it is
# asked for it. They name the targets that they are about.
function(bluec_no_host test)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT BLUEC_HOST=none-in-this-test)
endfunction()

# GoogleTest's headers, for tests without MLIR's, and on top of those that are precompiled with them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(bluec_test_headers ${PROJECT_SOURCE_DIR}/tests/unit/PrecompiledHeaders)
  bluec_precompile(bluec_test_pch ${bluec_test_headers} bluec_options GTest::gtest)
  bluec_precompile(bluec_mlir_test_pch ${bluec_test_headers} bluec_mlir GTest::gtest)
  bluec_use_precompiled(bluec_mlir_test_pch bluec_pch)
endif()

# bluec_unit_test(NAME SOURCES a.cpp... [DEPENDS lib...] [MLIR] [LABEL label] [ARGS arg...] [TIMEOUT seconds]
#                 [SHARDS count])
# A GoogleTest program, run whole as one ctest test, or in shards, each a part of its tests. With MLIR
# it may include MLIR's headers.
function(bluec_unit_test name)
  cmake_parse_arguments(arg "MLIR" "LABEL;TIMEOUT;SHARDS" "SOURCES;DEPENDS;ARGS" ${ARGN})
  set(flags "")
  if(NOT arg_MLIR)
    list(APPEND flags NO_MLIR)
  endif()
  if(TARGET bluec_test_pch AND arg_MLIR)
    list(APPEND flags PRECOMPILED bluec_mlir_test_pch)
  elseif(TARGET bluec_test_pch)
    list(APPEND flags PRECOMPILED bluec_test_pch)
  endif()
  bluec_executable(${name} ${flags} SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS} GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${BLUEC_TEST_BINARY_DIR})
  target_compile_definitions(${name} PRIVATE BLUEC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(arg_LABEL STREQUAL "unit")
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(unit-tests ${name})
  endif()
  if(NOT arg_SHARDS)
    set(arg_SHARDS 1)
  endif()
  foreach(shard RANGE 1 ${arg_SHARDS})
    set(test ${arg_LABEL}/${name})
    if(arg_SHARDS GREATER 1)
      string(APPEND test _${shard})
    endif()
    math(EXPR index "${shard} - 1")
    add_test(NAME ${test} COMMAND ${name} ${arg_ARGS})
    set_tests_properties(${test} PROPERTIES
      LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${index}")
    bluec_no_host(${test})
    if(arg_MLIR)
      bluec_uninstrumented_libraries(${test})
    endif()
  endforeach()
endfunction()

# bluec_lit_test(FOLDER [HOST]): the lit tests below the current source folder's FOLDER, as one ctest
# test. HOST: some of them say `REQUIRES: host` (tests/lit/each_target.py).
function(bluec_lit_test folder)
  cmake_parse_arguments(arg "HOST" "" "" ${ARGN})
  add_test(NAME lit/${folder}
           COMMAND ${BLUEC_LIT} -sv --param build=${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  # lit runs its files on all cores by itself.
  set_tests_properties(lit/${folder} PROPERTIES LABELS lit TIMEOUT 900 RUN_SERIAL ON)
  if(arg_HOST)
    set_property(TEST lit/${folder} APPEND PROPERTY LABELS host)
  endif()
endfunction()

# bluec_python_test(LABEL NAME SCRIPT [ARGS arg...] [TIMEOUT seconds] [SERIAL] [HOST]): a test driver
# in Python without packages. It finds the build in the environment variable BLUEC_BUILD_DIR. All of
# them compile for the host; HOST: what they find may depend on which one it is.
function(bluec_python_test label name script)
  cmake_parse_arguments(arg "SERIAL;HOST" "TIMEOUT" "ARGS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 900)
  endif()
  add_test(NAME ${label}/${name}
           COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${arg_ARGS})
  set_tests_properties(${label}/${name} PROPERTIES
    LABELS ${label} TIMEOUT ${arg_TIMEOUT} ENVIRONMENT BLUEC_BUILD_DIR=${PROJECT_BINARY_DIR})
  if(arg_HOST)
    set_property(TEST ${label}/${name} APPEND PROPERTY LABELS host)
  endif()
  if(arg_SERIAL)
    set_tests_properties(${label}/${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

set(BLUEC_FUZZ_SECONDS 15 CACHE STRING "Seconds that ctest gives each libFuzzer target")

# bluec_fuzzer(NAME SOURCES a.cpp... [DEPENDS lib...] [MLIR] [SEEDS dir...])
# A libFuzzer program, built with -DBLUEC_FUZZ=ON only. ctest runs it for BLUEC_FUZZ_SECONDS from
# the committed seeds; what it finds on the way goes to a corpus in the build folder.
function(bluec_fuzzer name)
  cmake_parse_arguments(arg "MLIR" "" "SOURCES;DEPENDS;SEEDS" ${ARGN})
  if(NOT BLUEC_FUZZ)
    return()
  endif()
  if(arg_MLIR)
    bluec_executable(${name} SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS})
  else()
    bluec_executable(${name} NO_MLIR SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${BLUEC_TEST_BINARY_DIR})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(unit-tests ${name})
  set(corpus ${CMAKE_CURRENT_BINARY_DIR}/${name}.corpus)
  file(MAKE_DIRECTORY ${corpus})
  add_test(NAME fuzz/${name}
           # One seed: a run can be repeated, and a slower machine does less of the same.
           COMMAND ${name} -seed=1 -max_total_time=${BLUEC_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
                   -malloc_limit_mb=1024 -verbosity=0 -print_final_stats=1
                   -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${name}. ${corpus} ${arg_SEEDS})
  math(EXPR limit "${BLUEC_FUZZ_SECONDS} + 120")
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT ${limit})
  bluec_no_host(fuzz/${name})
  if(arg_MLIR)
    bluec_uninstrumented_libraries(fuzz/${name})
  endif()
endfunction()
