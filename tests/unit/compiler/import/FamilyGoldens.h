// The goldens in tests/golden/family: what onnxruntime computed with tiny models of the family. The
// format is described in scripts/family_goldens/goldens.py.
#ifndef BLUEC_TESTS_UNIT_COMPILER_IMPORT_FAMILYGOLDENS_H
#define BLUEC_TESTS_UNIT_COMPILER_IMPORT_FAMILYGOLDENS_H

#include "compiler/reference/Tensor.h"

#include <map>
#include <string>
#include <vector>

namespace bluec {

struct GoldenCase {
  std::string name;
  std::string graph; ///< path of the .onnx file below `directory`
  std::map<std::string, reference::Tensor> inputs, outputs;
  double tolerance = 0; ///< of max|ours - golden| / max|golden|
  double asWritten = 0; ///< the same, with the roundings of activations that the graph has
};

struct Goldens {
  std::string directory;
  std::vector<GoldenCase> cases;
};

/// Reads all cases. Throws nothing; an unreadable file gives no cases.
Goldens readGoldens(const std::string &directory);

} // namespace bluec

#endif // BLUEC_TESTS_UNIT_COMPILER_IMPORT_FAMILYGOLDENS_H
