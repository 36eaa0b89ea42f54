// `bluec schedule`: what a machine description says about a model, without compiling it.
#ifndef BLUEC_COMPILER_DRIVER_PREDICT_SCHEDULEPREDICTION_H
#define BLUEC_COMPILER_DRIVER_PREDICT_SCHEDULEPREDICTION_H

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/import/PictureConfig.h"

#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bluec {

struct ScheduleCommandOptions {
  std::string model;                  // directory: with graphs, or with configuration files alone
  std::string variant;                // of its graphs (PackagePlace)
  std::optional<ImageSize> imageSize; // of all pictures (PackagePlace)
  std::string machine;                // a name or a file, as Machine::load takes it
  std::string target;                 // as TargetRegistry::find takes it; empty: the machine's
  std::string recipe = "bluelm-v";
  int imageWidth = 768, imageHeight = 1536; // pixels
  std::optional<int64_t> context;           // tokens; absent: 2048, or what the model has
  std::optional<int64_t> chunk;             // tokens; absent: 128, or the context if that is less
  std::optional<int64_t> tokens;            // of the prompt; absent: the context
  int64_t imageBatch = 4; // tiles; 0: what the picture is predicted to be fastest with
  int64_t rewind = 512;   // as of CompileOptions
  std::string report;     // file; empty: no page of the plan (PlanReport.h)
  std::string trace;      // file; empty: no trace of the plan
  bool steps = false;     // in the timeline, not calls
  bool json = false;
};

/// Schedules the model for the machine and prints when what runs where: encoding the picture,
/// prefilling the prompt, decoding the token after it. Returns an exit code; errors have been
/// printed to `err`.
int predictSchedule(const ScheduleCommandOptions &options, llvm::raw_ostream &out,
                    llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_PREDICT_SCHEDULEPREDICTION_H
