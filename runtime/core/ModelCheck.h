// Checks of descriptors: all that the runtime relies on when it hands over memory.
#ifndef BLUEC_RUNTIME_CORE_MODELCHECK_H
#define BLUEC_RUNTIME_CORE_MODELCHECK_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "core/Manifest.h"

#include <span>
#include <string>

namespace bluec::runtime {

// The descriptor in a code file.
struct ModelFile {
  std::string name; // of the file
  const bluec_model *model = nullptr;
};

// Ok when the descriptor is of this ABI version, consistent with itself, and what the manifest says
// of the file's devices. BadBundle or Incompatible.
Status checkModel(const ModelFile &file, const Manifest &manifest);

// Ok when files that have passed checkModel() make one model: what they share is the same in all,
// and their entry points together are complete and fit each other. BadBundle.
Status checkWholeModel(std::span<const ModelFile> files, const Manifest &manifest);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MODELCHECK_H
