// What the machine description of the paper's phone says about the paper's model, and what other
// machines say: the paper's choices have to come out of the costs, and change with them.
#include "compiler/driver/predict/SchedulePrediction.h"

#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/machine/Machine.h"
#include "targets/Registration.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace bluec;

namespace {

Json paperMachine() {
  for (const ShippedMachine &machine : shippedMachines())
    if (llvm::StringRef(machine.name) == "dimensity-9300")
      return Json::parse(machine.json);
  return {};
}

struct SchedulePredictionTest : testing::Test {
  static void SetUpTestSuite() { registerInstrumentationOptions(); } // what passes run with

  /// The command's JSON for bluelm-v-3b and a picture of 2:4 tiles.
  Json predict(llvm::function_ref<void(ScheduleCommandOptions &)> ask = [](auto &) {}) {
    ScheduleCommandOptions options;
    options.model = BLUEC_SOURCE_DIR "/examples/bluelm-v-3b";
    options.machine = machine.dump();
    options.json = true;
    ask(options);
    std::string text;
    llvm::raw_string_ostream out(text), err(errors);
    exitCode = predictSchedule(options, out, err);
    return exitCode == exitDone ? Json::parse(text) : Json::object();
  }
  double encode(int64_t batch) {
    return predict([&](ScheduleCommandOptions &options) { options.imageBatch = batch; })
        .value("encode_ms", 0.0);
  }
  double prefill(int64_t chunk) {
    return predict([&](ScheduleCommandOptions &options) { options.chunk = chunk; })
        .value("prefill_ms", 0.0);
  }
  Json &cpu() { return machine["devices"][0]; }
  Json &npu() { return machine["devices"][1]; }

  Json machine = paperMachine();
  int exitCode = exitDone;
  std::string errors;
};

void expectWithin(double found, double expected, double share, const char *what) {
  EXPECT_NEAR(found, expected, share * expected) << what;
}

//===------------------------------------------------------------------------------------------===//
// The paper's figures
//===------------------------------------------------------------------------------------------===//

TEST_F(SchedulePredictionTest, NineTilesInFourAndFourAndOne) {
  Json found = predict();
  ASSERT_EQ(exitCode, exitDone) << errors;
  EXPECT_EQ(found["grid"], (Json{2, 4}));
  EXPECT_EQ(found["tiles"], 9);
  EXPECT_EQ(found["calls"].dump(), R"([{"capacity":4,"tiles":4},{"capacity":4,"tiles":4},)"
                                   R"({"capacity":1,"tiles":1}])");
  expectWithin(found["encode_ms"], 2060, 0.01, "160 + 800 + 800 + 300");
  expectWithin(found["hidden_ms"], 200, 0.02, "Conv2D of five tiles");
  expectWithin(found["load_ms"], 470, 0.02, "loading the ViT");
  expectWithin(found["decode_ms"], 1e3 / 24.4, 0.02, "24.4 tokens a second");
  double patches = 0;
  for (const Json &task : found["tasks"])
    if (task["entry"].get<std::string>().rfind("encode_patches", 0) == 0 && task["device"] == "cpu")
      patches += task["end_ms"].get<double>() - task["start_ms"].get<double>();
  expectWithin(patches, 9 * 40, 0.01, "Conv2D of nine tiles");
}

TEST_F(SchedulePredictionTest, FourTilesABatchAreBest) {
  double four = encode(4);
  for (int64_t other : {1, 2, 6})
    EXPECT_LT(four, encode(other)) << other;
  EXPECT_EQ(predict([](ScheduleCommandOptions &options) { options.imageBatch = 0; })["batch"], 4)
      << "and asking for the best one gives it";
}

TEST_F(SchedulePredictionTest, AChunkOf128IsBest) {
  double best = prefill(128);
  expectWithin(best, 2700, 0.02, "2048 tokens");
  for (int64_t other : {32, 512, 2048})
    EXPECT_LT(best, prefill(other)) << other;
}

//===------------------------------------------------------------------------------------------===//
// What predictions depend on
//===------------------------------------------------------------------------------------------===//

/// Makes "host" that target while it lives.
class Host {
public:
  explicit Host(const char *target) {
    if (const char *set = std::getenv(targets::kHostVariable))
      before = set;
    setenv(targets::kHostVariable, target, 1);
  }
  ~Host() {
    if (before)
      setenv(targets::kHostVariable, before->c_str(), 1);
    else
      unsetenv(targets::kHostVariable);
  }

private:
  std::optional<std::string> before;
};

/// Asking for a host that is none, or that has no such code, would be an error: so any target is
/// one here, whatever this machine runs.
TEST_F(SchedulePredictionTest, TheHostHasNoPart) {
  std::string expected = predict().dump();
  ASSERT_EQ(exitCode, exitDone) << errors;
  std::vector<std::string> hosts = {"none"};
  for (const auto &target : targets::allTargets().all())
    hosts.push_back(target->name().str());
  for (const std::string &host : hosts) {
    Host is(host.c_str());
    EXPECT_EQ(predict().dump(), expected) << host << errors;
  }
}

TEST_F(SchedulePredictionTest, LaysOutForTheMachinesTargetUnlessAsked) {
  Host isNone("none");
  Json own = predict();
  EXPECT_EQ(own["target"], "dimensity-9300");
  EXPECT_EQ(own["target_from"], "the machine description");
  for (const auto &target : targets::allTargets().all()) {
    Json asked = predict([&](auto &options) { options.target = target->name().str(); });
    EXPECT_EQ(asked["target"], target->name().str()) << errors;
    EXPECT_EQ(asked["target_from"], "--target");
    Json before = machine["target"];
    machine["target"] = target->name().str();
    Json named = predict();
    machine["target"] = before;
    EXPECT_EQ(named["target_from"], "the machine description") << errors;
    named["target_from"] = asked["target_from"];
    EXPECT_EQ(named.dump(), asked.dump()) << "a target's name says its facts";
  }
}

TEST_F(SchedulePredictionTest, FactsMayBeAsFarOutAsADescriptionMaySay) {
  Host isNone("none");
  for (const TargetFact &fact : targetFacts())
    for (int64_t value : {fact.least, fact.most}) {
      Json before = machine["target"];
      machine["target"][fact.name] = value;
      Json found = predict();
      machine["target"] = before;
      EXPECT_EQ(exitCode, exitDone) << fact.name << " " << value << ": " << errors;
      EXPECT_GT(found["decode_ms"].get<double>(), 1) << fact.name << " " << value;
    }
}

TEST_F(SchedulePredictionTest, ATargetThatIsNoneIsAnError) {
  for (const char *name : {"host", "native", "pdp-11"}) {
    errors.clear();
    machine["target"] = name;
    predict();
    EXPECT_EQ(exitCode, exitInput);
    EXPECT_EQ(errors, "error: dimensity-9300: machine.target: expected facts or one of " +
                          targets::allTargets().names() + ", found '" + name + "'\n");
  }
}

//===------------------------------------------------------------------------------------------===//
// Other machines
//===------------------------------------------------------------------------------------------===//

TEST_F(SchedulePredictionTest, RatesThatFewRowsReachNeedNoBatch) {
  for (Json &rate : npu()["rates"])
    rate["half_rows"] = 0;
  EXPECT_LE(encode(1), encode(4));
}

TEST_F(SchedulePredictionTest, CallsOfAnyNumberOfTilesMakeTheLargerBatchBetter) {
  npu()["static_rows"] = false; // 6 + 3 in place of 6 + 1 + 1 + 1
  EXPECT_LT(encode(6), encode(4));
}

TEST_F(SchedulePredictionTest, MoreMemoryOnTheChipMakesTheLargerChunkBetter) {
  npu()["on_chip_bytes"] = int64_t{1} << 30;
  EXPECT_LT(prefill(512), prefill(128));
}

TEST_F(SchedulePredictionTest, SlowWeightsMakeTheLargerChunkBetter) {
  double before = predict()["decode_ms"];
  npu()["weight_bytes_per_second"] = npu()["weight_bytes_per_second"].get<double>() / 10;
  EXPECT_LT(prefill(512), prefill(128));
  double after = predict()["decode_ms"];
  EXPECT_GT(after, 8 * before);
}

TEST_F(SchedulePredictionTest, ASlowCpuHoldsTheNpuUp) {
  Json before = predict();
  for (Json &rate : cpu()["rates"]) // 1.6 s for the patches of four tiles, longer than their blocks
    rate["operations_per_second"] = rate["operations_per_second"].get<double>() / 10;
  Json after = predict();
  EXPECT_GT(after["encode_ms"].get<double>(), 9 * 400) << "all patches one behind the other";
  EXPECT_GT(after["hidden_ms"].get<double>(), before["hidden_ms"].get<double>());
}

TEST_F(SchedulePredictionTest, AnNpuThatTakesAllHidesNothing) {
  npu()["rates"].push_back({{"op", "linear"},
                            {"weights", "f32"},
                            {"activations", "f32"},
                            {"operations_per_second", 1e13}});
  Json found = predict();
  EXPECT_EQ(found["hidden_ms"], 0);
  for (const Json &task : found["tasks"])
    if (task["run"] == "encode") {
      EXPECT_EQ(task["device"], "npu");
    }
}

TEST_F(SchedulePredictionTest, AStepThatNoDeviceComputesIsAnError) {
  cpu()["rates"] = Json::array();
  predict();
  EXPECT_EQ(exitCode, exitInput);
  EXPECT_NE(errors.find("expected a device of machine 'dimensity-9300' that computes linear of f32 "
                        "and f32, found none"),
            std::string::npos)
      << errors;
  EXPECT_EQ(llvm::StringRef(errors).count('\n'), 1u) << errors;
}

} // namespace
