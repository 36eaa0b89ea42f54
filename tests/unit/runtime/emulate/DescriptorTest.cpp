#include "emulate/Descriptor.h"

#include "device/CodeLoader.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

class DescriptorTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto loaded = (*findLoader("shared-library", "here"))->load({"m", BLUEC_FAKE_MODEL, {}, ""});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    code = std::move(*loaded);
    model = code->model();
  }

  std::vector<std::uint8_t> written() const {
    Writer writer;
    writeDescriptor(model, writer);
    return {writer.get().begin(), writer.get().end()};
  }

  std::unique_ptr<LoadedCode> code;
  bluec_model model{}; // a test's to change
};

void expectSame(const bluec_tensor &expected, const bluec_tensor &found) {
  EXPECT_STREQ(found.name, expected.name);
  EXPECT_EQ(found.dtype, expected.dtype);
  EXPECT_EQ(found.rank, expected.rank);
  EXPECT_TRUE(std::equal(found.dims, found.dims + BLUEC_MAX_RANK, expected.dims));
  EXPECT_EQ(found.offset, expected.offset);
  EXPECT_EQ(found.bytes, expected.bytes);
}

void expectSame(const bluec_entry &expected, const bluec_entry &found) {
  EXPECT_STREQ(found.name, expected.name);
  EXPECT_EQ(found.role, expected.role);
  EXPECT_EQ(found.stage, expected.stage);
  EXPECT_EQ(found.stages, expected.stages);
  EXPECT_EQ(found.segment, expected.segment);
  EXPECT_EQ(found.device, expected.device);
  EXPECT_EQ(found.capacity, expected.capacity);
  EXPECT_EQ(found.arena_bytes, expected.arena_bytes);
  EXPECT_EQ(found.run, expected.run) << "an address of the process that wrote it";
  ASSERT_EQ(found.num_inputs, expected.num_inputs);
  for (std::int64_t i = 0; i < found.num_inputs; ++i)
    expectSame(expected.inputs[i], found.inputs[i]);
  ASSERT_EQ(found.num_outputs, expected.num_outputs);
  for (std::int64_t i = 0; i < found.num_outputs; ++i)
    expectSame(expected.outputs[i], found.outputs[i]);
  ASSERT_EQ(found.num_steps, expected.num_steps);
  for (std::int64_t i = 0; i < found.num_steps; ++i) {
    EXPECT_STREQ(found.steps[i].name, expected.steps[i].name);
    EXPECT_STREQ(found.steps[i].kernel, expected.steps[i].kernel);
    EXPECT_EQ(found.steps[i].tasks, expected.steps[i].tasks);
    expectSame(expected.steps[i].output, found.steps[i].output);
  }
}

TEST_F(DescriptorTest, ReadsWhatWasWritten) {
  const std::vector<std::uint8_t> bytes = written();
  Reader reader(bytes);
  ReadDescriptor read;
  ASSERT_TRUE(read.read(reader));
  EXPECT_EQ(reader.left(), 0u);
  const bluec_model &found = read.model();
  EXPECT_EQ(found.magic, BLUEC_ABI_MAGIC);
  EXPECT_EQ(found.abi_version, BLUEC_ABI_VERSION);
  EXPECT_EQ(found.struct_bytes, sizeof found);
  EXPECT_EQ(found.alignment, unsigned(BLUEC_ALIGNMENT));
  EXPECT_STREQ(found.producer, model.producer);
  EXPECT_STREQ(found.target, model.target);
  EXPECT_STREQ(found.triple, model.triple);
  EXPECT_STREQ(found.cpu_features, model.cpu_features);
  EXPECT_EQ(found.weights_bytes, model.weights_bytes);
  EXPECT_TRUE(std::equal(std::begin(found.weights_sha256), std::end(found.weights_sha256),
                         model.weights_sha256));
  EXPECT_EQ(found.kv_bytes, model.kv_bytes);
  EXPECT_EQ(found.context, model.context);
  EXPECT_EQ(found.ring_positions, model.ring_positions);
  EXPECT_EQ(found.ring_back, model.ring_back);
  EXPECT_EQ(found.hidden, model.hidden);
  EXPECT_EQ(found.vocabulary, model.vocabulary);
  EXPECT_EQ(found.tokens_per_tile, model.tokens_per_tile);
  EXPECT_EQ(found.tile_height, model.tile_height);
  EXPECT_EQ(found.tile_width, model.tile_width);
  ASSERT_EQ(found.num_segments, 2);
  EXPECT_STREQ(found.segments[1].name, "language");
  EXPECT_EQ(found.segments[1].offset, 4096);
  EXPECT_EQ(found.segments[1].bytes, 4096);
  ASSERT_EQ(found.num_devices, 1);
  EXPECT_STREQ(found.devices[0], "cpu");
  ASSERT_EQ(found.num_entries, model.num_entries);
  for (std::int64_t i = 0; i < found.num_entries; ++i)
    expectSame(model.entries[i], found.entries[i]);
}

// Whoever cuts it short: there is no model then.
TEST_F(DescriptorTest, EveryCutIsSeen) {
  const std::vector<std::uint8_t> bytes = written();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader reader(std::span(bytes).first(size));
    ReadDescriptor read;
    ASSERT_FALSE(read.read(reader)) << size;
  }
}

// What is wrong with it is for the checks of a model to say, so it comes through as it is.
TEST_F(DescriptorTest, WhatIsMissingStaysMissing) {
  model.producer = nullptr;
  model.segments = nullptr;
  model.num_devices = -5;
  const std::vector<std::uint8_t> bytes = written();
  Reader reader(bytes);
  ReadDescriptor read;
  ASSERT_TRUE(read.read(reader));
  EXPECT_EQ(read.model().producer, nullptr);
  EXPECT_EQ(read.model().segments, nullptr);
  EXPECT_EQ(read.model().num_segments, 2);
  EXPECT_EQ(read.model().num_devices, -5);
  EXPECT_EQ(read.model().num_entries, model.num_entries);
}

// Of another version only the head means anything.
TEST_F(DescriptorTest, OtherVersions) {
  const bluec_model sound = model;
  for (int field = 0; field < 3; ++field) {
    model = sound;
    (field == 0 ? model.magic : field == 1 ? model.abi_version : model.struct_bytes) += 1;
    const std::vector<std::uint8_t> bytes = written();
    EXPECT_LE(bytes.size(), 12u);
    Reader reader(bytes);
    ReadDescriptor read;
    ASSERT_TRUE(read.read(reader));
    EXPECT_EQ(read.model().magic, model.magic);
    if (field == 1) {
      EXPECT_EQ(read.model().abi_version, model.abi_version);
    }
    if (field == 2) {
      EXPECT_NE(read.model().struct_bytes, sizeof(bluec_model));
    }
    EXPECT_EQ(read.model().entries, nullptr);
  }
}

} // namespace
