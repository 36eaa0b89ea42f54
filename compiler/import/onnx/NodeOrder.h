// An order of a graph's nodes in which values are made before they are read.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_NODEORDER_H
#define BLUEC_COMPILER_IMPORT_ONNX_NODEORDER_H

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace bluec {

struct NodeOrder {
  std::vector<int> nodes; // indices
  // When there is none: a node on a cycle, and the input by which it reads what follows from it.
  int onCycle = -1;
  std::string cyclicInput;
};

/// The file's order if it is one; else each node after those that make its inputs, and what its
/// subgraphs read, and otherwise as in the file. Takes time that is linear in the graph.
NodeOrder orderNodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_NODEORDER_H
