#include "cli/RunCommand.h"

#include "cli/Report.h"
#include "cli/Trace.h"
#include "core/Bundle.h"
#include "core/Session.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

double perSecond(std::int64_t count, double seconds) {
  return seconds > 0 ? double(count) / seconds : 0;
}

Status writeLogits(const std::string &path, std::span<const float> logits) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(logits.data()), std::streamsize(logits.size_bytes()));
  file.close();
  if (!file)
    return {Code::NotFound, path + ": cannot be written"};
  return {};
}

Status addPictures(Session &session, const std::vector<std::string> &paths) {
  constexpr std::size_t kLargestFile = std::size_t(256) << 20;
  for (const std::string &path : paths) {
    Result<std::string> file = readFile(path, kLargestFile);
    if (!file.ok())
      return file.status();
    BLUEC_RETURN_IF_ERROR(session.addPictureFile(
        {reinterpret_cast<const std::uint8_t *>(file->data()), file->size()}));
  }
  const Status status = session.wait(Until::Sized);
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (const Status fault = session.picture(std::int64_t(i)).status; !fault.ok())
      return {fault.getCode(), paths[i] + ": " + fault.message()};
  return status;
}

Status run(const RunOptions &options, std::ostream &out, std::ostream &err) {
  const auto start = std::chrono::steady_clock::now();
  if (!options.trace.empty())
    BLUEC_RETURN_IF_ERROR(TraceRecorder::check(options.trace, options.traceBeside));
  TraceRecorder trace; // outlives the session, whose threads tell it
  Result<std::unique_ptr<Bundle>> bundle =
      Bundle::open(options.bundle, {options.threads, WeightsCheck::Blocks});
  if (!bundle.ok())
    return bundle.status();
  Result<std::unique_ptr<Session>> created = Session::create(**bundle);
  if (!created.ok())
    return created.status();
  Session &session = **created;
  const double openSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  if (!options.trace.empty())
    session.observe(trace.observer());
  const GenerateOptions generate = options.over((*bundle)->manifest().generate);
  BLUEC_RETURN_IF_ERROR(checkSampling(generate.sampling));
  if (!options.system.empty())
    BLUEC_RETURN_IF_ERROR(session.setSystem(options.system));
  BLUEC_RETURN_IF_ERROR(addPictures(session, options.images));
  BLUEC_RETURN_IF_ERROR(session.addTurn(options.prompt));
  const std::vector<float> first(session.logits().begin(), session.logits().end());
  if (!options.dumpLogits.empty())
    BLUEC_RETURN_IF_ERROR(writeLogits(options.dumpLogits, first));

  std::string text;
  BLUEC_RETURN_IF_ERROR(session.generate(generate, [&](std::string_view piece) {
    text += piece;
    if (!options.json)
      out << piece << std::flush;
    return bool(out);
  }));
  if (!options.trace.empty()) {
    session.observe({});
    BLUEC_RETURN_IF_ERROR(trace.write(**bundle, options.trace, options.traceBeside));
  }
  if (!options.json) {
    out << '\n';
    if (session.stopReason() == Stop::Context)
      err << "warning: the context of " << (*bundle)->model().context
          << " tokens is full; the answer is cut short\n";
    return {};
  }

  const Statistics &facts = session.statistics();
  const auto answer = session.answerTokens();
  const auto prompt = session.turnTokens();
  Json json;
  json["text"] = text;
  json["tokens"] = std::vector<std::int32_t>(answer.begin(), answer.end());
  json["prompt_tokens"] = std::vector<std::int32_t>(prompt.begin(), prompt.end());
  json["stop"] = stopName(session.stopReason());
  json["tiles"] = facts.tiles;
  json["threads"] = (*bundle)->threads().threads();
  json["seconds"] = {{"open", openSeconds},
                     {"decode_picture", facts.decodePictureSeconds},
                     {"tile", facts.tileSeconds},
                     {"encode", facts.encodeSeconds},
                     {"tokenize", facts.tokenizeSeconds},
                     {"prefill", facts.prefillSeconds},
                     {"generate", facts.generateSeconds}};
  json["tokens_per_second"] = {{"prefill", perSecond(facts.prefillTokens, facts.prefillSeconds)},
                               {"generate", perSecond(facts.decodedTokens, facts.generateSeconds)}};
  const auto best = std::max_element(first.begin(), first.end());
  json["first_token"] = {{"id", best - first.begin()}, {"logit", *best}};
  out << json.dump() << '\n';
  return {};
}

} // namespace

Option bundleOption(std::string &bundle) {
  return {.name = "bundle", .target = &bundle, .help = "The bundle's directory", .required = true};
}

Option threadsOption(int &threads) {
  return {.name = "--threads",
          .target = &threads,
          .help = "Threads (one for each CPU)",
          .whole = {0, 1024}};
}

GenerateOptions AnswerOptions::over(GenerateOptions bundles) const {
  GenerateOptions result = bundles;
  SamplingOptions &sampling = result.sampling;
  result.maxNewTokens = maxNewTokens.value_or(result.maxNewTokens);
  sampling.topK = std::int32_t(topK.value_or(sampling.topK));
  const auto choose = [](const std::optional<double> &said, float &to) {
    if (said)
      to = float(*said);
  };
  choose(temperature, sampling.temperature);
  choose(topP, sampling.topP);
  choose(minP, sampling.minP);
  choose(repetitionPenalty, sampling.repetitionPenalty);
  sampling.seed = seed;
  return result;
}

void addAnswerOptions(AnswerOptions &options, OptionTable &table) {
  table.options.insert(table.options.end(),
                       {{.name = "--system",
                         .target = &options.system,
                         .help = "A system text for the model's chat template; nothing: none"},
                        {.name = "--max-new-tokens",
                         .target = &options.maxNewTokens,
                         .help = "Tokens of the answer, 0: as many as the context holds (as the "
                                 "bundle says, and so are the next five)",
                         .whole = {0, 1 << 20}},
                        {.name = "--temperature",
                         .target = &options.temperature,
                         .help = "0: always the most likely token",
                         .real = {0, 100}},
                        {.name = "--top-k",
                         .target = &options.topK,
                         .help = "Sample from so many of the likeliest tokens, 0: from all",
                         .whole = {0, 1 << 30}},
                        {.name = "--top-p",
                         .target = &options.topP,
                         .help = "Sample from the likeliest tokens that add up to it",
                         .real = {1e-6, 1}},
                        {.name = "--min-p",
                         .target = &options.minP,
                         .help = "Sample from tokens that are at least so many times as likely as "
                                 "the likeliest",
                         .real = {0, 1}},
                        {.name = "--repetition-penalty",
                         .target = &options.repetitionPenalty,
                         .help = "Above 1: tokens that were there before are less likely",
                         .real = {0.01, 100}},
                        {.name = "--seed",
                         .target = &options.seed,
                         .help = "Of sampling, when the temperature is above 0",
                         .whole = {0, std::numeric_limits<std::int64_t>::max()}},
                        threadsOption(options.threads)});
}

OptionTable optionTable(RunOptions &options) {
  OptionTable table{"run", "Ask a bundle a question, with pictures.", {}};
  table.options = {bundleOption(options.bundle),
                   {.name = "--prompt",
                    .target = &options.prompt,
                    .help = "The question; <image> says where a picture stands",
                    .required = true},
                   {.name = "--image",
                    .target = &options.images,
                    .help = "A picture (PNG or JPEG); once for each picture"}};
  addAnswerOptions(options, table);
  table.options.insert(table.options.end(),
                       {{.name = "--json",
                         .target = &options.json,
                         .help = "Print the answer, its tokens and times as JSON"},
                        {.name = "--trace",
                         .target = &options.trace,
                         .help = "Write what ran when to a file that Perfetto opens (JSON)"},
                        {.name = "--beside",
                         .target = &options.traceBeside,
                         .help = "A trace of `bluec schedule --trace` to show beside it",
                         .needs = "--trace"},
                        {.name = "--dump-logits",
                         .target = &options.dumpLogits,
                         .help = "Write the first token's logits to a file (float32)"}});
  return table;
}

int runCommand(const RunOptions &options, std::ostream &out, std::ostream &err) {
  return reportStatus(err, [&] { return run(options, out, err); });
}

} // namespace bluec::runtime
