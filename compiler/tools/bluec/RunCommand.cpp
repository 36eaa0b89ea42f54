// `bluec run`, `bluec chat`, `bluec bench` and `bluec inspect`: the runtime's own commands.
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "runtime/cli/BenchCommand.h"
#include "runtime/cli/ChatCommand.h"
#include "runtime/cli/InspectCommand.h"
#include "runtime/cli/RunCommand.h"

#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <unistd.h>

using namespace bluec::tools;

// How an answer is made; the same for `run` and `chat`.
template <typename Options>
static void addAnswerOptions(CLI::App *command, const std::shared_ptr<Options> &options) {
  constexpr int mostThreads = 1024, mostTokens = 1 << 20;
  constexpr double mostTemperature = 100, leastTopP = 1e-6;
  command
      ->add_option("--max-new-tokens", options->maxNewTokens,
                   "Tokens of the answer (as many as the context holds)")
      ->check(CLI::Range(1, mostTokens));
  command->add_option("--temperature", options->temperature, "0: always the most likely token")
      ->check(between(0, mostTemperature));
  command
      ->add_option("--top-p", options->topP, "Sample from the likeliest tokens that add up to it")
      ->check(between(leastTopP, 1));
  command->add_option("--seed", options->seed, "Of sampling, when the temperature is above 0")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  command->add_option("--threads", options->threads, "Threads (one for each CPU)")
      ->check(CLI::Range(0, mostThreads));
}

void bluec::tools::addRunCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<runtime::RunOptions>();
  CLI::App *command = app.add_subcommand("run", "Ask a bundle a question, with pictures.");
  command->add_option("bundle", options->bundle, "The bundle's directory")->required();
  command
      ->add_option("--prompt", options->prompt, "The question; <image> says where a picture stands")
      ->required();
  command->add_option("--image", options->images, "A picture (PNG or JPEG); once for each picture")
      ->allow_extra_args(false);
  addAnswerOptions(command, options);
  command->add_flag("--json", options->json, "Print the answer, its tokens and times as JSON");
  CLI::Option *trace = command->add_option(
      "--trace", options->trace, "Write what ran when to a file that Perfetto opens (JSON)");
  command
      ->add_option("--beside", options->traceBeside,
                   "A trace of `bluec schedule --trace` to show beside it")
      ->needs(trace);
  command->add_option("--dump-logits", options->dumpLogits,
                      "Write the first token's logits to a file (float32)");
  command->callback([options, &chosen] {
    chosen = [options] { return runtime::runCommand(*options, std::cout, std::cerr); };
  });
}

void bluec::tools::addChatCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<runtime::ChatOptions>();
  CLI::App *command = app.add_subcommand(
      "chat", "Talk to a bundle line by line; pictures are encoded while you type (see /help).");
  command->add_option("bundle", options->bundle, "The bundle's directory")->required();
  addAnswerOptions(command, options);
  command->add_flag("--json", options->json, "Print events as JSON, one a line");
  command->add_flag("!--no-prefill-ahead", options->prefillAhead,
                    "Prefill nothing before the question is there");
  command->add_flag("--prefill-while-encoding", options->prefillWhileEncoding,
                    "Prefill text before a picture while it is encoded; takes the memory of both");
  command->add_flag("!--no-decoupling", options->decoupled,
                    "Begin nothing before the question is there, to measure what that costs");
  constexpr double mostCharacters = 1e6;
  command
      ->add_option("--typing-rate", options->typingRate,
                   "Type questions at so many characters a second (as fast as they can be read)")
      ->check(between(0, mostCharacters));
  command->add_option("--memory-log", options->memoryLog,
                      "Write what is in memory over time to a file (CSV)");
  command->callback([options, &chosen] {
    chosen = [options] {
      return runtime::chatCommand(*options, STDIN_FILENO, std::cout, std::cerr);
    };
  });
}

void bluec::tools::addInspectCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<runtime::InspectOptions>();
  CLI::App *command = app.add_subcommand(
      "inspect", "Show what is in a bundle, for which target, and whether it is whole.");
  command->add_option("bundle", options->bundle, "The bundle's directory")->required();
  command->add_flag("--verify", options->verify,
                    "Hash every file (SHA-256) instead of checking the weights' faster checksums");
  command->add_flag("--json", options->json, "Print it as JSON");
  command->callback([options, &chosen] {
    chosen = [options] { return runtime::inspectCommand(*options, std::cout, std::cerr); };
  });
}

void bluec::tools::addBenchCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<runtime::BenchOptions>();
  CLI::App *command =
      app.add_subcommand("bench", "Measure a bundle beside what this machine can do.");
  constexpr int mostThreads = 1024, mostRepeats = 1000;
  constexpr int64_t mostTokens = int64_t{1} << 24, mostTiles = 1024;
  command->add_option("bundle", options->bundle, "The bundle's directory")->required();
  command
      ->add_option("--prefill", options->prefill,
                   "Lengths of prompts in tokens, such as 512,2048 (512 and the context)")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, mostTokens));
  command
      ->add_option(
          "--decode-at", options->decodeAt,
          "Tokens in the KV cache when decoding begins, such as 0,2048 (0 and the context, "
          "less the tokens that are timed)")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{0}, mostTokens));
  command->add_option("--decode-tokens", options->decodeTokens, "Tokens timed in a row (32)")
      ->check(CLI::Range(int64_t{1}, mostTokens));
  command->add_option("--encode", options->encode, "Tiles to encode, 0 for none (one batch)")
      ->check(CLI::Range(int64_t{0}, mostTiles));
  command->add_flag("--overlap", options->overlap,
                    "Encode also with the encoder's two stages overlapped");
  command->add_option("--repeats", options->repeats, "How often each is timed (5)")
      ->check(CLI::Range(1, mostRepeats));
  command->add_option("--threads", options->threads, "Threads (one for each CPU)")
      ->check(CLI::Range(0, mostThreads));
  command->add_flag("--steps", options->steps, "Show also the time of each kernel");
  command->add_flag("--json", options->json, "Print it as JSON");
  command->callback([options, &chosen] {
    chosen = [options] { return runtime::benchCommand(*options, std::cout, std::cerr); };
  });
}
