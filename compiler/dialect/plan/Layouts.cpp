#include "compiler/dialect/plan/Layouts.h"

using namespace mlir;
using namespace bluec::plan;

int64_t bluec::plan::offsetFor(DotAttr dot, int64_t bits) {
  // Operands of more than 8 bits that are much larger than their elements would make sums too
  // large.
  bool isSigned = !dot.isLhsUnsigned() && (bits == dot.getBits() || dot.getBits() == 8);
  return isSigned ? 0 : int64_t{1} << (bits - 1);
}

std::optional<PanelLayout> PanelLayout::of(RankedTensorType type) {
  auto attr = dyn_cast_or_null<PanelsAttr>(type.getEncoding());
  auto element = dyn_cast<blue::QuantizedType>(type.getElementType());
  if (!attr || !element || type.getRank() != 2 || element.getBits() > attr.getDot().getBits())
    return std::nullopt;
  PanelLayout layout;
  layout.n = type.getDimSize(0);
  layout.k = type.getDimSize(1);
  layout.rows = attr.getRows();
  layout.group = element.groupIn(layout.k);
  layout.scaleBytes = element.getScale().getWidth() / 8;
  layout.zeros = element.getZeros();
  layout.word = WordLayout::of(attr.getDot(), element.getBits());
  layout.offset = offsetFor(attr.getDot(), element.getBits());
  layout.alignment = attr.getAlignment();
  return layout;
}

bool bluec::plan::canGather(RankedTensorType panels, int64_t channels) {
  std::optional<PanelLayout> layout = PanelLayout::of(panels);
  return !layout || (channels % layout->word.elements() == 0 &&
                     (layout->group >= layout->k || channels % layout->group == 0));
}

std::optional<RowLayout> RowLayout::of(RankedTensorType type) {
  auto attr = dyn_cast_or_null<RowsAttr>(type.getEncoding());
  auto element = dyn_cast<blue::QuantizedType>(type.getElementType());
  if (!attr || !element || type.getRank() == 0)
    return std::nullopt;
  RowLayout layout;
  layout.rows = 1;
  for (int64_t dim : type.getShape().drop_back())
    layout.rows *= dim;
  layout.k = type.getShape().back();
  layout.group = element.groupIn(layout.k);
  layout.sums = attr.getSums();
  layout.elementBytes = element.getBits() / 8;
  layout.alignment = attr.getAlignment();
  layout.pairs = attr.getPairs();
  return layout;
}

std::optional<CacheLayout> CacheLayout::of(RankedTensorType type) {
  auto element = dyn_cast<blue::QuantizedType>(type.getElementType());
  auto read = [&](auto attr, bool keys) -> std::optional<CacheLayout> {
    if (element.getBits() > attr.getDot().getBits())
      return std::nullopt;
    CacheLayout layout;
    layout.keys = keys;
    layout.batch = type.getRank() == 3 ? type.getDimSize(0) : 1;
    layout.positions = type.getDimSize(type.getRank() - 2);
    layout.heads = attr.getHeads();
    layout.dims = type.getShape().back() / attr.getHeads();
    layout.block = attr.getBlock();
    layout.scaleBytes = element.getScale().getWidth() / 8;
    layout.word = WordLayout::of(attr.getDot(), element.getBits());
    layout.dot = attr.getDot();
    layout.offset = keys ? offsetFor(attr.getDot(), element.getBits()) : 0;
    layout.alignment = attr.getAlignment();
    return layout;
  };
  if (!element || (type.getRank() != 2 && type.getRank() != 3))
    return std::nullopt;
  if (auto keys = dyn_cast_or_null<KeysAttr>(type.getEncoding()))
    return read(keys, true);
  if (auto values = dyn_cast_or_null<ValuesAttr>(type.getEncoding()))
    return read(values, false);
  return std::nullopt;
}

RingLayout RingLayout::of(RankedTensorType cache) {
  if (std::optional<CacheLayout> layout = CacheLayout::of(cache))
    return {layout->positions, layout->block};
  constexpr int64_t kKeyRank = 5; // [1, heads, blocks, D, L]
  if (cache.getRank() == kKeyRank)
    return {cache.getDimSize(2) * cache.getDimSize(4), kFloatStretch};
  return {cache.getDimSize(1), kFloatStretch};
}
