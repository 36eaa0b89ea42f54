// RUN: not bluec-opt %s -onnx-to-blue=context=0 2>&1 | FileCheck %s
// RUN: not bluec-opt %s -onnx-to-blue=context=10000000 2>&1 | FileCheck %s --check-prefix=LARGE

// A context must be one that tables can be made for.
// CHECK: error: expected a context of 1 to 1048576 positions, found 0
// LARGE: error: expected a context of 1 to 1048576 positions, found 10000000
module {
}
