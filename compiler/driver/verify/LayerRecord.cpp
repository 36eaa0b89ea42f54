#include "compiler/driver/verify/LayerRecord.h"

#include "compiler/dialect/plan/Layouts.h"
#include "compiler/dialect/plan/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"

#include <cstring>

using namespace mlir;
using namespace bluec;
using reference::ElementType;
using reference::Tensor;

std::string bluec::recordedName(Operation *op, const blue::LayerNames &names) {
  if (auto quantize = dyn_cast<blue::QuantizeOp>(op)) {
    Operation *origin = quantize.getX().getDefiningOp();
    return (names.of(origin ? origin : op) + plan::kQuantizedSuffix).str();
  }
  return names.of(op).str();
}

void LayerRecord::addNames(func::FuncOp function, llvm::StringSet<> &names) {
  if (!function)
    return;
  blue::LayerNames layers(function);
  llvm::StringMap<int> uses;
  for (Operation &op : function.getBody().front())
    if (std::string name = recordedName(&op, layers); !name.empty())
      ++uses[name];
  // What is quantized to two types has one name for both.
  for (const auto &[name, count] : uses)
    if (count == 1)
      names.insert(name);
}

/// The numbers that the integers of `count` rows stand for, row after row.
static void decodeRows(const plan::RowLayout &layout, const uint8_t *bytes, int64_t count,
                       float *to) {
  for (int64_t row = 0; row < count; ++row) {
    const uint8_t *elements = bytes + layout.elementsAt(row),
                  *scales = bytes + layout.scalesAt(row);
    for (int64_t i = 0; i < layout.k; ++i) {
      float scale = 0;
      std::memcpy(&scale, scales + layout.numberOffset(i / layout.group), sizeof scale);
      const uint8_t *at = elements + layout.elementOffset(i);
      int16_t wide = 0;
      if (layout.elementBytes == 2)
        std::memcpy(&wide, at, sizeof wide);
      else
        wide = static_cast<int8_t>(*at);
      *to++ = static_cast<float>(double(scale) * wide);
    }
  }
}

int LayerRecord::entryOf(const bluec_entry &entry) {
  auto found = llvm::find(entryNames, entry.name);
  if (found == entryNames.end())
    found = entryNames.insert(found, entry.name);
  return static_cast<int>(found - entryNames.begin());
}

bool LayerRecord::add(const bluec_entry &entry, const bluec_step &step, RankedTensorType type,
                      const void *output, int64_t count, int64_t firstRow, std::string &error) {
  const bluec_tensor &given = step.output;
  llvm::StringRef name = given.name;
  if (!output || given.rank == 0)
    return true;
  bool isLastRow = name.consume_back(plan::kLastRowSuffix);
  std::optional<plan::RowLayout> layout = type ? plan::RowLayout::of(type) : std::nullopt;
  if (!names.contains(name) || (!layout && given.dtype != BLUEC_F32))
    return true;
  std::vector<int64_t> shape(given.dims, given.dims + given.rank);
  if (layout)
    shape.assign(type.getShape().begin(), type.getShape().end());
  // What a call computes for its last row only has one row, whatever the capacity.
  isLastRow |= shape[0] == 1 && entry.capacity > 1;
  int64_t begin = isLastRow ? firstRow + count - 1 : firstRow, taken = isLastRow ? 1 : count;
  int64_t capacity = shape[0], elements = 1;
  for (int64_t dim : llvm::drop_begin(shape))
    elements *= dim;
  auto mismatch = [&](const llvm::Twine &what, int64_t expected, int64_t found) {
    error = (llvm::Twine(entry.name) + ": " + name + ": expected " + llvm::Twine(expected) + what +
             ", found " + llvm::Twine(found))
                .str();
    return false;
  };
  if (layout && layout->bytes() != given.bytes)
    return mismatch(" bytes of quantized rows", layout->bytes(), given.bytes);
  if (begin < 0 || begin + taken > rows || taken > capacity)
    return mismatch(" rows at most", rows, begin + taken);

  auto [slot, isNew] = byName.try_emplace(name, kept.size());
  if (isNew) {
    shape[0] = rows;
    kept.push_back({name.str(), Tensor::zeros(ElementType::F32, shape),
                    std::vector<int>(static_cast<size_t>(rows), -1)});
  }
  Layer &layer = kept[slot->second];
  if (layer.values.numElements() != rows * elements)
    return mismatch(" elements a row", layer.values.numElements() / rows, elements);
  int from = entryOf(entry);
  if (llvm::none_of(all, [&](const Source &source) {
        return source.entry == from && source.layer == slot->second;
      }))
    all.push_back({from, slot->second, step.name});
  float *to = layer.values.f32.data() + begin * elements;
  if (layout)
    decodeRows(*layout, static_cast<const uint8_t *>(output), taken * (layout->rows / capacity),
               to);
  else
    std::copy_n(static_cast<const float *>(output), taken * elements, to);
  std::fill_n(layer.entries.begin() + begin, taken, from);
  return true;
}

const LayerRecord::Layer *LayerRecord::find(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &kept[found->second];
}

bool LayerRecord::sameValues(const LayerRecord &other) const {
  auto isGiven = [](int entry) { return entry >= 0; };
  return kept.size() == other.kept.size() && llvm::all_of(kept, [&](const Layer &layer) {
           const Layer *with = other.find(layer.name);
           return with && layer.values.shape == with->values.shape &&
                  std::memcmp(layer.values.f32.data(), with->values.f32.data(),
                              layer.values.f32.size() * sizeof(float)) == 0 &&
                  llvm::equal(llvm::map_range(layer.entries, isGiven),
                              llvm::map_range(with->entries, isGiven));
         });
}
