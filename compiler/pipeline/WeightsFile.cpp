#include "compiler/pipeline/WeightsFile.h"

#include "compiler/pipeline/BundleWriter.h"
#include "runtime/core/Sha256.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace bluec;

namespace {

/// Floats at a weight's start by which weights are told apart without reading them whole. (Of a
/// transposed weight each stands on a page of its own.)
constexpr size_t fingerprintFloats = 64;

/// All that packed bytes follow from but the floats that are read.
using Packing = std::tuple<const void *, const void *, const void *, std::string>;
/// What tells a weight without reading anything.
using Origin = std::tuple<const void *, const void *, Packing>;

Packing packingOf(plan::WeightOp weight) {
  blue::QuantizeAttr quantization = quantizationOf(weight);
  // What a calibration run has seen belongs to one weight by name.
  bool named = quantization && quantization.getMethod() == blue::QuantizeMethod::Gptq;
  return {weight.getPackedAttr().getAsOpaquePointer(), weight.getSegmentAttr().getAsOpaquePointer(),
          quantization.getAsOpaquePointer(), named ? weight.getSymName().str() : ""};
}

Origin originOf(plan::WeightOp weight) {
  return {weight.getValue().getAsOpaquePointer(), weight.getTransforms().getAsOpaquePointer(),
          packingOf(weight)};
}

} // namespace

LogicalResult bluec::digestWeights(ModuleOp module, WeightReader &reader,
                                   const StreamOptions &options) {
  // One of each origin is read, and only as much as tells it from the others.
  llvm::MapVector<Origin, SmallVector<plan::WeightOp>> byOrigin;
  std::map<Packing, SmallVector<Origin>> byPacking;
  for (auto weight : module.getOps<plan::WeightOp>()) {
    SmallVector<plan::WeightOp> &same = byOrigin[originOf(weight)];
    if (same.empty())
      byPacking[packingOf(weight)].push_back(originOf(weight));
    same.push_back(weight);
  }
  std::map<std::pair<Packing, std::string>, SmallVector<Origin>> byStart;
  for (const auto &[packing, origins] : byPacking) {
    for (const Origin &origin : origins) {
      std::string start;
      auto keepStart = [&](ArrayRef<float> rows) {
        rows = rows.take_front(fingerprintFloats);
        start.assign(reinterpret_cast<const char *>(rows.data()), rows.size() * sizeof(float));
        return false;
      };
      StreamOptions oneRow;
      oneRow.pieceBytes = 0;
      if (origins.size() > 1 && failed(streamRows(byOrigin[origin][0], reader, keepStart, oneRow)))
        return failure();
      byStart[{packing, std::move(start)}].push_back(origin);
    }
  }
  for (const auto &[start, origins] : byStart) {
    if (origins.size() < 2)
      continue;
    for (const Origin &origin : origins) {
      ArrayRef<plan::WeightOp> weights = byOrigin[origin];
      runtime::Sha256 hash;
      if (failed(streamRows(
              weights[0], reader,
              [&](ArrayRef<float> rows) {
                hash.update(rows.data(), rows.size() * sizeof(float));
                return true;
              },
              options)))
        return failure();
      std::string digest = hexDigits(hash.finish());
      for (plan::WeightOp weight : weights)
        weight.setDigest(digest);
    }
  }
  return success();
}

FailureOr<std::array<uint8_t, 32>> bluec::writeWeights(ModuleOp module, WeightReader &reader,
                                                       llvm::raw_ostream &out,
                                                       const StreamOptions &options) {
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
    if (failed(streamWeight(weight, reader, put, options)))
      return failure();
    if (written != offset + weight.getPackedBytes())
      return weight.emitError() << "expected " << weight.getPackedBytes() << " packed bytes, found "
                                << written - offset,
             failure();
  }
  padTo(total.getInt());
  return hash.finish();
}
