#include "compiler/driver/verify/Verification.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"
#include "runtime/abi/BundleFormat.h"

#include <memory>

using namespace bluec;
using namespace bluec::tools;

void bluec::tools::addVerifyCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App *command = app.add_subcommand(
      "verify", "Compare what each layer of a bundle computes with the plain evaluators.");
  constexpr int64_t kMostTokens = int64_t{1} << 24;
  constexpr double kLeastTolerance = 1e-12, kMostTolerance = 1e6;
  command->add_option("bundle", options->bundle, "The bundle's directory")->required();
  command
      ->add_option("--reference", options->reference,
                   "The model directory that the bundle was compiled from")
      ->required();
  command->add_option(
      "--calibration", options->calibration,
      "The calibration set that the bundle was compiled with, for recipes with gptq");
  command
      ->add_option(
          "--tolerance", options->tolerance,
          "Relative error of a layer (1e-3; 2e-2 with 16-bit, 1e-1 with 8-bit activations)")
      ->check(between(kLeastTolerance, kMostTolerance));
  command->add_option("--tokens", options->tokens, "Tokens of the prompt (one and a half chunks)")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  command->add_option("--tiles", options->tiles, "Tiles to encode (2)")
      ->check(CLI::Range(int64_t{1}, int64_t{runtime::kMostBatchTiles}));
  command->add_option("--seed", options->seed, "Of the random input");
  addThreadsOption(*command, options->threads);
  command->add_flag("--json", options->json, "Print it as JSON");
  command->callback([options, &chosen] {
    chosen = [options] { return verify(*options, llvm::outs(), llvm::errs()); };
  });
}
