#include "vision/Picture.h"

#include "vision/Orientation.h"
#include "vision/Outline.h"
#include "vision/StbImage.h"

#include <algorithm>
#include <memory>
#include <new>

namespace bluec::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct FreeStb {
  void operator()(void *block) const { stbi_image_free(block); }
};

// Of stb's own structures, which do not grow with the picture.
constexpr std::size_t kStbTables = std::size_t(64) << 10;

Status bad(const std::string &message) { return {Code::BadPicture, "picture: " + message}; }

Status cannotBeDecoded(const char *format) {
  const char *reason = stbi_failure_reason();
  return bad(std::string(format) + " cannot be decoded: " + (reason ? reason : "no reason given"));
}

Status checkSize(const Outline &outline, const PictureLimits &limits) {
  const std::string found =
      std::to_string(outline.width) + " x " + std::to_string(outline.height) + " pixels";
  if (outline.width == 0 || outline.height == 0)
    return bad("expected at least one pixel, found " + found);
  const auto side = std::uint32_t(limits.maxSide);
  if (outline.width > side || outline.height > side)
    return bad("expected at most " + std::to_string(side) + " pixels a side, found " + found);
  if (std::int64_t(outline.width) * outline.height > limits.maxPixels)
    return bad("expected at most " + std::to_string(limits.maxPixels) + " pixels, found " + found);
  return {};
}

Status checkAgreement(const Outline &outline, int width, int height) {
  if (std::uint32_t(width) != outline.width || std::uint32_t(height) != outline.height)
    return bad("the decoder and the header disagree on the size");
  return {};
}

Result<Picture> decodePng(Bytes file, const Outline &outline) {
  Picture picture;
  const auto bytes = int(file.size());
  int channels = 0;
  // Buffers double as they grow: of the file's data, of what it inflates to; pixels are of four
  // channels of two bytes at most.
  const std::size_t pixels = std::size_t(outline.width) * outline.height;
  const StbMemory memory(
      std::max({2 * file.size(), std::size_t(2 * outline.inflated), 8 * pixels}) + kStbTables);
  std::unique_ptr<stbi_uc, FreeStb> rgb;
  std::unique_ptr<stbi_us, FreeStb> gray;
  if (outline.deepGray)
    gray.reset(stbi_load_16_from_memory(file.data(), bytes, &picture.width, &picture.height,
                                        &channels, 1));
  else
    rgb.reset(
        stbi_load_from_memory(file.data(), bytes, &picture.width, &picture.height, &channels, 3));
  if (!rgb && !gray)
    return memory.exceeded() ? bad("png is damaged: its data inflates to more than its header says")
                             : cannotBeDecoded("png");
  BLUEC_RETURN_IF_ERROR(checkAgreement(outline, picture.width, picture.height));
  const std::size_t count = std::size_t(picture.width) * std::size_t(picture.height);
  if (rgb) {
    picture.pixels.assign(rgb.get(), rgb.get() + count * 3);
    return picture;
  }
  picture.pixels.resize(count * 3);
  for (std::size_t i = 0; i < count; ++i)
    std::fill_n(&picture.pixels[3 * i], 3, std::uint8_t(std::min<unsigned>(gray.get()[i], 255)));
  return picture;
}

Result<Picture> decodeJpeg(Bytes file, const Outline &outline, ThreadPool *threads) {
  const StbJpeg decoded = decodeStbJpeg(file);
  if (decoded.planes.planes.empty())
    return cannotBeDecoded("jpeg");
  BLUEC_RETURN_IF_ERROR(checkAgreement(outline, decoded.planes.width, decoded.planes.height));
  if (decoded.planes.planes.size() != componentsOf(outline.colors))
    return bad("the decoder and the header disagree on the components");
  Picture picture{decoded.planes.width, decoded.planes.height, {}};
  picture.pixels.resize(std::size_t(picture.width) * std::size_t(picture.height) * 3);
  jpegToRgb(decoded.planes, outline.colors, picture.pixels.data(), threads);
  return picture;
}

} // namespace

Result<Picture> decodePicture(Bytes file, const PictureLimits &limits, ThreadPool *threads) {
  if (file.empty())
    return bad("expected a png or jpeg file, found an empty one");
  if (file.size() > std::min<std::size_t>(limits.maxFileBytes, 0x7fffffff))
    return bad("expected a file of at most " + std::to_string(limits.maxFileBytes) +
               " bytes, found " + std::to_string(file.size()));
  const PictureFormat format = formatOf(file);
  if (format == PictureFormat::Unknown)
    return bad("expected a png or jpeg file, found " + std::string(describeOther(file)));
  const bool png = format == PictureFormat::Png;
  try {
    Outline outline;
    BLUEC_RETURN_IF_ERROR(png ? outlinePng(file, outline) : outlineJpeg(file, outline));
    BLUEC_RETURN_IF_ERROR(checkSize(outline, limits));
    Result<Picture> picture = png ? decodePng(file, outline) : decodeJpeg(file, outline, threads);
    if (!picture.ok())
      return picture;
    return orient(std::move(*picture), outline.orientation, threads);
  } catch (const std::bad_alloc &) {
    return Status(Code::OutOfMemory, "picture: no memory for its pixels");
  }
}

} // namespace bluec::runtime
