#include "compiler/driver/verify/Verification.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"
#include "runtime/abi/BundleFormat.h"

#include <limits>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

Command bluec::tools::verifyCommand() {
  auto options = std::make_shared<VerifyOptions>();
  constexpr int64_t kMostTokens = int64_t{1} << 24;
  constexpr double kLeastTolerance = 1e-12, kMostTolerance = 1e6;
  runtime::OptionTable table{
      "verify", "Compare what each layer of a bundle computes with the plain evaluators.", {}};
  table.options = {
      {.name = "bundle",
       .target = &options->bundle,
       .help = "The bundle's directory",
       .required = true},
      {.name = "--reference",
       .target = &options->reference,
       .help = "The model directory that the bundle was compiled from",
       .required = true},
      variantOption(options->variant),
      imageSizeOption(options->imageSize),
      {.name = "--calibration",
       .target = &options->calibration,
       .help = "The calibration set that the bundle was compiled with, for recipes with gptq"},
      {.name = "--tolerance",
       .target = &options->tolerance,
       .help =
           "Relative error of each layer on the bundle's own inputs (2e-5; what it rounds to "
           "integers: a step; attention of 16 bits: 5e-3, of 8 bits: 1e-1); also of the end of the "
           "chain and of what a quantized cache may cost attention, where it is more than theirs",
       .real = {kLeastTolerance, kMostTolerance}},
      {.name = "--tokens",
       .target = &options->tokens,
       .help = "Tokens of the prompt (one and a half chunks)",
       .whole = {1, kMostTokens}},
      {.name = "--tiles",
       .target = &options->tiles,
       .help = "Tiles to encode (2)",
       .whole = {1, runtime::kMostBatchTiles}},
      {.name = "--image",
       .target = &options->image,
       .help =
           "A picture file: its tiles and a question about it, as the bundle's preprocessing and "
           "chat template make them, in place of random input",
       .excludes = {"--tokens", "--tiles"}},
      {.name = "--prompt",
       .target = &options->prompt,
       .help = "The question about --image (What is in the picture?)"},
      {.name = "--seed",
       .target = &options->seed,
       .help = "Of the random input",
       .whole = {0, std::numeric_limits<int64_t>::max()}},
      threadsOption(options->threads),
      {.name = "--onnx",
       .target = &options->onnx,
       .help = "Compare with the package's own graphs, too, evaluated node by node: features, "
               "embeddings and logits, in one call, in chunks and token by token"},
      {.name = "--json", .target = &options->json, .help = "Print it as JSON"}};
  return {table, [options] { return verify(*options, llvm::outs(), llvm::errs()); }};
}
