#include "compiler/driver/check/PackageCheck.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/ConfigCheck.h"
#include "compiler/driver/session/RowPlaces.h"
#include "compiler/recipe/Recipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace bluec;

namespace {

class PackageCheck {
public:
  PackageCheck(const CheckOptions &options, Diagnostics &diagnostics)
      : from{options.model, options.variant, options.imageSize}, diagnostics(diagnostics),
        session(diagnostics) {}

  LogicalResult run();

  Json report;

private:
  void describeTexts();
  LogicalResult readGraphs();
  Json describePart(func::FuncOp part, blue::Role role);

  const PackagePlace from;
  Diagnostics &diagnostics;
  CompilerSession session;
};

LogicalResult PackageCheck::run() {
  report["model"] = from.directory;
  LogicalResult read = readTexts(from, session.package(), diagnostics);
  if (succeeded(read)) {
    describeTexts();
    read = readGraphs();
  }
  report["warnings"] = diagnostics.warnings();
  return read;
}

void PackageCheck::describeTexts() {
  const ModelPackage &package = session.package();
  const ModelConfig &config = package.config;
  const PackageGraphs graphs = findGraphs(from, config);
  if (config.hasText)
    report["layout"] = layoutName(graphs.layout).str();
  for (const std::string &file : {graphs.vision, graphs.embed, graphs.decoder})
    if (!file.empty())
      report["graphs"].push_back(file);
  std::vector<std::string> unused = graphs.unused;
  if (!graphs.firstCall.empty())
    unused.push_back(graphs.firstCall);
  report["graphs_not_read"] = std::move(unused);
  report["tokenizer"] =
      package.tokenizer.empty() ? Json() : Json{{"tokens", package.tokens().size()}};
  report["chat_template"] =
      config.chat && config.chat->source ? Json(config.chat->source->place) : Json();
  Json fields;
  addConfig(config, fields);
  for (const char *key : {"preprocess", "chat", "generation"})
    report[key] = fields.contains(key) ? fields[key] : Json();
}

LogicalResult PackageCheck::readGraphs() {
  if (failed(readGraphsOf(from, *session.module(), session.package(), diagnostics)))
    return failure();
  ScheduleOptions sizes;
  if (failed(
          chooseSizes(session.package().config, std::nullopt, std::nullopt, sizes, diagnostics)) ||
      failed(session.run("import", buildImportPipeline)) ||
      failed(session.run("model", [&](OpPassManager &to) {
        buildModelPipeline(to, from.directory, sizes.context);
      })))
    return failure();
  for (const std::string &line : contradictions(session.package().config, *session.module()))
    if (failed(diagnostics.warning(line)))
      return failure();
  FailureOr<runtime::PositionRule> places =
      rowPlacesOf(session.package().config, *session.module(), diagnostics);
  if (failed(places))
    return failure();
  addPlaces(*places, report);
  for (blue::Role role : {blue::Role::Vision, blue::Role::Embed, blue::Role::Decoder})
    if (auto part = blue::partOf(*session.module(), role))
      report["parts"][blue::stringifyRole(role).str()] = describePart(part, role);
  return success();
}

/// Layers by kind, and those with weights that a recipe's rules may name.
Json PackageCheck::describePart(func::FuncOp part, blue::Role role) {
  std::map<std::string, int64_t> kinds;
  Json names = Json::array(), routers = Json::array();
  blue::LayerNames layers(part);
  for (Operation &op : part.getBody().front()) {
    StringRef name = layers.of(&op);
    if (name.empty())
      continue;
    ++kinds[op.getName().stripDialect().str()];
    if (isa<blue::LinearOp, blue::ExpertLinearOp, blue::EmbeddingOp, blue::PatchEmbedOp>(op))
      names.push_back(name.str());
    if (llvm::is_contained(kindsOf(&op), "router"))
      routers.push_back(name.str());
  }
  Json result;
  if (role == blue::Role::Decoder)
    part.walk([&](blue::AttentionOp attention) {
      int64_t width = cast<RankedTensorType>(attention.getQuery().getType()).getShape().back();
      result["heads"] = attention.getNumHeads();
      result["key_value_heads"] = attention.getNumKvHeads();
      result["head_dim"] = width / static_cast<int64_t>(attention.getNumHeads());
    });
  result["layers"] = kinds;
  result["names"] = std::move(names);
  if (!routers.empty())
    result["routers"] = std::move(routers);
  return result;
}

/// "layers.3/mlp" as "layers.*/mlp": for people, layers that differ in their number are one.
std::string withoutNumbers(StringRef name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    bool begins = llvm::isDigit(name[i]) && i > 0 && name[i - 1] == '.';
    if (!begins) {
      result += name[i];
      continue;
    }
    result += '*';
    while (i + 1 < name.size() && llvm::isDigit(name[i + 1]))
      ++i;
  }
  return result;
}

void shortenNames(Json &report) {
  if (!report.contains("parts"))
    return;
  for (auto &[role, part] : report["parts"].items()) {
    std::vector<std::string> names;
    for (const Json &name : part["names"])
      if (std::string shorter = withoutNumbers(name.get<std::string>());
          !llvm::is_contained(names, shorter))
        names.push_back(std::move(shorter));
    part["names"] = std::move(names);
  }
}

/// A line for each value that is no object: "chat.begin.text  ...".
void printText(const Json &json, const std::string &path, llvm::raw_ostream &out) {
  constexpr unsigned kColumn = 34;
  if (json.is_object() && !json.empty()) {
    for (const auto &[key, value] : json.items())
      printText(value, path.empty() ? key : path + "." + key, out);
    return;
  }
  if (json.is_array() && !json.empty() && json[0].is_string()) {
    for (const Json &value : json)
      printText(value, path, out);
    return;
  }
  out << path << std::string(path.size() < kColumn ? kColumn - path.size() : 1, ' ')
      << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

} // namespace

int bluec::checkPackage(const CheckOptions &options, llvm::raw_ostream &out,
                        llvm::raw_ostream &err) {
  Diagnostics diagnostics(err);
  diagnostics.warningsAreErrors = options.strict;
  PackageCheck check(options, diagnostics);
  const LogicalResult result = check.run();
  if (options.json) {
    out << check.report.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    shortenNames(check.report);
    printText(check.report, "", out);
  }
  return diagnostics.exitCode(result, "check");
}
