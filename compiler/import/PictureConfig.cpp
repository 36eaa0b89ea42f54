#include "compiler/import/PictureConfig.h"

#include "compiler/import/ConfigReading.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

using namespace bluec;

namespace {

/// How an image processor fits a picture to its tiles.
enum class Fit {
  Padded,      // it keeps its proportions and is padded; or tiles of a grid
  Grid,        // tiles of a grid
  GridStretch, // tiles of a grid, or stretched to one
  Stretch,     // stretched to one tile
  Crop,        // the middle of the picture
  LongestEdge, // resized twice, then cut into tiles or stretched to one
  Patches,     // resized to whole patches, as many as suit its proportions
};

struct ImageProcessorClass {
  llvm::StringRef name; // without "Fast" and "Pil"
  Fit fit;
  runtime::Filter filter; // of files that do not say it
};

using runtime::Filter;
constexpr ImageProcessorClass kImageProcessors[] = {
    {"BlueLMVImageProcessor", Fit::Padded, Filter::Bicubic},
    {"LlavaNextImageProcessor", Fit::Grid, Filter::Bicubic},
    {"GotOcr2ImageProcessor", Fit::GridStretch, Filter::Bicubic},
    {"SiglipImageProcessor", Fit::Stretch, Filter::Bicubic},
    {"ViTImageProcessor", Fit::Stretch, Filter::Bilinear},
    {"Gemma3ImageProcessor", Fit::Stretch, Filter::Bilinear},
    {"CLIPImageProcessor", Fit::Crop, Filter::Bicubic},
    {"Idefics3ImageProcessor", Fit::LongestEdge, Filter::Lanczos},
    {"SmolVLMImageProcessor", Fit::LongestEdge, Filter::Lanczos},
    {"Qwen2VLImageProcessor", Fit::Patches, Filter::Bicubic},
    {"Qwen2_5_VLImageProcessor", Fit::Patches, Filter::Bicubic},
};

/// What a processor writes around the image tokens of a picture.
enum class Writes {
  Tokens,   // nothing
  Context,  // an opening and an end of a picture
  Line,     // the same, in a paragraph of its own
  Places,   // each tile's row and column, and what the overview is
  NotKnown, // to bluec
};

struct ProcessorClass {
  llvm::StringRef name;
  llvm::StringRef modelType; // whose models transformers opens with it; empty: none
  Writes writes;
  /// Whether its models let all tokens of a picture see each other.
  bool seesBothWays = false;
};

constexpr ProcessorClass kProcessors[] = {
    {"BlueLMVProcessor", "", Writes::Tokens},
    {"LlavaProcessor", "llava", Writes::Tokens},
    {"Qwen2VLProcessor", "qwen2_vl", Writes::Tokens},
    {"Qwen2_5_VLProcessor", "qwen2_5_vl", Writes::Tokens},
    {"Qwen3VLProcessor", "qwen3_vl", Writes::Tokens},
    {"InternVLProcessor", "internvl", Writes::Context},
    {"Gemma3Processor", "gemma3", Writes::Line, /*seesBothWays=*/true},
    {"Idefics3Processor", "idefics3", Writes::Places},
    {"SmolVLMProcessor", "smolvlm", Writes::Places},
    // They drop features of padding and end rows by a learned one, or write more than a picture.
    {"LlavaNextProcessor", "llava_next", Writes::NotKnown},
    {"LlavaOnevisionProcessor", "llava_onevision", Writes::NotKnown},
    {"PaliGemmaProcessor", "paligemma", Writes::NotKnown},
};

/// Which splits pictures whatever the image processor's file says.
constexpr llvm::StringRef kAlwaysCrops = "InternVLProcessor";

template <typename Class, size_t Count>
const Class *findClass(const Class (&classes)[Count], llvm::StringRef name) {
  const auto *found = llvm::find_if(classes, [&](const Class &each) { return each.name == name; });
  return found == std::end(classes) ? nullptr : found;
}

constexpr int64_t kMostTilesASide = 64;
constexpr int64_t kMostTiles = 128; // of a grid that is not listed
constexpr size_t kMostGrids = 1024;

/// Every grid of `least` to `most` tiles.
std::vector<runtime::Grid> gridsOf(int64_t least, int64_t most) {
  std::vector<runtime::Grid> grids =
      runtime::gridsOf(static_cast<int>(least), static_cast<int>(most));
  llvm::erase_if(grids, [](const runtime::Grid &grid) {
    return grid.columns > kMostTilesASide || grid.rows > kMostTilesASide;
  });
  return grids;
}

/// The list, which has to be there.
const JsonValue::Array *requireList(const JsonReader &reader, const char *key, size_t least,
                                    size_t most) {
  reader.require(key, "a list");
  return reader.list(key, least, most, " values");
}

void readTileCounts(const JsonReader &reader, const char *leastKey, const char *mostKey,
                    runtime::Preprocess &out) {
  int64_t least = reader.integer(leastKey, 1, kMostTilesASide).value_or(1);
  if (const JsonValue *most = reader.require(mostKey, "a whole number"))
    out.candidates = gridsOf(least, reader.asInteger(*most, mostKey, least, kMostTiles));
}

/// Two numbers that `what` says. Null, and a fault, for anything else.
const JsonValue::Array *asPair(const JsonReader &reader, const char *key, const JsonValue &value,
                               const char *what) {
  const JsonValue::Array *pair = value.array();
  if (pair && pair->size() == 2)
    return pair;
  reader.fail(key, what, value);
  return nullptr;
}

void readGridList(const JsonReader &resolution, runtime::Preprocess &out) {
  const JsonValue::Array *grids = requireList(resolution, "grids", 1, kMostGrids);
  if (!grids)
    return;
  out.candidates.clear();
  auto side = [&](const JsonValue &value) {
    return static_cast<int>(resolution.asInteger(value, "grids", 1, kMostTilesASide));
  };
  for (const JsonValue &grid : *grids)
    if (const auto *pair = asPair(resolution, "grids", grid, "pairs of columns and rows"))
      out.candidates.push_back({side((*pair)[0]), side((*pair)[1])});
}

void readResolution(const JsonReader &resolution, runtime::Preprocess &out, ImageTokenCap &cap) {
  static const std::map<std::string, runtime::Scheme> schemes = {
      {"relaxed_aspect_ratio", runtime::Scheme::Relaxed},
      {"llava_next", runtime::Scheme::LlavaNext},
      {"internvl", runtime::Scheme::InternVl}};
  std::string algorithm = resolution.string("algorithm", "relaxed_aspect_ratio");
  if (auto scheme = schemes.find(algorithm); scheme != schemes.end())
    out.scheme = scheme->second;
  else
    resolution.failWith("algorithm", "relaxed_aspect_ratio, llava_next or internvl",
                        JsonReader::shown(algorithm));
  out.alpha = resolution.number("alpha", out.alpha);
  if (out.alpha < 0)
    resolution.failWith("alpha", "a number that is not negative", JsonValue(out.alpha).text());
  if (resolution.find("grids"))
    readGridList(resolution, out);
  else if (resolution.find("max_tiles"))
    readTileCounts(resolution, "min_tiles", "max_tiles", out);
  else
    resolution.require("grids", "a list (or max_tiles)");
  std::string thumbnail = resolution.string("thumbnail", "none");
  if (std::optional<runtime::Thumbnail> found = runtime::thumbnailByName(thumbnail))
    out.thumbnail = *found;
  else
    resolution.failWith("thumbnail", "none, last_if_many or first", JsonReader::shown(thumbnail));
  cap.tokens = resolution.integer("max_image_tokens", 0, kLargestCount).value_or(0);
}

/// Sizes in pixels that are whole tiles.
void readPinpoints(const JsonReader &reader, runtime::Preprocess &out) {
  constexpr const char *kKey = "image_grid_pinpoints";
  const JsonValue::Array *points = requireList(reader, kKey, 1, kMostGrids);
  out.scheme = runtime::Scheme::LlavaNext;
  out.thumbnail = runtime::Thumbnail::First;
  out.candidates.clear();
  for (size_t i = 0; points && i < points->size(); ++i) {
    const JsonValue &point = (*points)[i];
    const JsonValue::Array *pair = asPair(reader, kKey, point, "pairs of height and width");
    if (!pair)
      return;
    int64_t height = reader.asInteger((*pair)[0], kKey, 1, kLargestCount);
    int64_t width = reader.asInteger((*pair)[1], kKey, 1, kLargestCount);
    if (out.tileHeight == 0 || out.tileWidth == 0 || height % out.tileHeight != 0 ||
        width % out.tileWidth != 0 || height / out.tileHeight > kMostTilesASide ||
        width / out.tileWidth > kMostTilesASide) {
      reader.fail(kKey, "1 to 64 times the size of a tile on each side", point);
      return;
    }
    out.candidates.push_back(
        {static_cast<int>(width / out.tileWidth), static_cast<int>(height / out.tileHeight)});
  }
}

constexpr int64_t kBrightest = 255;

void readNormalization(const JsonReader &reader, runtime::Preprocess &out) {
  const size_t channels = out.mean.size();
  if (reader.boolean("do_rescale", true))
    out.rescale = reader.number("rescale_factor", 1.0 / kBrightest);
  if (!reader.boolean("do_normalize", true))
    return;
  const JsonValue::Array *mean = requireList(reader, "image_mean", channels, channels);
  const JsonValue::Array *deviation = requireList(reader, "image_std", channels, channels);
  for (size_t i = 0; mean && deviation && i < channels; ++i) {
    out.mean[i] = reader.asNumber((*mean)[i], "image_mean");
    out.deviation[i] = reader.asNumber((*deviation)[i], "image_std");
    if (out.deviation[i] == 0)
      reader.fail("image_std", "numbers other than 0", *reader.find("image_std"));
  }
}

/// Every pixel has to become a number that f32 holds.
void checkPixels(const JsonReader &reader, const runtime::Preprocess &from) {
  auto holds = [](double value) { return std::isfinite(static_cast<float>(value)); };
  auto check = [&](const char *key, double value) {
    if (!holds(value) && reader.find(key))
      reader.fail(key, "values with which pixels are finite", *reader.find(key));
  };
  check("rescale_factor", kBrightest * from.rescale);
  for (size_t i = 0; i < from.mean.size(); ++i) {
    check("image_mean", from.mean[i]);
    for (int64_t pixel : {int64_t{0}, kBrightest})
      check("image_std",
            (static_cast<double>(pixel) * from.rescale - from.mean[i]) / from.deviation[i]);
    check("image_std", 1 / from.deviation[i]);
  }
}

void readPadding(const JsonReader &reader, runtime::Preprocess &out) {
  const size_t channels = out.padColor.size();
  if (const JsonValue::Array *color = reader.list("pad_color", channels, channels, " values"))
    for (size_t i = 0; i < channels; ++i)
      out.padColor[i] =
          static_cast<uint8_t>(reader.asInteger((*color)[i], "pad_color", 0, kBrightest));
  std::string position = reader.string("pad_position", "center");
  if (position != "center" && position != "top_left")
    reader.failWith("pad_position", "center or top_left", JsonReader::shown(position));
  out.padPosition =
      position == "top_left" ? runtime::PadPosition::TopLeft : runtime::PadPosition::Center;
}

void readFilter(const JsonReader &reader, runtime::Preprocess &out) {
  // Pillow's numbers.
  static const std::map<int64_t, runtime::Filter> filters = {
      {1, runtime::Filter::Lanczos}, {2, runtime::Filter::Bilinear}, {3, runtime::Filter::Bicubic}};
  std::optional<int64_t> resample = reader.integer("resample", 0, kLargestCount);
  if (!resample)
    return;
  if (auto found = filters.find(*resample); found != filters.end())
    out.filter = found->second;
  else
    reader.failWith("resample", "1 (lanczos), 2 (bilinear) or 3 (bicubic)",
                    std::to_string(*resample));
}

constexpr int64_t kMostPixels = 1 << 14;

/// The size of a tile: {height, width}, {shortest_edge}, or one number.
void readTileSize(const JsonReader &reader, const char *key, runtime::Preprocess &out) {
  const JsonValue *size = reader.find(key);
  if (size && size->number()) {
    out.tileHeight = out.tileWidth = static_cast<int>(reader.asInteger(*size, key, 1, kMostPixels));
    return;
  }
  JsonReader sides = reader.child(key);
  auto read = [&](const char *side, int &to) {
    if (std::optional<int64_t> pixels = sides.integer(side, 1, kMostPixels))
      to = static_cast<int>(*pixels);
  };
  read("shortest_edge", out.tileHeight);
  read("shortest_edge", out.tileWidth);
  read("height", out.tileHeight);
  read("width", out.tileWidth);
}

void readDynamicResolution(const JsonReader &reader, bool crops, runtime::Preprocess &out,
                           ImageTokenCap &cap) {
  constexpr const char *kPinpoints = "image_grid_pinpoints", *kOwn = "dynamic_resolution";
  const int ways = (reader.find(kOwn) != nullptr) + (reader.find(kPinpoints) != nullptr) + crops;
  if (ways > 1)
    reader.fail(reader.find(kOwn) ? kOwn : kPinpoints,
                "one of dynamic_resolution, image_grid_pinpoints and crop_to_patches",
                *reader.find(reader.find(kOwn) ? kOwn : kPinpoints));
  if (reader.find(kOwn))
    return readResolution(reader.child(kOwn), out, cap);
  if (reader.find(kPinpoints))
    return readPinpoints(reader, out);
  if (!crops)
    return;
  out.scheme = runtime::Scheme::InternVl;
  out.thumbnail = runtime::Thumbnail::LastIfMany;
  readTileCounts(reader, "min_patches", "max_patches", out);
}

/// Names of the classes that make pictures of one size, or (`each`) of a size for each.
std::string imageProcessorNames(bool each) {
  std::vector<std::string> names;
  for (const ImageProcessorClass &known : kImageProcessors)
    if ((known.fit == Fit::Patches) == each)
      names.push_back(known.name.str());
  return JsonReader::listed(names);
}

const ImageProcessorClass *findImageProcessor(const JsonReader &reader,
                                              std::vector<std::string> &ignored) {
  constexpr const char *kType = "image_processor_type";
  std::string type = reader.string(kType, "");
  if (type.empty())
    return &kImageProcessors[0];
  llvm::StringRef name(type);
  if (name.consume_back("Fast"))
    ignored.push_back(
        std::string(kType) + ": " + type +
        " resizes by torchvision, some levels off Pillow's pixels, which are bluec's");
  else
    name.consume_back("Pil");
  const ImageProcessorClass *found = findClass(kImageProcessors, name);
  if (found)
    return found;
  reader.failWith(kType, imageProcessorNames(/*each=*/false), JsonReader::shown(type));
  return &kImageProcessors[0];
}

/// One number, or the member `side` of an object that has no other.
std::optional<int64_t> readSide(const JsonReader &reader, const char *key, const char *side,
                                int64_t most) {
  const JsonValue *value = reader.require(key, "an object");
  if (!value)
    return std::nullopt;
  if (value->number())
    return reader.asInteger(*value, key, 1, most);
  const JsonReader sides = reader.child(key);
  if (const JsonValue::Object *members = value->object())
    for (const JsonMember &member : *members)
      if (member.name != side && !member.value.isNull()) {
        reader.fail(key, std::string(side) + " alone", *value);
        return std::nullopt;
      }
  sides.require(side, "a whole number");
  return sides.integer(side, 1, most);
}

/// Height and width, and nothing that says another way to resize.
void checkSides(const JsonReader &reader) {
  const JsonValue *size = reader.find("size");
  const JsonValue::Object *members = size ? size->object() : nullptr;
  if (members && llvm::any_of(*members, [](const JsonMember &member) {
        return member.name != "height" && member.name != "width" && !member.value.isNull();
      }))
    reader.fail("size", "height and width, to which a picture is stretched", *size);
}

void readCrop(const JsonReader &reader, runtime::Preprocess &out,
              std::vector<std::string> &ignored) {
  if (!reader.boolean("do_center_crop", true))
    return reader.fail("do_center_crop", "true", *reader.find("do_center_crop"));
  if (reader.boolean("do_pad", false))
    return reader.fail("do_pad", "false", *reader.find("do_pad"));
  runtime::Preprocess crop = oneTile();
  reader.require("crop_size", "a size");
  readTileSize(reader, "crop_size", crop);
  const JsonValue *size = reader.find("size");
  if (size && size->find("height")) {
    checkSides(reader);
    readTileSize(reader, "size", out);
    out.scheme = runtime::Scheme::InternVl; // which stretches, here to its only grid
    if (crop.tileHeight != out.tileHeight || crop.tileWidth != out.tileWidth)
      reader.fail("crop_size", "the size to which a picture is stretched",
                  *reader.find("crop_size"));
    return;
  }
  out.tileHeight = crop.tileHeight;
  out.tileWidth = crop.tileWidth;
  out.scheme = runtime::Scheme::CenterCrop;
  out.edge = static_cast<int>(readSide(reader, "size", "shortest_edge", kMostPixels).value_or(1));
  if (out.edge < std::max(out.tileHeight, out.tileWidth))
    ignored.push_back("crop_size: larger than the resized picture's shorter side: padding of an "
                      "odd number of pixels has one more in front, as Pillow's processors have "
                      "it; torchvision's have it behind");
}

void readLongestEdge(const JsonReader &reader, runtime::Preprocess &out) {
  // Which they never exceed.
  constexpr int64_t kMostEdge = 4096;
  out.scheme = runtime::Scheme::LongestEdge;
  out.edge = static_cast<int>(readSide(reader, "size", "longest_edge", kMostEdge).value_or(1));
  out.tileHeight = out.tileWidth = static_cast<int>(
      readSide(reader, "max_image_size", "longest_edge", kMostEdge).value_or(kMostEdge));
  if (!reader.boolean("do_image_splitting", true))
    return;
  if (out.edge > kMostTilesASide * out.tileWidth)
    return reader.fail("size", "at most 64 times max_image_size", *reader.find("size"));
  out.candidates = runtime::gridsOfEdge(out.edge, out.tileWidth);
  out.thumbnail = runtime::Thumbnail::LastIfMany;
}

/// Pixels that a picture may have. Older files have the two numbers at the top, newer ones as
/// members of `size` that are no edges.
std::pair<int64_t, int64_t> readPixelCounts(const JsonReader &reader) {
  constexpr int64_t kLeast = int64_t{56} * 56, kMost = int64_t{28} * 28 * 1280; // of the class
  const JsonReader size = reader.child("size");
  auto read = [&](const char *own, const char *edge, int64_t otherwise) {
    std::optional<int64_t> pixels = reader.integer(own, 1, kLargestCount);
    for (const char *key : {edge, own})
      if (!pixels)
        pixels = size.integer(key, 1, kLargestCount);
    return pixels.value_or(otherwise);
  };
  return {read("min_pixels", "shortest_edge", kLeast), read("max_pixels", "longest_edge", kMost)};
}

/// Patches of pictures that all get `size`, where the processor would choose one for each.
PatchRows readPatches(const JsonReader &reader, ImageSize size, llvm::StringRef name,
                      runtime::Preprocess &out, std::vector<std::string> &ignored) {
  constexpr int64_t kPatch = 14, kFrames = 2, kBlock = 2; // of the class
  constexpr int64_t kMostPatch = 1 << 10, kMostFrames = 64, kMostBlock = 64;
  PatchRows rows{.picture = size,
                 .patch = reader.integer("patch_size", 1, kMostPatch).value_or(kPatch),
                 .frames = reader.integer("temporal_patch_size", 1, kMostFrames).value_or(kFrames),
                 .block = reader.integer("merge_size", 1, kMostBlock).value_or(kBlock)};
  const std::string shown = std::to_string(size.height) + "x" + std::to_string(size.width);
  const int64_t side = rows.patch * rows.block, pixels = size.height * size.width;
  const auto [least, most] = readPixelCounts(reader);
  constexpr const char *kFlag = "--image-size";
  if (size.height % side != 0 || size.width % side != 0)
    reader.failWith(kFlag, "multiples of " + std::to_string(side) + ", patch_size times merge_size",
                    shown);
  else if (pixels < least || pixels > most)
    reader.failWith(kFlag,
                    std::to_string(least) + " to " + std::to_string(most) +
                        " pixels (min_pixels and max_pixels, or those of size)",
                    shown + ", which are " + std::to_string(pixels));
  out.tileHeight = static_cast<int>(size.height);
  out.tileWidth = static_cast<int>(size.width);
  ignored.push_back("image_processor_type: " + name.str() +
                    " chooses a size for each picture by its proportions; here each is stretched "
                    "to " +
                    shown + " pixels (" + kFlag + ")");
  return rows;
}

void readFit(const JsonReader &reader, llvm::StringRef processor, const ImageProcessorClass &type,
             runtime::Preprocess &out, ImageTokenCap &cap, std::vector<std::string> &ignored) {
  if (!reader.boolean("do_resize", true))
    reader.fail("do_resize", "true", *reader.find("do_resize"));
  const bool crops = reader.boolean("crop_to_patches", false) || processor == kAlwaysCrops;
  const bool isTiled =
      reader.find("dynamic_resolution") || reader.find("image_grid_pinpoints") || crops;
  const bool takesGrids =
      type.fit == Fit::Padded || type.fit == Fit::Grid || type.fit == Fit::GridStretch;
  if ((isTiled && !takesGrids) || (!isTiled && type.fit == Fit::Grid))
    reader.failWith("image_processor_type",
                    isTiled ? "LlavaNextImageProcessor, GotOcr2ImageProcessor or none with tiles"
                            : "another one, or tiles by image_grid_pinpoints",
                    JsonReader::shown(type.name));
  if (type.fit == Fit::Crop)
    return readCrop(reader, out, ignored);
  if (type.fit == Fit::LongestEdge)
    return readLongestEdge(reader, out);
  if (type.fit == Fit::Patches) {
    // The size is not the file's; readPatches() has it.
    out.scheme = runtime::Scheme::InternVl; // which stretches, here to its only grid
    return;
  }
  if (type.fit == Fit::Stretch)
    checkSides(reader);
  readTileSize(reader, "size", out);
  // What is cut out of the resized picture: nothing, as far as tiles are concerned.
  runtime::Preprocess crop = out;
  readTileSize(reader, "crop_size", crop);
  if (reader.boolean("do_center_crop", false) &&
      (crop.tileHeight != out.tileHeight || crop.tileWidth != out.tileWidth))
    reader.fail("crop_size", "the size of a tile", *reader.find("crop_size"));
  if (isTiled)
    return readDynamicResolution(reader, crops, out, cap);
  if (type.fit != Fit::Padded)
    out.scheme = runtime::Scheme::InternVl; // which stretches, here to its only grid
}

/// What other processors do to pixels, and bluec does not.
void refuseOtherSchemes(const JsonReader &reader, bool isOfPatches,
                        const runtime::Preprocess &out) {
  std::vector<const char *> keys = {"do_pan_and_scan", "num_crops",    "max_slice_nums",
                                    "pad_size",        "do_thumbnail", "do_align_long_axis",
                                    "do_crop_margin"};
  if (!isOfPatches)
    keys.insert(keys.end(), {"min_pixels", "max_pixels"});
  if (out.scheme != runtime::Scheme::LongestEdge)
    keys.insert(keys.end(), {"do_image_splitting", "max_image_size"});
  for (const char *key : keys)
    if (const JsonValue *value = reader.find(key); value && !asksForNothing(key, *value))
      reader.fail(key, "false, or nothing", *value);
  const bool isTiled = out.candidates.size() > 1;
  if (out.scheme == runtime::Scheme::InternVl && !isTiled && reader.boolean("do_pad", false))
    reader.fail("do_pad", "false where a picture is stretched to one tile", *reader.find("do_pad"));
}

} // namespace

runtime::Preprocess bluec::oneTile() {
  runtime::Preprocess out;
  out.rescale = 1;
  out.candidates = {{1, 1}};
  out.thumbnail = runtime::Thumbnail::None;
  return out;
}

runtime::Preprocess bluec::siglipPreprocess() {
  runtime::Preprocess out = oneTile();
  out.rescale = 1.0 / kBrightest;
  out.mean = out.deviation = {0.5, 0.5, 0.5};
  out.scheme = runtime::Scheme::InternVl;
  return out;
}

const llvm::StringSet<> &bluec::preprocessKeys() {
  static const llvm::StringSet<> known = {
      // read
      "image_processor_type", "do_resize", "size", "resample", "do_center_crop", "crop_size",
      "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad",
      "pad_color", "pad_position", "dynamic_resolution", "image_grid_pinpoints", "crop_to_patches",
      "min_patches", "max_patches", "max_image_size", "do_image_splitting", "min_pixels",
      "max_pixels", "temporal_patch_size", "merge_size",
      // pictures are decoded to RGB
      "do_convert_rgb",
      // what do_pan_and_scan asks for
      "pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops",
      "pan_and_scan_min_ratio_to_activate",
      // what the graph's features say
      "patch_size", "image_seq_length", "image_seq_len",
      // where the file comes from, and how arrays are handed around
      "processor_class", "feature_extractor_type", "auto_map", "transformers_version",
      "_valid_processor_keys", "data_format", "input_data_format", "return_tensors", "device",
      "default_to_square", "return_row_col_info", "disable_grouping",
      // of videos
      "video_sampling"};
  return known;
}

runtime::Preprocess bluec::readPreprocess(const JsonReader &reader, llvm::StringRef processor,
                                          std::optional<ImageSize> size,
                                          std::optional<PatchRows> &rows, ImageTokenCap &cap,
                                          std::vector<std::string> &ignored) {
  runtime::Preprocess out = oneTile();
  const ImageProcessorClass &type = *findImageProcessor(reader, ignored);
  const bool isOfPatches = type.fit == Fit::Patches;
  if (isOfPatches != size.has_value())
    reader.failWith("image_processor_type",
                    isOfPatches ? imageProcessorNames(/*each=*/false) +
                                      ", or --image-size HEIGHTxWIDTH with one that chooses a size "
                                      "for each picture"
                                : imageProcessorNames(/*each=*/true) + " with --image-size",
                    reader.find("image_processor_type")
                        ? JsonReader::shown(*reader.find("image_processor_type"))
                        : "none");
  readNormalization(reader, out);
  checkPixels(reader, out);
  out.filter = type.filter;
  readFilter(reader, out);
  readPadding(reader, out);
  readFit(reader, processor, type, out, cap, ignored);
  if (isOfPatches && size)
    rows = readPatches(reader, *size, type.name, out, ignored);
  refuseOtherSchemes(reader, isOfPatches, out);
  return out;
}

/// How many image tokens a processor writes for a tile, which its file may say in two ways.
static void readTokensPerTile(const JsonReader &processor, const runtime::Preprocess &preprocess,
                              PicturePlaceholder &out) {
  for (const char *key : {"image_seq_len", "image_seq_length"})
    if (std::optional<int64_t> count = processor.integer(key, 1, kLargestCount)) {
      out.tokensPerTile = count;
      out.tokensPlace = std::string("processor_config.json: ") + key;
    }
  constexpr const char *kPatch = "patch_size";
  std::optional<int64_t> patch = processor.integer(kPatch, 1, kMostPixels);
  const int64_t more = processor.integer("num_additional_image_tokens", 0, kMostPixels).value_or(0);
  const std::string strategy = processor.string("vision_feature_select_strategy", "full");
  if (!patch || preprocess.tileWidth == 0 || preprocess.tileHeight == 0)
    return;
  out.tokensPerTile = preprocess.tileWidth / *patch * (preprocess.tileHeight / *patch) + more -
                      (strategy == "default" ? 1 : 0);
  out.tokensPlace = std::string("processor_config.json: tokens by ") + kPatch +
                    ", num_additional_image_tokens and vision_feature_select_strategy";
}

const llvm::StringSet<> &bluec::processorKeys() {
  static const llvm::StringSet<> known = {// read
                                          "processor_class", "image_processor", "image_token",
                                          "chat_template", "image_seq_len", "image_seq_length",
                                          "patch_size", "num_additional_image_tokens",
                                          "vision_feature_select_strategy",
                                          // videos, and where the file comes from
                                          "video_token", "video_processor", "auto_map",
                                          "transformers_version", "_valid_processor_keys"};
  return known;
}

std::string bluec::findProcessorClass(llvm::ArrayRef<JsonReader> files, llvm::StringRef modelType) {
  for (const JsonReader &file : files)
    if (std::string name = file.string("processor_class", ""); !name.empty())
      return name;
  for (const ProcessorClass &known : kProcessors)
    if (!modelType.empty() && known.modelType == modelType)
      return known.name.str();
  return "";
}

PicturePlaceholder bluec::readPlaceholder(llvm::StringRef processor,
                                          llvm::ArrayRef<JsonReader> files,
                                          const runtime::Preprocess &preprocess,
                                          llvm::function_ref<std::string(llvm::StringRef)> token) {
  PicturePlaceholder out;
  out.processor = processor.str();
  readTokensPerTile(files.front(), preprocess, out);
  if (processor.empty())
    return out;
  auto need = [&](llvm::StringRef name) {
    std::string text = token(name);
    if (text.empty())
      files.back().require(name.str().c_str(), "a token, as " + processor.str() + " needs");
    out.tokens.push_back(text);
    return text;
  };
  auto own = [&](llvm::StringRef name, const char *otherwise) {
    std::string text = token(name);
    out.tokens.push_back(text.empty() ? otherwise : text);
    return out.tokens.back();
  };
  const ProcessorClass *known = findClass(kProcessors, processor);
  if (known && known->seesBothWays)
    out.warning = "processor_class: " + processor.str() +
                  "'s models let all tokens of a picture see each other; a decoder's graph that "
                  "takes embeddings and a mask of ones lets them see earlier ones only";
  switch (known ? known->writes : Writes::NotKnown) {
  case Writes::NotKnown: {
    std::vector<std::string> names;
    for (const ProcessorClass &each : kProcessors)
      if (each.writes != Writes::NotKnown)
        names.push_back(each.name.str());
    const auto *place = llvm::find_if(
        files, [](const JsonReader &file) { return file.find("processor_class") != nullptr; });
    (place == files.end() ? files.front() : *place)
        .failWith("processor_class", JsonReader::listed(names), JsonReader::shown(processor));
    break;
  }
  case Writes::Tokens:
    break;
  case Writes::Context:
    out.imageToken = need("context_image_token");
    out.pieces.beforeOne = out.pieces.before = need("start_image_token");
    out.pieces.after = need("end_image_token");
    break;
  case Writes::Line:
    out.imageToken = need("boi_token"); // in its place there is all of it
    out.pieces.beforeOne = out.pieces.before = "\n\n" + out.imageToken;
    need("image_token");
    out.pieces.after = need("eoi_token") + "\n\n";
    break;
  case Writes::Places: {
    out.imageToken = own("image_token", "<image>");
    const std::string around = own("fake_image_token", "<fake_token_around_image>");
    std::string overview = token("global_image_token");
    overview = around + (overview.empty() ? "<global-img>" : overview);
    out.pieces = {.beforeOne = overview,
                  .before = "",
                  .tile = around + "<row_" + std::string(runtime::kRowMark) + "_col_" +
                          std::string(runtime::kColumnMark) + ">",
                  .rowEnd = "\n",
                  .overview = "\n" + overview,
                  .after = around};
    break;
  }
  }
  return out;
}
