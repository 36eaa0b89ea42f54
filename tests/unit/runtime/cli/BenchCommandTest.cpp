#include "cli/BenchCommand.h"

#include "cli/RunCommand.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>
#include <sstream>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class BenchCommandTest : public ::testing::Test {
protected:
  BenchCommandTest() {
    options.bundle = bundle.path();
    options.threads = 1;
    options.repeats = 2;
    options.decodeTokens = 4;
  }

  int run() {
    out.str("");
    err.str("");
    return benchCommand(options, out, err);
  }

  nlohmann::json measured() {
    options.json = true;
    EXPECT_EQ(run(), ExitDone) << err.str();
    return nlohmann::json::parse(out.str());
  }

  // Costs for the fake model's decode entry, which has two steps.
  void writeCosts() {
    bundle.manifest["entry_points"] = {{{"name", "decode"},
                                        {"step_costs",
                                         {{{"op", "append_keys"}, {"row_bytes", 8}},
                                          {{"op", "linear"},
                                           {"arithmetic", "f32"},
                                           {"weight_bytes", 1000},
                                           {"position_bytes", 10},
                                           {"row_operations", 500},
                                           {"position_operations", 2}}}}}};
    bundle.write();
  }

  TestBundle bundle;
  BenchOptions options;
  std::ostringstream out, err;
};

TEST_F(BenchCommandTest, MeasuresWhatIsAskedFor) {
  options.prefill = {5, FAKE_CONTEXT};
  options.decodeAt = {0, FAKE_CONTEXT};
  options.encode = 5;
  const nlohmann::json json = measured();
  EXPECT_EQ(json["threads"], 1);
  EXPECT_EQ(json["repeats"], 2);
  ASSERT_EQ(json["prefill"].size(), 2u);
  EXPECT_EQ(json["prefill"][1]["tokens"], FAKE_CONTEXT);
  ASSERT_EQ(json["decode"].size(), 2u);
  EXPECT_EQ(json["decode"][1]["depth"], FAKE_CONTEXT);
  EXPECT_EQ(json["decode"][1]["tokens"], 4);
  ASSERT_EQ(json["encode"].size(), 1u);
  EXPECT_EQ(json["encode"][0]["tiles"], 5);
  ASSERT_EQ(json["encode"][0]["calls"].size(), 2u);
  EXPECT_EQ(json["encode"][0]["calls"][0]["entry"], "encode_batch");
  EXPECT_EQ(json["encode"][0]["calls"][0]["tiles"], 4);
  EXPECT_EQ(json["encode"][0]["calls"][1]["entry"], "encode");
  EXPECT_GT(json["encode"][0]["calls"][1]["seconds"]["median"], 0.0);
  for (const char *test : {"prefill", "decode"})
    for (const nlohmann::json &one : json[test]) {
      EXPECT_GT(one["tokens_per_second"]["median"], 0.0);
      EXPECT_LE(one["seconds"]["least"], one["seconds"]["median"]);
      EXPECT_LE(one["seconds"]["median"], one["seconds"]["most"]);
    }
  EXPECT_GT(json["encode"][0]["seconds_per_tile"]["median"], 0.0);
  EXPECT_GT(json["machine"]["read_bytes_per_second"]["median"], 1e8);
  EXPECT_GT(json["load_seconds"]["again"]["median"], 0.0);
  EXPECT_GT(json["memory"]["peak"], 1000000);
  for (const char *moment : {"loaded", "encoded", "vision_released", "prefilled", "decoded"})
    EXPECT_GT(json["memory"][moment]["resident"], 1000000) << moment;
}

TEST_F(BenchCommandTest, ByDefaultTheContextAndOneBatch) {
  const nlohmann::json json = measured();
  ASSERT_EQ(json["prefill"].size(), 1u); // the context is below 512
  EXPECT_EQ(json["prefill"][0]["tokens"], FAKE_CONTEXT);
  EXPECT_EQ(json["decode"][0]["depth"], 0);
  EXPECT_EQ(json["decode"][1]["depth"], FAKE_CONTEXT);
  EXPECT_EQ(json["encode"][0]["tiles"], 4);
}

TEST_F(BenchCommandTest, CountsNoMoreThanAWindow) {
  writeCosts();
  bundle.manifest["entry_points"][0]["step_costs"][1]["window"] = 12;
  bundle.write();
  options.decodeAt = {10};
  options.steps = true;
  const nlohmann::json decode = measured()["decode"][0];
  EXPECT_EQ(decode["kv_bytes_per_token"], 10 * (11 + 12 + 12 + 12) / 4.0);
  EXPECT_EQ(decode["by_op"]["linear"]["operations"], 4 * 500.0 + 2 * (11 + 12 + 12 + 12));
}

// Four tokens at 10, 11, 12 and 13 positions.
TEST_F(BenchCommandTest, CountsBytesAndOperations) {
  writeCosts();
  options.decodeAt = {10};
  options.steps = true;
  const nlohmann::json decode = measured()["decode"][0];
  EXPECT_EQ(decode["weight_bytes_per_token"], 1008.0);
  EXPECT_EQ(decode["kv_bytes_per_token"], 10 * (11 + 12 + 13 + 14) / 4.0);
  EXPECT_GT(decode["bytes_per_second"]["median"], 0.0);
  EXPECT_GT(decode["share_of_read_bandwidth"]["median"], 0.0);
  const nlohmann::json &linear = decode["by_op"]["linear"];
  EXPECT_EQ(linear["calls"], 4);
  EXPECT_EQ(linear["arithmetic"], "f32");
  EXPECT_EQ(linear["operations"], 4 * 500.0 + 2 * (11 + 12 + 13 + 14));
  EXPECT_EQ(decode["by_op"]["append_keys"]["bytes"], 4 * 8.0);
  ASSERT_EQ(decode["kernels"].size(), 2u);
  EXPECT_GE(decode["kernels"][0]["seconds"]["median"], decode["kernels"][1]["seconds"]["median"]);
}

TEST_F(BenchCommandTest, PrintsATable) {
  writeCosts();
  options.decodeAt = {10};
  options.steps = true;
  EXPECT_EQ(run(), ExitDone) << err.str();
  for (const char *part :
       {"reads ", "load ", "encode 4", "prefill 96", "decode at 10", "of the machine's reads",
        "vision_released", "between the steps", "logits"})
    EXPECT_NE(out.str().find(part), std::string::npos) << part << "\n" << out.str();
}

// Costs that are for another number of steps, or no costs at all, are not made use of.
TEST_F(BenchCommandTest, CostsThatDoNotFit) {
  options.decodeAt = {0};
  for (const nlohmann::ordered_json &costs :
       {nlohmann::ordered_json::array(), nlohmann::ordered_json("none"),
        nlohmann::ordered_json({1, 2}),
        nlohmann::ordered_json({{{"weight_bytes", "x"}}, nullptr})}) {
    bundle.manifest["entry_points"] = {{{"name", "decode"}, {"step_costs", costs}}, 7};
    bundle.write();
    EXPECT_EQ(measured()["decode"][0]["weight_bytes_per_token"], 0.0) << costs;
  }
}

TEST_F(BenchCommandTest, InputAtFault) {
  const auto expectLine = [&](const std::string &line) {
    EXPECT_EQ(run(), ExitInputAtFault);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(err.str(), "error: " + line + "\n");
  };
  options.prefill = {FAKE_CONTEXT + 1};
  expectLine("--prefill: expected 1 to 96 tokens, found 97");
  options.prefill = {};
  options.decodeAt = {FAKE_CONTEXT + 1};
  expectLine("--decode-at: expected 0 to 96 tokens, found 97");
  options.decodeAt = {};
  options.decodeTokens = FAKE_CONTEXT + 1;
  expectLine("--decode-tokens: expected 1 to 96 tokens, found 97");
  options.bundle = "/nowhere";
  expectLine("/nowhere: no such file or directory");
}

} // namespace
