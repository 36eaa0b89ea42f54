#include "compiler/pipeline/WeightsFile.h"

#include "compiler/pipeline/BundleWriter.h"
#include "runtime/core/Sha256.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace bluec;

/// Bytes at a weight's start by which weights are told apart without reading them whole.
static constexpr size_t fingerprintBytes = 4096;

static llvm::StringRef text(ArrayRef<char> bytes) { return {bytes.data(), bytes.size()}; }

LogicalResult bluec::digestWeights(ModuleOp module, WeightReader &reader) {
  using Key = std::tuple<const void *, const void *, std::string>;
  std::map<Key, SmallVector<plan::WeightOp>> groups;
  for (auto weight : module.getOps<plan::WeightOp>()) {
    std::string start;
    auto keepStart = [&](ArrayRef<char> bytes) {
      start = text(bytes.take_front(fingerprintBytes)).str();
      return false;
    };
    if (failed(streamWeight(weight, reader, keepStart, fingerprintBytes)))
      return failure();
    Key key{weight.getPackedAttr().getAsOpaquePointer(),
            weight.getSegmentAttr().getAsOpaquePointer(), std::move(start)};
    groups[std::move(key)].push_back(weight);
  }
  for (auto &[key, weights] : groups) {
    if (weights.size() < 2)
      continue;
    for (plan::WeightOp weight : weights) {
      runtime::Sha256 hash;
      if (failed(streamWeight(weight, reader, [&](ArrayRef<char> bytes) {
            hash.update(bytes.data(), bytes.size());
            return true;
          })))
        return failure();
      weight.setDigest(hexDigits(hash.finish()));
    }
  }
  return success();
}

FailureOr<std::array<uint8_t, 32>> bluec::writeWeights(ModuleOp module, WeightReader &reader,
                                                       llvm::raw_ostream &out) {
  std::map<int64_t, plan::WeightOp> byOffset;
  for (auto weight : module.getOps<plan::WeightOp>()) {
    if (!weight.getOffset())
      return weight.emitError("expected an offset (assign-weights)"), failure();
    byOffset.try_emplace(static_cast<int64_t>(*weight.getOffset()), weight);
  }
  auto total = module->getAttrOfType<IntegerAttr>(plan::kWeightsBytesAttr);
  if (!total)
    return module.emitError() << "expected " << plan::kWeightsBytesAttr << " (assign-weights)",
           failure();

  // (LLVM's own SHA-256 counts bits in 32 bits: it is wrong from 512 MiB on.)
  runtime::Sha256 hash;
  int64_t written = 0;
  auto put = [&](ArrayRef<char> bytes) {
    out.write(bytes.data(), bytes.size());
    hash.update(bytes.data(), bytes.size());
    written += static_cast<int64_t>(bytes.size());
    return true;
  };
  const std::vector<char> zeros(static_cast<size_t>(plan::kPageBytes), 0);
  auto padTo = [&](int64_t offset) {
    while (written < offset)
      put(ArrayRef<char>(zeros).take_front(
          static_cast<size_t>(std::min(offset - written, plan::kPageBytes))));
  };
  for (auto &[offset, weight] : byOffset) {
    padTo(offset);
    if (failed(streamWeight(weight, reader, put)))
      return failure();
    if (written != offset + weight.getPackedBytes())
      return weight.emitError() << "expected " << weight.getPackedBytes() << " packed bytes, found "
                                << written - offset,
             failure();
  }
  padTo(total.getInt());
  return hash.finish();
}
