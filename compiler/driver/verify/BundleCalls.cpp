#include "compiler/driver/verify/BundleCalls.h"

using namespace mlir;
using namespace bluec;
using reference::ElementType;
using reference::Tensor;

LogicalResult BundleCalls::call(const bluec_entry &entry, int64_t count, int64_t position,
                                const void *input, void *output, const int32_t *places) {
  return diagnostics.report(
      session.runEntry(entry, count, position,
                       runtime::EntryInputs(entry, count, position, input, places), {&output, 1}));
}

FailureOr<TensorPtr> BundleCalls::features(const TensorPtr &pixels) {
  const bluec_model &model = bundle.model();
  int64_t tiles = pixels->shape[0], tile = pixels->numElements() / tiles;
  int64_t width = model.tokens_per_tile * model.hidden;
  Tensor all = Tensor::zeros(ElementType::F32, {tiles, width});
  int64_t done = 0;
  for (const runtime::EncodeCall &encode : bundle.encodeCalls(tiles)) {
    const runtime::TileEncoder &encoder = *encode.encoder;
    const float *from = pixels->f32.data() + done * tile;
    float *to = all.f32.data() + done * width;
    std::vector<uint8_t> crossing;
    if (!encoder.whole)
      crossing.resize(static_cast<size_t>(encoder.first->outputs[0].bytes));
    if (encoder.whole ? failed(call(*encoder.whole, encode.count, 0, from, to))
                      : failed(call(*encoder.first, encode.count, 0, from, crossing.data())) ||
                            failed(call(*encoder.second, encode.count, 0, crossing.data(), to)))
      return failure();
    done += encode.count;
  }
  return std::make_shared<const Tensor>(std::move(all));
}

FailureOr<TensorPtr> BundleCalls::embeddings(const TensorPtr &ids) {
  const bluec_entry &embed = bundle.embed();
  int64_t rows = ids->shape[0], hidden = bundle.model().hidden;
  std::vector<int32_t> given(ids->i64.begin(), ids->i64.end());
  Tensor all = Tensor::zeros(ElementType::F32, {rows, hidden});
  for (int64_t done = 0; done < rows; done += embed.capacity)
    if (failed(call(embed, std::min(rows - done, embed.capacity), 0, given.data() + done,
                    all.f32.data() + done * hidden)))
      return failure();
  return std::make_shared<const Tensor>(std::move(all));
}

FailureOr<TensorPtr> BundleCalls::logits(const TokenRows &rows, int64_t position) {
  int64_t count = rows.embeddings->shape[0];
  bool isDecode = count == 1; // which embeds its token itself
  const bluec_entry &entry = isDecode ? bundle.decode() : bundle.prefill();
  std::vector<int32_t> ids(rows.ids->i64.begin(), rows.ids->i64.end());
  int64_t given = runtime::usedRows(*runtime::findOutput(entry, BLUEC_LOGITS), count);
  Tensor logits = Tensor::zeros(ElementType::F32, {given, bundle.model().vocabulary});
  const void *input = isDecode ? static_cast<const void *>(ids.data())
                               : static_cast<const void *>(rows.embeddings->f32.data());
  std::vector<int32_t> places;
  if (rows.places)
    places.assign(rows.places->i64.begin(), rows.places->i64.end());
  if (failed(call(entry, count, position, input, logits.f32.data(),
                  rows.places ? places.data() : nullptr)))
    return failure();
  return std::make_shared<const Tensor>(std::move(logits));
}
