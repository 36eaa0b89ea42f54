#include "cli/BenchReport.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

Json figure(const Samples &samples) {
  if (samples.empty())
    return nullptr;
  return {{"median", samples.median()}, {"least", samples.least()}, {"most", samples.most()}};
}

// Steps of one kind or kernel: their seconds, and which share of the machine they reach.
Json workJson(const StepWork &work, const BenchmarkTest &test) {
  Json json;
  json["calls"] = work.calls;
  json["seconds"] = figure(work.seconds);
  json["share_of_time"] = work.seconds.shareOf(test.seconds).median();
  json["bytes"] = work.bytes();
  json["bytes_per_second"] = figure(work.seconds.rate(work.bytes()));
  if (work.operations == 0)
    return json;
  const Samples rate = work.seconds.rate(work.operations);
  json["arithmetic"] = work.arithmetic;
  json["operations"] = work.operations;
  json["operations_per_second"] = figure(rate);
  const auto peak = test.peaks.find(work.arithmetic);
  json["share_of_peak"] = peak == test.peaks.end() ? Json() : figure(rate.shareOf(peak->second));
  return json;
}

Json testJson(const BenchmarkTest &test, bool steps) {
  Json json;
  const bool tiles = test.kind == BenchmarkTest::Kind::Encode,
             decoding = test.kind == BenchmarkTest::Kind::Decode;
  json[tiles ? "tiles" : decoding ? "depth" : "tokens"] = test.amount;
  if (decoding)
    json["tokens"] = test.rows;
  json["seconds"] = figure(test.seconds);
  json["seconds_between_steps"] = figure(test.between);
  if (tiles) {
    json["seconds_per_tile"] = figure(test.seconds.dividedBy(double(test.rows)));
    json["overlapped"] = test.overlapped;
    for (const BenchmarkTest::Call &call : test.calls)
      json["calls"].push_back({{"entry", call.entry},
                               {"tiles", call.tiles},
                               {"start", figure(call.start)},
                               {"seconds", figure(call.seconds)}});
  } else {
    json["tokens_per_second"] = figure(test.seconds.rate(double(test.rows)));
  }
  if (decoding) {
    const double weights = test.weightBytes(), cache = test.cacheBytes();
    const Samples rate = test.seconds.rate(weights + cache);
    json["weight_bytes_per_token"] = weights / double(test.rows);
    json["kv_bytes_per_token"] = cache / double(test.rows);
    json["bytes_per_second"] = figure(rate);
    json["share_of_read_bandwidth"] = figure(rate.shareOf(test.bandwidth));
  }
  for (const auto &[op, work] : test.ops)
    json["by_op"][op.empty() ? "other" : op] = workJson(work, test);
  if (steps)
    for (const auto &[kernel, work] : test.slowestFirst()) {
      json["kernels"].push_back({{"kernel", kernel}, {"op", work->op}});
      json["kernels"].back().update(workJson(*work, test));
    }
  return json;
}

} // namespace

void printBenchJson(const BenchmarkResult &result, const std::string &bundle, bool steps,
                    std::ostream &out) {
  Json json;
  json["bundle"] = bundle;
  json["producer"] = result.producer;
  json["target"] = result.target;
  json["recipe"] = result.recipe;
  json["threads"] = result.threads;
  json["repeats"] = result.repeats;
  json["context"] = result.context;
  json["chunk"] = result.chunk;
  json["bytes"] = {{"weights", result.weightsBytes}, {"kv_cache", result.cacheBytes}};
  json["load_seconds"] = {{"first", result.firstLoad}, {"again", figure(result.load)}};
  json["machine"]["read_bytes_per_second"] = figure(result.bandwidth);
  for (const auto &[type, samples] : result.peaks)
    json["machine"]["operations_per_second"][dotTypeName(type)] =
        samples.median() > 0 ? figure(samples) : Json();
  const char *const lists[] = {"encode", "prefill", "decode"};
  for (const char *list : lists)
    json[list] = Json::array();
  for (const BenchmarkTest &test : result.tests)
    json[lists[int(test.kind)]].push_back(testJson(test, steps));
  for (const auto &[moment, resident] : result.memory)
    json["memory"][moment] = {
        {"resident", resident.now}, {"anonymous", resident.anonymous}, {"file", resident.file}};
  json["memory"]["peak"] = result.peakMemory;
  json["memory"]["peak_without_vision"] = result.peakWithoutVision;
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

} // namespace bluec::runtime
