// What the formula of CostModel.h says, against figures worked out by hand.
#include "compiler/machine/CostModel.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace bluec;

namespace {

/// 1 GOP/s for i8 x i8 linears, half of it at 10 rows.
Machine::Device device() {
  Machine::Device device;
  device.name = "npu";
  device.rates = {{"linear", "i8", "i8", 1e9, 10}, {"attention", "f32", "f32", 1e9, 0}};
  device.weightBytesPerSecond = 1e9;
  device.bytesPerSecond = 1e6;
  device.onChipBytes = 1000;
  device.stepSeconds = 1e-3;
  return device;
}

StepCost linear() {
  StepCost cost;
  cost.op = "linear";
  cost.weights = cost.arithmetic = "i8";
  cost.rowOperations = 1000000;
  cost.rowProductRows = 5;
  return cost;
}

TEST(CostModelTest, RateGrowsWithRows) {
  // Two tiles of 5 rows: half of the rate. 2 MOP at 0.5 GOP/s.
  EXPECT_DOUBLE_EQ(secondsOf(linear(), {2, 2, 0}, device()), 4e-3 + 1e-3);
  Machine::Device even = device();
  even.rates[0].halfRows = 0;
  EXPECT_DOUBLE_EQ(secondsOf(linear(), {2, 2, 0}, even), 2e-3 + 1e-3);
}

TEST(CostModelTest, WeightsOverlapWithProducts) {
  StepCost cost = linear();
  cost.weightBytes = 3000000; // 3 ms, hidden behind the products' 4 ms
  EXPECT_DOUBLE_EQ(secondsOf(cost, {2, 2, 0}, device()), 4e-3 + 1e-3);
  cost.weightBytes = 7000000;
  EXPECT_DOUBLE_EQ(secondsOf(cost, {2, 2, 0}, device()), 7e-3 + 1e-3);
}

TEST(CostModelTest, ValuesThatDoNotFitAreMoved) {
  StepCost cost = linear();
  cost.valueBytes = 200;
  cost.rowValueBytes = 400; // 1000 in all: they just fit
  EXPECT_DOUBLE_EQ(secondsOf(cost, {2, 2, 0}, device()), 4e-3 + 1e-3);
  cost.rowValueBytes = 900; // 2000 - 1000
  EXPECT_DOUBLE_EQ(secondsOf(cost, {2, 2, 0}, device()), 4e-3 + 1e-3 + 1e-3);
}

TEST(CostModelTest, StepsWithoutProductsComputeOnAllValues) {
  StepCost norm;
  norm.op = "rms_norm";
  norm.rowValueBytes = 1000; // 2000: 1000 of them do not fit
  Machine::Device slow = device();
  slow.elementwiseBytesPerSecond = 1e5;
  EXPECT_DOUBLE_EQ(secondsOf(norm, {2, 2, 0}, device()), 1e-3 + 1e-3);
  EXPECT_DOUBLE_EQ(secondsOf(norm, {2, 2, 0}, slow), 20e-3 + 1e-3);
  slow.elementwiseBytesPerSecond = 1e9; // hidden behind moving those that do not fit
  EXPECT_DOUBLE_EQ(secondsOf(norm, {2, 2, 0}, slow), 1e-3 + 1e-3);
  EXPECT_DOUBLE_EQ(secondsOf(linear(), {2, 2, 0}, slow), secondsOf(linear(), {2, 2, 0}, device()));
}

TEST(CostModelTest, StaticRowsPayForTheCapacity) {
  Machine::Device fixed = device();
  fixed.staticRows = true;
  EXPECT_DOUBLE_EQ(secondsOf(linear(), {1, 2, 0}, fixed), secondsOf(linear(), {2, 2, 0}, fixed));
  EXPECT_LT(secondsOf(linear(), {1, 2, 0}, device()), secondsOf(linear(), {2, 2, 0}, device()));
}

TEST(CostModelTest, AttentionPaysForThePositionsItSees) {
  StepCost cost;
  cost.op = "attention";
  cost.weights = cost.arithmetic = "f32";
  cost.positionOperations = 1000000;
  cost.rowProductRows = 1;
  // Rows see 11, 12 and 13 positions.
  EXPECT_DOUBLE_EQ(secondsOf(cost, {3, 3, 10}, device()), 36e-3 + 1e-3);
  cost.positionBytes = 10000000; // 13 positions are read: 0.13 s
  EXPECT_DOUBLE_EQ(secondsOf(cost, {3, 3, 10}, device()), 130e-3 + 1e-3);
}

TEST(CostModelTest, AttentionInAWindowPaysForTheWindow) {
  StepCost cost;
  cost.op = "attention";
  cost.positionOperations = 1;
  cost.positionBytes = 1;
  cost.window = 12;
  // Rows see 11, 12 and 12 positions, which are the last 13 of 13.
  EXPECT_EQ(workOf(cost, 3, 10).operations, 11 + 12 + 12);
  EXPECT_EQ(workOf(cost, 3, 10).readBytes, 13);
  // All see a window: those of 4 rows reach over 15 positions.
  EXPECT_EQ(workOf(cost, 4, 100).operations, 4 * 12);
  EXPECT_EQ(workOf(cost, 4, 100).readBytes, 15);
  // The windows of these are not full yet.
  EXPECT_EQ(workOf(cost, 3, 0).operations, 1 + 2 + 3);
  EXPECT_EQ(workOf(cost, 3, 0).readBytes, 3);
}

TEST(CostModelTest, StaticShapesComputeWhatTheMaskTakesAway) {
  StepCost cost;
  cost.op = "attention";
  cost.weights = cost.arithmetic = "f32";
  cost.positionOperations = 1000000;
  cost.rowProductRows = 1;
  Machine::Device fixed = device();
  fixed.staticRows = true;
  EXPECT_DOUBLE_EQ(secondsOf(cost, {3, 3, 10}, fixed), 39e-3 + 1e-3);
}

TEST(CostModelTest, WhatADeviceHasNoRateForItCannotRun) {
  StepCost cost = linear();
  EXPECT_TRUE(canRun(cost, device()));
  cost.weights = "i4";
  EXPECT_FALSE(canRun(cost, device()));
  EXPECT_TRUE(std::isinf(secondsOf(cost, {1, 1, 0}, device())));
  StepCost norm;
  norm.op = "rms_norm";
  EXPECT_TRUE(canRun(norm, device()));
  EXPECT_DOUBLE_EQ(secondsOf(norm, {1, 1, 0}, device()), 1e-3);
  Machine::Device productsOnly = device();
  productsOnly.bytesPerSecond = 0;
  EXPECT_FALSE(canRun(norm, productsOnly));
}

} // namespace
