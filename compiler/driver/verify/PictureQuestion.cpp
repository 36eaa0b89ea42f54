#include "compiler/driver/verify/PictureQuestion.h"

#include "runtime/core/LanguageModel.h"
#include "runtime/core/PictureQueue.h"
#include "runtime/vision/Picture.h"
#include "runtime/vision/Tiles.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

static constexpr uint64_t kLargestPicture = uint64_t{64} << 20;

std::unique_ptr<PictureQuestion> PictureQuestion::create(const runtime::Bundle &bundle,
                                                         const std::string &file,
                                                         const std::string &text,
                                                         Diagnostics &diagnostics) {
  auto refuse = [&](const runtime::Status &status) {
    (void)diagnostics.report(status);
    return nullptr;
  };
  if (bundle.tileEncoders().empty()) {
    (void)diagnostics.inputError(
        "--image: expected a bundle that takes pictures, found one without "
        "an image encoder");
    return nullptr;
  }
  if (runtime::Status status = runtime::requireText(bundle); !status.ok())
    return refuse(status);
  uint64_t size = 0;
  if (!llvm::sys::fs::is_regular_file(file) || llvm::sys::fs::file_size(file, size) ||
      size > kLargestPicture) {
    (void)diagnostics.inputError(file + ": expected a file of at most " +
                                 Twine(kLargestPicture >> 20) + " MiB");
    return nullptr;
  }
  auto bytes = llvm::MemoryBuffer::getFile(file);
  if (!bytes) {
    (void)diagnostics.inputError(file + ": " + bytes.getError().message());
    return nullptr;
  }
  StringRef buffer = (*bytes)->getBuffer();
  auto picture = runtime::decodePicture(
      {reinterpret_cast<const uint8_t *>(buffer.data()), buffer.size()}, {}, &bundle.threads());
  if (!picture.ok())
    return refuse(picture.status());
  const runtime::Preprocess &preprocess = bundle.manifest().preprocess;
  runtime::TileSet tiles = runtime::makeTiles(*picture, preprocess, &bundle.threads());

  const bluec_model &model = bundle.model();
  std::unique_ptr<PictureQuestion> question(new PictureQuestion);
  question->hidden = model.hidden;
  constexpr int64_t kChannels = 3;
  question->allPixels = std::make_shared<const Tensor>(
      Tensor::floats({tiles.count, kChannels, model.tile_height, model.tile_width}, tiles.pixels));
  runtime::Features zeros;
  zeros.tiles = tiles.count;
  zeros.grid = tiles.grid;
  zeros.rows.resize(static_cast<size_t>(tiles.count * model.tokens_per_tile * model.hidden));
  question->none = std::make_shared<const runtime::Features>(std::move(zeros));

  runtime::Conversation conversation(bundle.tokenizer(), bundle.manifest().chat,
                                     model.tokens_per_tile, model.hidden);
  if (runtime::Status status = conversation.checkTurn(text, 1); !status.ok())
    return refuse(status);
  runtime::PictureShape shape = runtime::shapeOf(tiles, preprocess.thumbnail);
  auto parts = conversation.nextTurn(text, {&shape, 1});
  if (!parts.ok())
    return refuse(parts.status());
  runtime::EncodedPicture encoded{/*number=*/0, question->none, shape};
  question->allRows = conversation.rowsOf(*parts, {&encoded, 1});
  // An answer of one token, at least.
  if (auto rows = static_cast<int64_t>(question->allRows.size()); rows + 1 > model.context) {
    (void)diagnostics.inputError("--image: expected a prompt of at most " +
                                 Twine(model.context - 1) + " tokens, found " + Twine(rows));
    return nullptr;
  }
  return question;
}

int64_t PictureQuestion::featureOf(int64_t row) const {
  const runtime::Row &at = allRows[static_cast<size_t>(row)];
  return at.isToken() ? -1 : (at.feature - none->rows.data()) / hidden;
}

void PictureQuestion::place(const Tensor &features, int64_t first, int64_t count,
                            float *embeddings) const {
  for (int64_t i = 0; i < count; ++i)
    if (int64_t feature = featureOf(first + i); feature >= 0)
      std::copy_n(features.f32.begin() + feature * hidden, hidden, embeddings + i * hidden);
}
