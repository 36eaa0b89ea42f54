// The figures that made the times come out of the times.
#include "compiler/driver/measure/MachineFit.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace bluec;

namespace {

DeviceFacts facts() { return {"cpu", 50e9, 1 << 20, 3e-6}; }

Machine::Device device() {
  Machine::Device device;
  device.name = "cpu";
  device.bytesPerSecond = 50e9;
  device.onChipBytes = 1 << 20;
  device.callSeconds = 3e-6;
  device.stepSeconds = 2e-6;
  device.elementwiseBytesPerSecond = 8e9;
  device.weightBytesPerSecond = 40e9;
  device.rates = {{"linear", "i4", "i16", 1e12, 5}, {"linear", "i8", "i8", 2e12, 0}};
  return device;
}

/// A linear of `columns` to as many, for one row a row of the call.
StepCost linear(const char *weights, const char *arithmetic, int64_t columns, int64_t bits) {
  StepCost cost;
  cost.op = "linear";
  cost.weights = weights;
  cost.arithmetic = arithmetic;
  cost.weightBytes = columns * columns * bits / 8;
  cost.rowOperations = 2 * columns * columns;
  cost.rowProductRows = 1;
  return cost;
}

StepCost norm(int64_t columns) {
  StepCost cost;
  cost.op = "rms_norm";
  cost.rowValueBytes = 8 * columns;
  return cost;
}

/// What the device would take, `noise` more or less of it by turns.
std::vector<MeasuredStep> measured(const Machine::Device &device, double noise) {
  std::vector<MeasuredStep> steps;
  auto add = [&](const StepCost &cost, CallShape shape) {
    double sign = steps.size() % 2 == 0 ? 1 : -1;
    steps.push_back({cost, shape, secondsOf(cost, shape, device) * (1 + sign * noise)});
  };
  for (int64_t count : {1, 8, 32, 128})
    for (int64_t columns : {2048, 2304, 4096, 4608}) {
      CallShape shape{count, count == 1 ? 1 : 128, 0};
      add(linear("i4", "i16", columns, 4), shape);
      add(linear("i8", "i8", columns, 8), shape);
      if (count > 1)
        add(norm(columns), shape);
    }
  for (int i = 0; i < 3; ++i)
    steps.push_back({norm(0), {1, 1, 0}, device.stepSeconds});
  return steps;
}

TEST(MachineFitTest, FindsTheFigures) {
  DeviceFit fit = fitDevice(facts(), measured(device(), 0));
  const Machine::Device &found = fit.device;
  EXPECT_EQ(found.name, "cpu");
  EXPECT_EQ(found.bytesPerSecond, 50e9);
  EXPECT_EQ(found.onChipBytes, 1 << 20);
  EXPECT_EQ(found.callSeconds, 3e-6);
  EXPECT_DOUBLE_EQ(found.stepSeconds, 2e-6);
  EXPECT_NEAR(found.elementwiseBytesPerSecond, 8e9, 1e6);
  EXPECT_NEAR(found.weightBytesPerSecond, 40e9, 1e6);
  ASSERT_EQ(found.rates.size(), 2u);
  EXPECT_EQ(found.rates[0].weights, "i4");
  EXPECT_NEAR(found.rates[0].operationsPerSecond, 1e12, 1e9);
  EXPECT_NEAR(found.rates[0].halfRows, 5, 0.05);
  EXPECT_EQ(found.rates[1].activations, "i8");
  EXPECT_NEAR(found.rates[1].operationsPerSecond, 2e12, 2e9);
  EXPECT_NEAR(found.rates[1].halfRows, 0, 0.05);
  ASSERT_EQ(fit.rates.size(), 2u);
  EXPECT_EQ(fit.rates[0].steps, 16);
  EXPECT_LT(fit.rates[0].largest, 1e-2);
  EXPECT_EQ(fit.others.steps, 12);
  EXPECT_LT(fit.others.largest, 1e-6);
}

TEST(MachineFitTest, NoiseMovesThemLittle) {
  DeviceFit fit = fitDevice(facts(), measured(device(), 0.1));
  EXPECT_NEAR(fit.device.weightBytesPerSecond, 40e9, 6e9);
  ASSERT_EQ(fit.device.rates.size(), 2u);
  EXPECT_NEAR(fit.device.rates[0].operationsPerSecond, 1e12, 1e11);
  EXPECT_NEAR(fit.device.rates[0].halfRows, 5, 1.5);
  EXPECT_LT(fit.rates[0].median, 0.15);
}

TEST(MachineFitTest, OneNumberOfRowsSaysNothingOfOthers) {
  std::vector<MeasuredStep> steps;
  steps.push_back({linear("f32", "f32", 1024, 32), {128, 128, 0}, 1e-3});
  DeviceFit fit = fitDevice(facts(), steps);
  ASSERT_EQ(fit.device.rates.size(), 1u);
  EXPECT_EQ(fit.device.rates[0].halfRows, 0);
  EXPECT_NEAR(fit.device.rates[0].operationsPerSecond, 2.0 * 1024 * 1024 * 128 / 1e-3, 1e6);
  EXPECT_EQ(fit.device.weightBytesPerSecond, 0);
}

} // namespace
