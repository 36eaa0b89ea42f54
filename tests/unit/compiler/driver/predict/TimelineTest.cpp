// Calls on devices: what waits for what, against times worked out by hand.
#include "compiler/driver/predict/Timeline.h"

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <array>
#include <gtest/gtest.h>
#include <map>

#include <cmath>

using namespace mlir;
using namespace bluec;

namespace {

/// A step that costs nothing but the device's step_seconds.
std::string step(const std::string &result, const std::string &operand, const std::string &type,
                 const std::string &device) {
  return "%" + result + " = plan.step \"" + result + "\" value \"" + result + "\" on \"" + device +
         "\" (%" + operand + ") : (" + type + ") -> " + type + " {\n^bb0(%a: " + type +
         "):\n%0 = blue.relu %a : " + type + "\nplan.yield %0 : " + type + "\n}\n";
}

std::string entry(const std::string &name, const std::string &kind, int capacity,
                  const std::vector<std::string> &devices) {
  std::string type = "tensor<" + std::to_string(capacity) + "x250xf32>", last = "x";
  // What each kind of entry computes, takes and gives.
  static const std::map<std::string, std::array<std::string, 3>> signatures = {
      {"encode", {"encode", "pixels", "features"}},
      {"encode_patches", {"encode stage 0 of 2", "pixels", "patches"}},
      {"encode_blocks", {"encode stage 1 of 2", "patches", "features"}},
      {"embed", {"embed", "ids", "embeddings"}},
      {"prefill", {"decode", "embeddings", "logits"}},
      {"decode", {"decode", "ids", "logits"}}};
  const auto &[role, takes, gives] = signatures.at(kind);
  std::string text = "plan.entry @" + name + " role " + role + " capacity " +
                     std::to_string(capacity) + " segment \"s\" takes [\"" + takes +
                     "\"] gives [\"" + gives + "\"] {\n^bb0(%x: " + type + "):\n";
  for (size_t i = 0; i < devices.size(); ++i) {
    std::string result = "s" + std::to_string(i);
    text += step(result, last, type, devices[i]);
    last = result;
  }
  return text + "plan.return %" + last + " : " + type + "\n}\n";
}

/// Steps take 1 s on the CPU and 3 s on the NPU, calls 0.5 s on the NPU; 1000 bytes cross in 0.25
/// s.
constexpr const char *kMachineText = R"({"name": "m", "target": "t", "devices": [
  {"name": "cpu", "bytes_per_second": 1e9, "on_chip_bytes": 1000000, "step_seconds": 1},
  {"name": "npu", "bytes_per_second": 1e9, "on_chip_bytes": 1000000, "step_seconds": 3, "call_seconds": 0.5}],
  "transfers": [{"from": "cpu", "to": "npu", "bytes_per_second": 4000},
                {"from": "npu", "to": "cpu", "bytes_per_second": 4000}]})";

struct TimelineTest : testing::Test {
  TimelineTest() { context.loadDialect<blue::BlueDialect, plan::PlanDialect>(); }

  ModuleOp parse(const std::string &entries, const std::string &attributes = "") {
    module = parseSourceString<ModuleOp>("module attributes {plan.context = 64 : i64" + attributes +
                                             "} {\n" + entries + "}",
                                         ParserConfig(&context));
    EXPECT_TRUE(module);
    return *module;
  }
  Machine machine(const std::string &text = kMachineText) {
    return llvm::cantFail(Machine::parse(text, "test"));
  }
  std::string errorOf(llvm::function_ref<FailureOr<Timeline>()> make) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    EXPECT_TRUE(failed(make()));
    return message;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// "device entry call start end"
std::vector<std::string> tasksOf(const Timeline &timeline) {
  std::vector<std::string> lines;
  for (const TimelineTask &task : timeline.tasks) {
    std::string line;
    llvm::raw_string_ostream(line) << task.device << ' ' << task.op << ' ' << task.call << ' '
                                   << llvm::format("%g %g", task.start, task.end);
    lines.push_back(line);
  }
  return lines;
}

TEST_F(TimelineTest, StagesOverlap) {
  ModuleOp plan = parse(entry("patches", "encode_patches", 1, {"cpu"}) +
                        entry("blocks", "encode_blocks", 1, {"npu"}));
  FailureOr<Timeline> found = encodeTimeline(plan, machine(), 2);
  ASSERT_TRUE(succeeded(found));
  EXPECT_EQ(tasksOf(*found),
            (std::vector<std::string>{"cpu relu 0 0 1", "cpu -> npu transfer 0 1 1.25",
                                      "cpu relu 1 1 2", "npu call 0 1.25 1.75",
                                      "npu relu 0 1.75 4.75", "cpu -> npu transfer 1 2 2.25",
                                      "npu call 1 4.75 5.25", "npu relu 1 5.25 8.25"}));
  EXPECT_DOUBLE_EQ(found->seconds, 8.25);
  EXPECT_NEAR(found->hiddenSeconds, 1.25, 1e-9) << "patches and transfer of the second call";
}

// Two buffers: the patches of call 2 wait until the blocks of call 0 are done.
TEST_F(TimelineTest, AStageIsTwoCallsAhead) {
  ModuleOp plan = parse(entry("patches", "encode_patches", 1, {"cpu"}) +
                        entry("blocks", "encode_blocks", 1, {"npu"}));
  FailureOr<Timeline> found = encodeTimeline(plan, machine(), 4);
  ASSERT_TRUE(succeeded(found));
  std::vector<double> starts, ends;
  for (const TimelineTask &task : found->tasks) {
    if (task.device == "cpu")
      starts.push_back(std::round(task.start * 1e9) / 1e9);
    if (task.device == "npu" && task.op == "relu")
      ends.push_back(std::round(task.end * 1e9) / 1e9);
  }
  EXPECT_EQ(starts, (std::vector<double>{0, 1, 4.75, 8.25}));
  EXPECT_EQ(ends, (std::vector<double>{4.75, 8.25, 11.75, 15.25}));
}

TEST_F(TimelineTest, OneDeviceOverlapsNothing) {
  ModuleOp plan = parse(entry("encode", "encode", 2, {"cpu", "cpu"}) +
                        entry("encode_1", "encode", 1, {"cpu", "cpu"}));
  FailureOr<Timeline> found = encodeTimeline(
      plan, machine(R"({"target": "t", "devices": [{"name": "cpu", "bytes_per_second": 1e9,
                                     "on_chip_bytes": 1000000, "step_seconds": 1}]})"),
      5);
  ASSERT_TRUE(succeeded(found));
  EXPECT_DOUBLE_EQ(found->seconds, 6);
  EXPECT_DOUBLE_EQ(found->hiddenSeconds, 0);
}

// Batches, then what the plan says about the rest; without it one tile a call.
TEST_F(TimelineTest, CallsAreThePlans) {
  auto calls = [&](ModuleOp plan, int64_t tiles) {
    std::vector<std::pair<int64_t, int64_t>> list;
    for (const TimelineCall &call : encodeCalls(plan, tiles))
      list.push_back({call.capacity, call.count});
    return list;
  };
  using Calls = std::vector<std::pair<int64_t, int64_t>>;
  std::string entries =
      entry("encode", "encode", 4, {"cpu"}) + entry("encode_1", "encode", 1, {"cpu"});
  ModuleOp plan = parse(entries);
  EXPECT_EQ(calls(plan, 9), (Calls{{4, 4}, {4, 4}, {1, 1}}));
  EXPECT_EQ(calls(plan, 6), (Calls{{4, 4}, {1, 1}, {1, 1}}));
  EXPECT_EQ(calls(plan, 0), Calls());
  plan = parse(entries, ", plan.encode_calls = [array<i64: 1>, array<i64: 1, 1>, array<i64: 4>]");
  EXPECT_EQ(calls(plan, 6), (Calls{{4, 4}, {1, 1}, {1, 1}}));
  EXPECT_EQ(calls(plan, 7), (Calls{{4, 4}, {4, 3}}));
}

TEST_F(TimelineTest, PrefillGoesInChunks) {
  ModuleOp plan = parse(entry("prefill", "prefill", 4, {"cpu", "npu"}));
  FailureOr<Timeline> found = prefillTimeline(plan, machine(), 9);
  ASSERT_TRUE(succeeded(found));
  // 4, 4 and 1 rows of 1000 bytes cross.
  EXPECT_DOUBLE_EQ(found->seconds, 3 * (1 + 0.5 + 3) + 2 * 1 + 0.25);
  EXPECT_DOUBLE_EQ(found->hiddenSeconds, 0) << "a chunk reads what the one before it wrote";
  EXPECT_EQ(found->tasks.back().call, 2);
  EXPECT_EQ(found->tasks.back().count, 1);
}

TEST_F(TimelineTest, Errors) {
  ModuleOp plan = parse(entry("decode", "decode", 1, {"gpu"}));
  EXPECT_EQ(errorOf([&] { return decodeTimeline(plan, machine(), 0); }),
            "'plan.step' op expected a device of machine m for s0, found 'gpu'");
  EXPECT_EQ(errorOf([&] { return prefillTimeline(plan, machine(), 1); }),
            "expected an entry that decodes embeddings, found none");
  EXPECT_EQ(errorOf([&] { return encodeTimeline(plan, machine(), 1); }),
            "expected an image encoder, found none");
  plan = parse(entry("decode", "decode", 1, {"cpu"}));
  EXPECT_EQ(errorOf([&] {
              return decodeTimeline(
                  plan, machine(R"({"name": "m", "target": "t", "devices": [{"name": "cpu"}]})"),
                  0);
            }),
            "'plan.step' op expected a device that computes relu for s0, found 'cpu' of machine m");
  plan = parse(entry("encode", "encode", 4, {"cpu"}));
  EXPECT_EQ(errorOf([&] { return encodeTimeline(plan, machine(), 1); }),
            "expected an entry that encodes 1 tiles, found none");
}

} // namespace
