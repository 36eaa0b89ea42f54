// Any text as a manifest, with its checksum made right so that the rest of it is looked at; any
// bytes as code, up to where it would be loaded.
#include "runtime/core/Manifest.h"
#include "runtime/platform/CpuFeatures.h"
#include "runtime/platform/SharedLibrary.h"
#include "runtime/vision/Tiles.h"

#include <cstdlib>

using namespace bluec::runtime;

namespace {

void parse(const std::string &text) {
  const Result<Manifest> manifest = Manifest::parse(text);
  if (!manifest.ok()) {
    const std::string message = manifest.status().message();
    if (message.empty() || message.find('\n') != message.npos)
      std::abort();
    return;
  }
  for (const DeviceEntry &device : manifest->devices)
    missingFeatures(device.target.features);
  if (!manifest->hasPreprocess)
    return;
  for (int width : {1, 100, 16384})
    for (int height : {1, 77, 16384})
      chooseGrid(width, height, manifest->preprocess);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  parse(text);
  const std::string checksum = manifestChecksum(text);
  if (!checksum.empty()) {
    const std::size_t key = text.rfind("\"checksum\"");
    const std::size_t value = text.find('"', text.find(':', key)) + 1;
    text.replace(value, checksum.size(), checksum);
    parse(text);
  }
  if (checkSharedObject({data, size}, "model.so").ok() && size < 64)
    std::abort();
  return 0;
}
