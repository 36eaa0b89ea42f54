// Nothing that changes an answer is dropped in silence: each value of each JSON file of a good
// package is changed, one at a time, and each change has to show.
#include "compiler/driver/session/ModelPackage.h"

#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/ConfigCheck.h"
#include "compiler/import/GeometryModel.h"

#include "llvm/Support/xxhash.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

using namespace mlir;
using namespace bluec;
namespace fs = std::filesystem;

namespace {

const std::string example = BLUEC_SOURCE_DIR "/examples/tiny-bluelm-v";
const char *const kFiles[] = {"config.json", "preprocessor_config.json", "tokenizer_config.json",
                              "generation_config.json"};

// Values that change nothing, and why. Whoever adds one says what makes it so.
const std::set<std::string> withoutEffect = {
    // Names of what the files are for.
    "config.json /architectures", "config.json /architectures/0", "config.json /model_type",
    "config.json /vision_config/model_type", "config.json /text_config/model_type",
    "tokenizer_config.json /tokenizer_class",
    // Graphs are as they are; these describe them for whoever builds one.
    "config.json /dtype", "config.json /image_seq_length", "config.json /tie_word_embeddings",
    "config.json /vision_config/image_size", "config.json /vision_config/num_channels",
    "config.json /vision_config/num_hidden_layers", "config.json /vision_config/hidden_act",
    "config.json /downsample", "config.json /downsample/factor", "config.json /downsample/pad",
    "config.json /downsample/order", "config.json /downsample/hidden_size",
    "config.json /projector", "config.json /projector/hidden_size",
    "config.json /projector/hidden_act", "config.json /projector/num_layers",
    "config.json /text_config/hidden_act", "config.json /text_config/use_stable_embedding",
    "config.json /text_config/rope_theta", "config.json /vision_config",
    "config.json /text_config/attention_bias", "config.json /text_config/tie_word_embeddings",
    // The chat template writes BOS by its name; generation_config.json says what ends an answer.
    "config.json /text_config/bos_token_id", "config.json /text_config/eos_token_id",
    "generation_config.json /bos_token_id", "generation_config.json /pad_token_id",
    "tokenizer_config.json /add_bos_token",
    // Of other tools' batches.
    "tokenizer_config.json /model_max_length",
    // Pictures are decoded to RGB; how a picture fits its tiles is in dynamic_resolution.
    "preprocessor_config.json /do_convert_rgb", "preprocessor_config.json /do_pad",
    // The example's tokenizer has no normalizer: its special tokens are looked for in the same
    // text.
    "tokenizer_config.json /added_tokens_decoder/0/normalized",
    "tokenizer_config.json /added_tokens_decoder/1/normalized",
    "tokenizer_config.json /added_tokens_decoder/2/normalized",
    "tokenizer_config.json /added_tokens_decoder/3/normalized",
    "tokenizer_config.json /added_tokens_decoder/4/normalized",
    // Twice the same: tokenizer.json has them, too.
    "tokenizer_config.json /added_tokens_decoder"};

// A path like "/text_config/eos_token_id" for each value of `json`, containers included.
void listPaths(const Json &json, const std::string &path, std::vector<std::string> &to) {
  if (!path.empty())
    to.push_back(path);
  if (json.is_object())
    for (const auto &[key, value] : json.items())
      listPaths(value, path + "/" + key, to);
  else if (json.is_array())
    for (size_t i = 0; i < json.size(); ++i)
      listPaths(json[i], path + "/" + std::to_string(i), to);
}

// Another value of the same kind.
Json changed(const Json &json) {
  if (json.is_boolean())
    return !json.get<bool>();
  if (json.is_number_integer())
    return json.get<int64_t>() + 1;
  if (json.is_number())
    return json.get<double>() * 2;
  if (json.is_string())
    return json.get<std::string>() + "x";
  return json.is_array() ? Json::array() : Json::object();
}

struct ModelPackageTest : testing::Test {
  ModelPackageTest() {
    root = fs::path(testing::TempDir()) / ("bluec-honest-" + std::to_string(getpid()));
    fs::remove_all(root);
    fs::create_directories(root);
    for (const fs::directory_entry &entry : fs::directory_iterator(example))
      if (entry.is_regular_file())
        fs::copy_file(entry.path(), root / entry.path().filename());
  }
  ~ModelPackageTest() override { fs::remove_all(root); }

  static Json load(const std::string &name) {
    std::ifstream file(example + "/" + name);
    return Json::parse(file);
  }
  void store(const std::string &name, const Json &json) {
    std::ofstream(root / name) << json.dump();
  }

  // All that a bundle has of the files, and all that is said; not what is only shown to people.
  std::string outcome(ModuleOp model) {
    std::string text;
    llvm::raw_string_ostream out(text);
    Diagnostics diagnostics(out);
    ModelPackage package;
    if (failed(readTexts({root.string(), ""}, package, diagnostics)))
      return text;
    for (const std::string &line : contradictions(package.config, model))
      out << line << '\n';
    Json fields;
    addConfig(package.config, fields);
    fields.erase("geometry");
    out << fields.dump() << package.config.maxPositions << ' ' << package.config.hasVision
        << package.config.hasText << package.config.preprocess->tileHeight << 'x'
        << package.config.preprocess->tileWidth
        << llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(package.tokenizer));
    // A number that the decoder's logits contradict is refused (checkConfig).
    if (const JsonValue *size = package.config.text.find("vocab_size"))
      out << " vocabulary " << size->text();
    return text;
  }

  fs::path root;
};

TEST_F(ModelPackageTest, EachChangeOfAFileShows) {
  std::string said;
  llvm::raw_string_ostream err(said);
  Diagnostics diagnostics(err);
  CompilerSession session(diagnostics, 1);
  // Layers as the good configuration has them stand for the graphs'.
  constexpr int64_t kContext = 512;
  ASSERT_TRUE(succeeded(readConfiguration({example, ""}, session.package(), diagnostics))) << said;
  llvm::Error fault = buildGeometryModel(session.package().config, kContext, *session.module());
  ASSERT_FALSE(bool(fault)) << llvm::toString(std::move(fault));
  const std::string good = outcome(*session.module());
  ASSERT_EQ(good.find("error"), std::string::npos) << good;
  EXPECT_EQ(good.find("warning"), std::string::npos) << good;
  size_t count = 0, silent = 0;
  for (const char *name : kFiles) {
    const Json whole = load(name);
    std::vector<std::string> paths;
    listPaths(whole, "", paths);
    for (const std::string &path : paths) {
      Json other = whole;
      const Json::json_pointer at(path);
      other[at] = changed(other[at]);
      store(name, other);
      const bool shows = outcome(*session.module()) != good;
      const bool isListed = withoutEffect.contains(std::string(name) + " " + path);
      EXPECT_NE(shows, isListed) << name << " " << path
                                 << (shows ? ": shows, and is listed as one that does not"
                                           : ": was changed, and nothing shows it");
      ++count;
      silent += !shows;
    }
    // A key that nobody knows.
    Json more = whole;
    more["an_unknown_key"] = 1;
    store(name, more);
    EXPECT_NE(outcome(*session.module()) == good, name != std::string("config.json")) << name;
    store(name, whole);
  }
  EXPECT_GT(count, 100u);
  EXPECT_EQ(silent, withoutEffect.size());
}

const std::string pictures = BLUEC_SOURCE_DIR "/tests/golden/pictures/";

Json goldenOf(const std::string &name) {
  std::ifstream file(pictures + name + "/goldens.json");
  return Json::parse(file);
}

// What all pictures of a package get, whose processor chooses a size for each.
std::optional<ImageSize> sizeOf(const std::string &package) {
  return package == "qwen2vl" ? std::optional(ImageSize{56, 84}) : std::nullopt;
}

class PictureTurns : public testing::TestWithParam<const char *> {};

// Turns with pictures, as ids: what transformers' processors make of template, placeholders and
// tokenizer together.
TEST_P(PictureTurns, HaveTheIdsOfTheProcessor) {
  std::string said;
  llvm::raw_string_ostream err(said);
  Diagnostics diagnostics(err);
  ModelPackage package;
  ASSERT_TRUE(
      succeeded(readTexts({pictures + GetParam(), "", sizeOf(GetParam())}, package, diagnostics)))
      << said;
  const ChatConfig &chat = *package.config.chat;
  const runtime::Tokenizer tokens = package.tokens();
  // Of patches, blocks make features; otherwise the processor's files say how many there are.
  const std::optional<PatchRows> &rows = package.config.patches;
  const int64_t side = rows ? rows->patch * rows->block : 1;
  const int64_t tokensPerTile = rows ? rows->picture.height / side * (rows->picture.width / side)
                                     : chat.placeholder.tokensPerTile.value();
  int cases = 0;
  const Json goldens = goldenOf(GetParam());
  for (const Json &golden : goldens["turns"]) {
    std::string text;
    for (const Json &item : golden["items"])
      text += item.is_null() ? chat.pieces.imageToken : item.get<std::string>();
    std::vector<runtime::PictureShape> shapes;
    for (const Json &size : golden["pictures"]) {
      const runtime::TileLayout layout =
          runtime::layOutTiles(size[0], size[1], *package.config.preprocess);
      shapes.push_back({layout.grid.columns, layout.grid.rows,
                        layout.thumbnail ? runtime::PictureShape::Overview::Last
                                         : runtime::PictureShape::Overview::None});
    }
    const auto parts = runtime::makeTurn(tokens, chat.pieces, {}, text, shapes, chat.pieces.ask);
    ASSERT_TRUE(parts.ok()) << parts.status().message();
    std::vector<int32_t> ids;
    for (const runtime::PromptPart &part : *parts)
      if (part.kind == runtime::PromptPart::Kind::Token)
        ids.push_back(part.value);
      else
        ids.insert(ids.end(), static_cast<size_t>(tokensPerTile), chat.pieces.imageTokenId);
    EXPECT_EQ(ids, golden["ids"].get<std::vector<int32_t>>()) << golden["items"];
    ++cases;
  }
  EXPECT_EQ(cases, 14);
}

INSTANTIATE_TEST_SUITE_P(ModelPackage, PictureTurns,
                         testing::Values("smolvlm", "smolvlm-whole", "llava", "gemma3", "internvl",
                                         "qwen2vl"));

// Values of a processor's files that change nothing, and why.
const std::set<std::string> withoutEffectOnPictures = {
    // Pictures are decoded to RGB; those of one turn have tiles of one size.
    "/do_convert_rgb", "/do_pad", "/image_processor/do_convert_rgb",
    // Asked for by do_pan_and_scan, which is refused.
    "/pan_and_scan_min_crop_size",
    // The graph's features say it; another value is refused when they are known (checkConfig).
    "/image_seq_len", "/image_seq_length", "/patch_size", "/num_additional_image_tokens",
    "/vision_feature_select_strategy",
    // processor_config.json names the class first.
    "preprocessor_config.json /processor_class",
    // Bounds of what a processor chooses, within which the size that was asked for stays.
    "/min_pixels", "/max_pixels",
    // InternVL's processor splits pictures whatever it says.
    "/crop_to_patches"};

// Each value of a processor's files, one at a time, shows or is refused.
TEST_F(ModelPackageTest, EachChangeOfAProcessorShows) {
  for (const char *name : {"smolvlm", "llava", "gemma3", "internvl", "qwen2vl"}) {
    fs::remove_all(root);
    fs::copy(pictures + name, root);
    const auto said = [&] {
      std::string text;
      llvm::raw_string_ostream out(text);
      Diagnostics diagnostics(out);
      ModelPackage package;
      if (succeeded(readTexts({root.string(), "", sizeOf(name)}, package, diagnostics))) {
        Json fields;
        addConfig(package.config, fields);
        out << fields.dump() << package.config.preprocess->tileHeight << 'x'
            << package.config.preprocess->tileWidth;
      }
      return text;
    };
    const std::string good = said();
    EXPECT_EQ(good.find("error"), std::string::npos) << good;
    for (const char *file : {"preprocessor_config.json", "processor_config.json"}) {
      std::ifstream in(root / file);
      if (!in)
        continue;
      const Json whole = Json::parse(in);
      std::vector<std::string> paths;
      listPaths(whole, "", paths);
      for (const std::string &path : paths) {
        Json other = whole;
        const Json::json_pointer at(path);
        if (other[at].is_null())
          other[at] = true;
        else
          other[at] = changed(other[at]);
        store(file, other);
        const bool isListed = withoutEffectOnPictures.contains(path) ||
                              withoutEffectOnPictures.contains(std::string(file) + " " + path);
        if (!isListed) {
          EXPECT_NE(said(), good) << name << ": " << file << " " << path;
        }
      }
      store(file, whole);
    }
  }
}

} // namespace
