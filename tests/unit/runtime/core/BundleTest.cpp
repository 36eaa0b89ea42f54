#include "core/Bundle.h"

#include "platform/CpuFeatures.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <cstdlib>
#include <elf.h>
#include <filesystem>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class BundleTest : public ::testing::Test {
protected:
  BundleTest() { ::unsetenv(FAKE_LOADED_VARIABLE); }

  Status open(WeightsCheck weights = WeightsCheck::Blocks) {
    return Bundle::open(bundle.path(), {1, weights}).status();
  }
  // Opening fails like that, and no code of the bundle has run.
  void expectRefused(Code code, const std::string &message) {
    const Status status = open();
    EXPECT_EQ(status.getCode(), code);
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
    EXPECT_EQ(::getenv(FAKE_LOADED_VARIABLE), nullptr) << "the model was loaded";
  }
  // Changes a byte of a file.
  void flip(const std::string &name, std::size_t at) {
    std::string contents = readWhole(bundle.file(name));
    contents[at] = char(contents[at] ^ 0x10);
    writeWhole(bundle.file(name), contents);
  }
  // Writes all with hashes that fit.
  void rewrite() {
    bundle.hashFiles();
    bundle.write();
  }

  TestBundle bundle;
};

TEST_F(BundleTest, Opens) {
  const auto opened = Bundle::open(bundle.path(), {2});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_NE(::getenv(FAKE_LOADED_VARIABLE), nullptr);
  EXPECT_EQ((*opened)->weights().size(), std::size_t(FAKE_WEIGHTS_BYTES));
  EXPECT_EQ((*opened)->threads().threads(), 2);
  ASSERT_EQ((*opened)->entriesOf(BLUEC_ROLE_ENCODE).size(), 2u);
  EXPECT_EQ((*opened)->entriesOf(BLUEC_ROLE_ENCODE)[0]->capacity, 4);
  EXPECT_NE((*opened)->findEntry("prefill"), nullptr);
  EXPECT_EQ((*opened)->findEntry("nothing"), nullptr);
  EXPECT_TRUE((*opened)->releaseSegment("vision").ok());
  EXPECT_FALSE((*opened)->releaseSegment("audio").ok());
}

// The entry points of all files are one model, and each is on the device that its own file says.
TEST_F(BundleTest, TwoCodeFiles) {
  TestBundle two(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST);
  const auto opened = Bundle::open(two.path(), {2});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Bundle &loaded = **opened;
  std::string places;
  for (const bluec_entry &entry : loaded.entries()) {
    const BundleDevice &place = loaded.deviceOf(entry);
    EXPECT_EQ(place.device->kind(), "cpu");
    EXPECT_EQ(&place, &loaded.devices()[place.index]);
    EXPECT_EQ(loaded.findEntry(entry.name), &entry);
    EXPECT_EQ(loaded.model().devices[entry.device], place.name);
    places += std::string(entry.name) + " " + place.name + ", ";
  }
  EXPECT_EQ(places, "encode_patches cpu, encode_patches_1 cpu, encode_blocks npu, "
                    "encode_blocks_1 npu, embed npu, prefill npu, decode npu, ");
  EXPECT_EQ(loaded.model().num_entries, 7);
  EXPECT_EQ(loaded.model().num_devices, 2);
  ASSERT_EQ(loaded.tileEncoders().size(), 2u);
  EXPECT_STREQ(loaded.tileEncoders()[0].first->name, "encode_patches");
  EXPECT_STREQ(loaded.tileEncoders()[0].second->name, "encode_blocks");
}

// A file's devices are the manifest's devices with that code, whatever their order.
TEST_F(BundleTest, DevicesInAnotherOrderThanTheCodes) {
  TestBundle two(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST);
  std::swap(two.manifest["devices"][0], two.manifest["devices"][1]);
  two.write();
  const auto opened = Bundle::open(two.path(), {1});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ((*opened)->deviceOf((*opened)->decode()).name, "npu");
  EXPECT_EQ((*opened)->deviceOf((*opened)->decode()).index, 0u);
  EXPECT_EQ((*opened)->deviceOf(*(*opened)->findEntry("encode_patches")).index, 1u);
}

// Weights are mapped page by page; releasing a segment must not lose them.
TEST_F(BundleTest, ReleasedSegmentsComeBack) {
  const auto opened = Bundle::open(bundle.path(), {1});
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE((*opened)->releaseSegment("language").ok());
  for (std::uint8_t byte : (*opened)->weights())
    ASSERT_EQ(byte, 0);
}

TEST_F(BundleTest, MissingFolder) {
  const Status status = Bundle::open(bundle.path() + "/nowhere", {1}).status();
  EXPECT_EQ(status.getCode(), Code::NotFound);
}

TEST_F(BundleTest, MissingFiles) {
  for (const char *name : {"weights.bin", "model.so", "tokenizer.bin", "manifest.json"}) {
    std::filesystem::rename(bundle.file(name), bundle.file("aside"));
    expectRefused(Code::NotFound, name);
    std::filesystem::rename(bundle.file("aside"), bundle.file(name));
  }
  EXPECT_TRUE(open().ok());
}

TEST_F(BundleTest, AFolderInPlaceOfAFile) {
  std::filesystem::remove(bundle.file("weights.bin"));
  std::filesystem::create_directory(bundle.file("weights.bin"));
  expectRefused(Code::NotFound, "weights.bin: expected a file, found something else");
}

TEST_F(BundleTest, UnlistedFiles) {
  bundle.manifest["files"].erase("weights.bin");
  bundle.write();
  expectRefused(Code::BadBundle, "expected 'weights.bin', found no such entry");
}

TEST_F(BundleTest, FlippedBytes) {
  for (const char *name : {"weights.bin", "model.so", "tokenizer.bin"}) {
    const std::size_t size = std::filesystem::file_size(bundle.file(name));
    for (std::size_t at : {std::size_t(0), size / 3, size - 1}) {
      flip(name, at);
      expectRefused(Code::BadBundle, std::string(name) + ": damaged: expected sha-256");
      flip(name, at);
    }
  }
  flip("manifest.json", 700);
  EXPECT_FALSE(open().ok());
}

// Only the weights may go unhashed, and only when asked to.
TEST_F(BundleTest, SkippedHash) {
  flip("weights.bin", 100);
  EXPECT_FALSE(open().ok());
  EXPECT_TRUE(open(WeightsCheck::None).ok());
  flip("model.so", 100);
  EXPECT_FALSE(open(WeightsCheck::None).ok());
}

TEST_F(BundleTest, Blocks) {
  bundle.sumBlocks(4096);
  bundle.write();
  EXPECT_TRUE(open().ok()) << open().message();
  EXPECT_TRUE(open(WeightsCheck::Hash).ok());
  ::unsetenv(FAKE_LOADED_VARIABLE);
  flip("weights.bin", 4096 + 17);
  expectRefused(Code::BadBundle,
                "weights.bin: damaged: bytes 4096 to 8192: expected crc-32c 98f94189, found ");
  EXPECT_TRUE(open(WeightsCheck::None).ok());
  EXPECT_NE(open(WeightsCheck::Hash).message().find("weights.bin: damaged: expected sha-256"),
            std::string::npos);
  ::unsetenv(FAKE_LOADED_VARIABLE);
  flip("weights.bin", 3); // the first bad block is named
  expectRefused(Code::BadBundle, "weights.bin: damaged: bytes 0 to 4096: ");
}

// The checksums are what opening goes by; SHA-256 is for those who ask.
TEST_F(BundleTest, BlocksThatAreRightWithAHashThatIsWrong) {
  flip("weights.bin", 100);
  bundle.sumBlocks(4096);
  bundle.write();
  EXPECT_TRUE(open().ok());
  EXPECT_FALSE(open(WeightsCheck::Hash).ok());
}

// The last block is shorter than the others.
TEST_F(BundleTest, BlocksLargerThanTheFile) {
  bundle.sumBlocks(1 << 20);
  bundle.write();
  EXPECT_TRUE(open().ok());
  flip("weights.bin", FAKE_WEIGHTS_BYTES - 1);
  EXPECT_FALSE(open().ok());
}

TEST_F(BundleTest, OpeningLeavesTheWeightsOutOfMemory) {
  for (bool blocks : {true, false}) {
    if (blocks)
      bundle.sumBlocks(4096);
    bundle.write();
    const auto opened = Bundle::open(bundle.path(), {1});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(mappedInMemory("weights.bin"), 0u);
  }
}

TEST_F(BundleTest, CutShort) {
  for (const char *name : {"weights.bin", "model.so", "tokenizer.bin"}) {
    const std::string contents = readWhole(bundle.file(name));
    for (std::size_t size : {std::size_t(0), contents.size() - 1}) {
      writeWhole(bundle.file(name), contents.substr(0, size));
      expectRefused(Code::BadBundle, std::string(name) + ": expected " +
                                         std::to_string(contents.size()) + " bytes, found " +
                                         std::to_string(size));
    }
    writeWhole(bundle.file(name), contents);
  }
}

TEST_F(BundleTest, LinksOutOfTheBundle) {
  TemporaryFolder elsewhere;
  std::filesystem::rename(bundle.file("model.so"), elsewhere.file("model.so"));
  std::filesystem::create_symlink(elsewhere.file("model.so"), bundle.file("model.so"));
  expectRefused(Code::BadBundle, "'model.so': expected a file inside the bundle, found a link to");
}

TEST_F(BundleTest, LinksInsideTheBundle) {
  std::filesystem::rename(bundle.file("weights.bin"), bundle.file("blob"));
  std::filesystem::create_symlink("blob", bundle.file("weights.bin"));
  EXPECT_TRUE(open().ok());
}

TEST_F(BundleTest, OtherArchitecture) {
  bundle.manifest["target"]["triple"] = "hexagon-unknown-linux-musl";
  bundle.write();
  expectRefused(Code::Incompatible,
                "manifest.json: target 'fake': made for 'hexagon', this machine is '" +
                    std::string(hostArchitecture()) + "'");
}

TEST_F(BundleTest, MissingCpuFeatures) {
  bundle.manifest["target"]["features"] = {"warp-drive"};
  bundle.write();
  expectRefused(Code::Incompatible, "made for a cpu with features that this one lacks: "
                                    "'warp-drive'");
}

TEST_F(BundleTest, DevicesThatAreNotHere) {
  bundle.manifest["devices"][1]["runs_on"] = "abacus";
  bundle.write();
  expectRefused(Code::Incompatible,
                "manifest.json: device 'npu': runs_on: expected 'cpu', found 'abacus'");
}

TEST_F(BundleTest, LoadersThatAreNotHere) {
  for (auto &device : bundle.manifest["devices"])
    device["loader"] = "linked-in";
  bundle.write();
  expectRefused(Code::Incompatible, "manifest.json: device 'cpu': loader: expected "
                                    "'shared-library', 'linked', found 'linked-in'");
}

class TwoFilesTest : public BundleTest {
protected:
  // With nothing of the other file loaded either.
  void expectRefused(Code code, const std::string &message) {
    ::unsetenv(FAKE_LOADED_VARIABLE);
    const Status status = Bundle::open(two.path(), {1}).status();
    EXPECT_EQ(status.getCode(), code);
    EXPECT_EQ(status.message().substr(0, message.size()), message);
    EXPECT_EQ(::getenv(FAKE_LOADED_VARIABLE), nullptr) << "code was loaded";
  }

  TestBundle two{BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST};
};

// The target of each device is checked before anything is loaded.
TEST_F(TwoFilesTest, ADeviceForAnotherMachine) {
  two.manifest["devices"][1]["target"] = two.manifest["target"];
  two.manifest["devices"][1]["target"]["triple"] = "hexagon-unknown-linux-musl";
  two.write();
  expectRefused(
      Code::Incompatible,
      "manifest.json: device 'npu': target 'fake': made for 'hexagon', this machine is '");
  two.manifest["devices"][1]["target"]["triple"] = FAKE_TRIPLE;
  two.manifest["devices"][1]["target"]["features"] = {"warp-drive"};
  two.write();
  expectRefused(Code::Incompatible, "manifest.json: device 'npu': target 'fake': made for a cpu "
                                    "with features that this one lacks: 'warp-drive'");
}

// So are the bytes of each code file, the last one's too.
TEST_F(TwoFilesTest, ADamagedCodeFile) {
  std::string code = readWhole(two.file("model.npu.so"));
  code[100] = char(code[100] ^ 1);
  writeWhole(two.file("model.npu.so"), code);
  expectRefused(Code::BadBundle, "model.npu.so: damaged: expected sha-256");
}

TEST_F(TwoFilesTest, ACodeFileForAnotherMachine) {
  std::string code = readWhole(two.file("model.npu.so"));
  code[offsetof(Elf64_Ehdr, e_machine)] = char(EM_S390);
  code[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
  writeWhole(two.file("model.npu.so"), code);
  two.hashFiles();
  two.write();
  expectRefused(Code::Incompatible, "model.npu.so: expected code for ");
}

// What code says of itself is checked as each file is loaded.
TEST_F(TwoFilesTest, CodeOfAnotherDevice) {
  TestBundle swapped(BLUEC_FAKE_MODEL_REST, BLUEC_FAKE_MODEL_FIRST);
  EXPECT_EQ(Bundle::open(swapped.path(), {1}).status().message(),
            "model.cpu.so: device 'npu': expected one that has this code in manifest.json, found "
            "one with 'model.npu.so'");
  TestBundle whole(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_IN_STAGES);
  EXPECT_EQ(Bundle::open(whole.path(), {1}).status().message(),
            "model.npu.so: device 'cpu': expected one that has this code in manifest.json, found "
            "one with 'model.cpu.so'");
  two.manifest["devices"][0]["name"] = "gpu";
  two.write();
  EXPECT_EQ(Bundle::open(two.path(), {1}).status().message(),
            "model.cpu.so: device 'cpu': expected one that has this code in manifest.json, found "
            "none");
}

// A target of a device's own is what its code has to say it was made for.
TEST_F(TwoFilesTest, CodeOfAnotherTarget) {
  two.manifest["devices"][1]["target"] = two.manifest["target"];
  two.manifest["devices"][1]["target"]["name"] = "other";
  two.write();
  EXPECT_EQ(Bundle::open(two.path(), {1}).status().message(),
            "model.npu.so: target: expected 'other' as in manifest.json, found 'fake'");
}

TEST_F(BundleTest, OtherFormatVersion) {
  bundle.manifest["version"] = 7;
  bundle.write();
  expectRefused(Code::Incompatible, "manifest.json: version: expected 4, found 7");
}

TEST_F(BundleTest, CodeForAnotherMachine) {
  std::string contents = readWhole(bundle.file("model.so"));
  contents[offsetof(Elf64_Ehdr, e_machine)] = char(EM_S390);
  contents[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
  writeWhole(bundle.file("model.so"), contents);
  rewrite();
  expectRefused(Code::Incompatible, "model.so: expected code for ");
}

TEST_F(BundleTest, CodeThatIsNone) {
  writeWhole(bundle.file("model.so"), "#!/bin/sh\necho this is not an object of any kind at all\n");
  rewrite();
  expectRefused(Code::BadBundle, "model.so: expected an elf shared object, found something else");
}

// Sound in its header only; the loader refuses the rest.
TEST_F(BundleTest, CodeWithoutABody) {
  writeWhole(bundle.file("model.so"), readWhole(bundle.file("model.so")).substr(0, 200));
  rewrite();
  expectRefused(Code::BadBundle, "model.so: cannot be loaded: ");
}

TEST_F(BundleTest, CodeWithoutTheSymbol) {
  TestBundle other(BLUEC_FAKE_MODEL_WITHOUT_SYMBOL);
  const Status status = Bundle::open(other.path(), {1}).status();
  EXPECT_EQ(status.message(), "model.so: expected a symbol 'bluec_model', found none");
}

TEST_F(BundleTest, DisagreementWithTheManifest) {
  bundle.manifest["geometry"]["context"] = FAKE_CONTEXT + 1;
  bundle.write();
  EXPECT_EQ(open().message(), "model.so: context: expected 97, found 96");
}

TEST_F(BundleTest, OtherWeightsThanTheCodeWasMadeFor) {
  flip("weights.bin", 5);
  rewrite();
  EXPECT_NE(open().message().find("model.so: weights_sha256: expected "), std::string::npos);
}

TEST_F(BundleTest, DamagedTokenizer) {
  flip("tokenizer.bin", 9); // the size that it says it has
  rewrite();
  expectRefused(Code::BadBundle, "tokenizer.bin: expected ");
}

TEST_F(BundleTest, NoPreprocessingForAVisionModel) {
  bundle.manifest.erase("preprocess");
  bundle.write();
  EXPECT_NE(open().message().find("preprocess"), std::string::npos);
}

TEST_F(BundleTest, TokenIdsOutOfRange) {
  bundle.manifest["generation"]["eos_token_ids"] = {FAKE_VOCABULARY};
  bundle.write();
  EXPECT_EQ(open().message(), "manifest.json: expected token ids below 270, found a larger one");
}

TEST_F(BundleTest, SenselessThreads) {
  EXPECT_EQ(Bundle::open(bundle.path(), {-1}).status().getCode(), Code::InvalidArgument);
}

} // namespace
