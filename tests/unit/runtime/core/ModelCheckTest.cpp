// Descriptors with one thing wrong.
#include "core/ModelCheck.h"

#include "core/Bundle.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <functional>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

// A copy of the fake model's tables that may be changed.
class ModelCheckTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto opened = Bundle::open(bundle.path(), {1});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    loaded = std::move(*opened);
    restore();
  }

  void restore() {
    model = loaded->model();
    segments.assign(model.segments, model.segments + model.num_segments);
    entries.assign(model.entries, model.entries + model.num_entries);
    model.segments = segments.data();
    model.entries = entries.data();
    prefill = &entries[3];
    input = prefill->inputs[0];
    prefill->inputs = &input;
    steps.assign(prefill->steps, prefill->steps + prefill->num_steps);
    prefill->steps = steps.data();
  }

  // Of the only file of a bundle.
  static std::string check(const bluec_model &model, const Manifest &manifest) {
    const ModelFile file{"model.so", &model};
    const Status status = checkModel(file, manifest);
    return (status.ok() ? checkWholeModel({&file, 1}, manifest) : status).message();
  }
  std::string check() { return check(model, loaded->manifest()); }

  TestBundle bundle;
  std::unique_ptr<Bundle> loaded;
  bluec_model model;
  std::vector<bluec_segment> segments;
  std::vector<bluec_entry> entries;
  bluec_entry *prefill = nullptr;
  bluec_tensor input;
  std::vector<bluec_step> steps;
};

TEST_F(ModelCheckTest, EncodersAreWholeOrPairsOfStages) {
  TestBundle stages(BLUEC_FAKE_MODEL_IN_STAGES);
  auto opened = Bundle::open(stages.path(), {1});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const bluec_model sound = (*opened)->model();
  std::vector<bluec_entry> changed;
  bluec_tensor crossing;
  const auto check = [&](const std::function<void()> &change) {
    changed.assign(sound.entries, sound.entries + sound.num_entries);
    crossing = changed[0].outputs[0];
    changed[0].outputs = &crossing;
    model = sound;
    model.entries = changed.data();
    change();
    return ModelCheckTest::check(model, (*opened)->manifest());
  };
  EXPECT_EQ(check([] {}), "");
  EXPECT_EQ(check([&] { changed[2].stage = 0; }).substr(0, 22), "model.so: entry 'encod");
  EXPECT_EQ(check([&] {
              changed.erase(changed.begin() + 2);
              --model.num_entries;
            }),
            "model.so: entry 'encode_patches': expected the encoder's other stage of capacity 4, "
            "found none");
  EXPECT_EQ(check([&] { changed[1] = changed[0]; }),
            "model.so: entry 'encode_patches': expected one of its stage and capacity, found more");
  EXPECT_EQ(check([&] { changed[1] = entries[0]; }),
            "model.so: entry 'encode': expected whole encoders or stages of encoders, found both");
  EXPECT_EQ(check([&] { crossing.rank = 1; }),
            "model.so: entry 'encode_patches': expected an output as the input of "
            "'encode_blocks', found another name, type or shape");
  EXPECT_EQ(check([&] { crossing.name = "others"; }),
            "model.so: entry 'encode_patches': expected an output as the input of "
            "'encode_blocks', found another name, type or shape");
  EXPECT_EQ(check([&] { changed[0].num_outputs = 0; }),
            "model.so: entry 'encode_patches': expected one tensor to cross to 'encode_blocks', "
            "found 0 given and 1 taken");
  EXPECT_EQ(check([&] { std::swap(crossing.dims[0], crossing.dims[1]); }),
            "model.so: entry 'encode_patches': expected an output with a row for each tile");
}

// The first stages in one file, all else in another.
TEST_F(ModelCheckTest, FilesThatDoNotMakeOneModel) {
  TestBundle stages(BLUEC_FAKE_MODEL_IN_STAGES);
  auto opened = Bundle::open(stages.path(), {1});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const bluec_model &sound = (*opened)->model();
  const Manifest &manifest = (*opened)->manifest();
  bluec_model first, rest;
  std::vector<bluec_entry> firsts, others;
  const auto check = [&](const std::function<void()> &change) {
    first = rest = sound;
    firsts.assign(sound.entries, sound.entries + 2);
    others.assign(sound.entries + 2, sound.entries + sound.num_entries);
    segments.assign(sound.segments, sound.segments + sound.num_segments);
    rest.segments = segments.data();
    change();
    first.entries = firsts.data();
    first.num_entries = std::ssize(firsts);
    rest.entries = others.data();
    rest.num_entries = std::ssize(others);
    const ModelFile files[] = {{"first.so", &first}, {"rest.so", &rest}};
    return checkWholeModel(files, manifest).message();
  };
  EXPECT_EQ(check([] {}), "");
  EXPECT_EQ(check([&] { rest.kv_bytes += 1; }),
            "rest.so: kv_bytes: expected 384 as in first.so, found 385");
  EXPECT_EQ(check([&] { rest.ring_positions = 8; }),
            "rest.so: ring_positions: expected 0 as in first.so, found 8");
  EXPECT_EQ(check([&] { rest.ring_back = 8; }),
            "rest.so: ring_back: expected 0 as in first.so, found 8");
  EXPECT_EQ(check([&] { rest.num_segments = 1; }),
            "rest.so: segments: expected 2 as in first.so, found 1");
  EXPECT_EQ(check([&] { segments[1].bytes = 64; }),
            "rest.so: segment 1: expected 'language' of 4096 bytes at 4096 as in first.so, found "
            "'language' of 64 bytes at 4096");
  EXPECT_EQ(check([&] { segments[0].name = "audio"; }),
            "rest.so: segment 0: expected 'vision' of 4096 bytes at 0 as in first.so, found "
            "'audio' of 4096 bytes at 0");
  EXPECT_EQ(check([&] { others.pop_back(); }),
            "first.so, rest.so: expected entry points that embed, that decode embeddings and that "
            "decode ids, found only some of them");
  EXPECT_EQ(check([&] { first.context = rest.context = 0; }),
            "first.so, rest.so: context: expected at least 1, found 0");
  EXPECT_EQ(check([&] { others.erase(others.begin()); }),
            "first.so: entry 'encode_patches': expected the encoder's other stage of capacity 4, "
            "found none");
  EXPECT_EQ(check([&] { others.push_back(firsts[0]); }),
            "first.so: entry 'encode_patches': expected one of its stage and capacity, found more");
  EXPECT_EQ(check([&] {
              others.push_back(entries[0]);
              others.back().capacity = 2;
            }),
            "rest.so: entry 'encode': expected whole encoders or stages of encoders, found both");
  bluec_tensor crossing = sound.entries[0].outputs[0];
  crossing.dtype = BLUEC_F16;
  EXPECT_EQ(check([&] { firsts[0].outputs = &crossing; }),
            "first.so: entry 'encode_patches': expected an output as the input of 'encode_blocks', "
            "found another name, type or shape");
  EXPECT_EQ(check([&] { others.back().name = "encode_patches"; }),
            "rest.so: entry 'encode_patches': expected a name of its own, found it in first.so: "
            "entry 'encode_patches'");
}

TEST_F(ModelCheckTest, TheManifestsCallsNeedEncoders) {
  bundle.manifest["geometry"]["encode_calls"] = {{1}, {1, 1}, {4}};
  bundle.write();
  EXPECT_TRUE(Bundle::open(bundle.path(), {1}).ok());
  bundle.manifest["geometry"]["encode_calls"] = {{1}, {2}, {4}};
  bundle.write();
  EXPECT_EQ(Bundle::open(bundle.path(), {1}).status().message(),
            "model.so: encode_calls: expected an image encoder for 2 tiles as in manifest.json, "
            "found none");
  bundle.manifest["geometry"]["image_batch"] = 2;
  bundle.manifest["geometry"]["encode_calls"] = {{1}};
  bundle.write();
  EXPECT_EQ(Bundle::open(bundle.path(), {1}).status().message(),
            "model.so: image_batch: expected 2, found 4");
}

TEST_F(ModelCheckTest, TheFakeModelIsSound) { EXPECT_EQ(check(), ""); }

TEST_F(ModelCheckTest, Refusals) {
  std::vector<bluec_tensor> twice;
  const char *const unnamed[] = {nullptr, "npu"}, *const unknown[] = {"cpu", "gpu"};
  const struct {
    const char *expected;
    std::function<void()> change;
  } cases[] = {
      {"model.so: expected a bluec model, found something else", [&] { model.magic = 1; }},
      {"model.so: abi version: expected 4, found 1", [&] { model.abi_version = 1; }},
      {"model.so: struct size: expected", [&] { model.struct_bytes -= 8; }},
      {"model.so: alignment: expected 64, found 32", [&] { model.alignment = 32; }},
      {"model.so: a text of the descriptor is missing", [&] { model.triple = nullptr; }},
      {"model.so: a size of the descriptor is negative", [&] { model.kv_bytes = -1; }},
      {"model.so: expected ring_back of 1 to 8 positions, or no rings, found 9",
       [&] { model.ring_positions = 8, model.ring_back = 9; }},
      {"model.so: expected ring_back of 1 to 8 positions, or no rings, found 0",
       [&] { model.ring_positions = 8; }},
      {"model.so: a table of the descriptor is missing", [&] { model.entries = nullptr; }},
      {"model.so: target: expected 'fake' as in manifest.json, found 'other'",
       [&] { model.target = "other"; }},
      {"model.so: hidden: expected 4, found 5", [&] { model.hidden = 5; }},
      {"model.so: weights_bytes: expected 8192, found 8191", [&] { model.weights_bytes = 8191; }},
      {"model.so: weights_sha256: expected", [&] { model.weights_sha256[3] ^= 1; }},
      {"model.so: segment 1: expected it inside the weights, page-aligned",
       [&] { segments[1].bytes += 1; }},
      {"model.so: segment 0: expected it inside the weights, page-aligned",
       [&] { segments[0].offset = 64; }},
      {"model.so: segment 0: expected it inside the weights, page-aligned",
       [&] { segments[0].offset = INT64_MAX - 4095; }},
      {"model.so: device 0: it has no name", [&] { model.devices = unnamed; }},
      {"model.so: device 'gpu': expected one that has this code in manifest.json, found none",
       [&] { model.devices = unknown; }},
      {"model.so: entry 'embed': expected a name of its own, found it in model.so: entry 'embed'",
       [&] { prefill->name = "embed"; }},
      {"model.so: an entry point has no name or no code", [&] { prefill->run = nullptr; }},
      {"model.so: entry 'prefill': unknown role 9", [&] { prefill->role = 9; }},
      {"model.so: entry 'prefill': expected 1 to 1 stages, found stage 0 of 2",
       [&] { prefill->stages = 2; }},
      {"model.so: entry 'prefill': expected 1 to 1 stages, found stage 1 of 1",
       [&] { prefill->stage = 1; }},
      {"model.so: entry 'prefill': expected as inputs 'ids', 'embeddings', 'positions', found "
       "'mask'",
       [&] { input.name = "mask"; }},
      {"model.so: entry 'prefill' input 'ids': expected type 2 [8], found type 1 [8, 4]",
       [&] { input.name = "ids"; }},
      {"model.so: entry 'prefill': it names a segment that is not there",
       [&] { prefill->segment = 2; }},
      {"model.so: entry 'prefill': it names a device that is not there",
       [&] { prefill->device = 2; }},
      {"model.so: a table of the descriptor is missing", [&] { model.num_devices = 0; }},
      {"model.so: entry 'prefill': its capacity or arena size is out of range",
       [&] { prefill->capacity = 0; }},
      {"model.so: entry 'prefill': a table is missing", [&] { prefill->inputs = nullptr; }},
      {"model.so: entry 'prefill': expected an input 'embeddings', found none",
       [&] { prefill->num_inputs = 0; }},
      {"model.so: entry 'prefill': expected one input 'embeddings', found two",
       [&] {
         twice = {input, input};
         prefill->inputs = twice.data();
         prefill->num_inputs = 2;
       }},
      {"model.so: entry 'prefill': expected ids or embeddings as input, found both",
       [&] {
         twice = {input, input};
         twice[1].name = "ids";
         prefill->inputs = twice.data();
         prefill->num_inputs = 2;
       }},
      {"model.so: entry 'prefill' input 'positions': expected type 2 [8], found type 1 [8]",
       [&] {
         twice = {input, input};
         twice[1].name = "positions";
         twice[1].rank = 1;
         twice[1].bytes = 32;
         prefill->inputs = twice.data();
         prefill->num_inputs = 2;
       }},
      {"model.so: entry 'prefill': expected an output 'logits', found none",
       [&] { prefill->num_outputs = 0; }},
      {"model.so: entry 'prefill' input 'embeddings': expected it inside an arena of 100 bytes, "
       "found 128 bytes at 0",
       [&] { prefill->arena_bytes = 100; }},
      {"model.so: entry 'prefill' input 'embeddings': expected it inside an arena",
       [&] { input.offset = INT64_MAX - 63; }},
      {"model.so: entry 'prefill' input 'embeddings': offset 4 is not aligned",
       [&] { input.offset = 4; }},
      {"model.so: entry 'prefill' input 'embeddings' bytes: expected 128, found 64",
       [&] { input.bytes = 64; }},
      {"model.so: entry 'prefill' input 'embeddings': its dimensions are not positive or too "
       "large",
       [&] { input.dims[0] = INT64_MAX / 2; }},
      {"model.so: entry 'prefill' input 'embeddings': unknown element type or rank",
       [&] { input.rank = 5; }},
      {"model.so: entry 'prefill' input 'embeddings': unknown element type or rank",
       [&] { input.dtype = 0; }},
      {"model.so: entry 'prefill' input 'embeddings': expected type 1 [8, 4], found type 1 [4, 8]",
       [&] { std::swap(input.dims[0], input.dims[1]); }},
      {"model.so: entry 'prefill' step 1: it has no name or no kernel",
       [&] { steps[1].kernel = nullptr; }},
      {"model.so: entry 'prefill' step 1 output 'logits': offset -64 is not aligned",
       [&] { steps[1].output.offset = -64; }},
      {"model.so: expected entry points that embed, that decode embeddings and that decode ids, "
       "found only some of them",
       [&] { model.num_entries = 4; }},
  };
  for (const auto &[expected, change] : cases) {
    restore();
    change();
    EXPECT_EQ(check().substr(0, std::string(expected).size()), expected);
  }
}

} // namespace
