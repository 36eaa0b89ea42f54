#include "compiler/driver/bundle/WeightsFile.h"

#include "compiler/driver/bundle/BundleWriter.h"
#include "runtime/platform/Checksums.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <tuple>
#include <unistd.h>

using namespace mlir;
using namespace bluec;

namespace {

/// Floats at a weight's start by which weights are told apart without reading them whole. (Of a
/// transposed weight is on a page of its own.)
constexpr size_t kFingerprintFloats = 64;
/// Bytes of a file that are read at a time.
constexpr size_t kReadBytes = size_t{1} << 20;

/// Of the rows that a weight's packed bytes are made from: nothing is quantized for it.
FailureOr<std::string> hashRows(plan::WeightOp weight, WeightReader &reader) {
  runtime::Sha256 hash = runtime::fastSha256();
  if (failed(streamRows(weight, reader, [&](ArrayRef<float> rows) {
        hash.update(rows.data(), rows.size() * sizeof(float));
        return true;
      })))
    return failure();
  return hexDigits(hash.finish());
}

FailureOr<std::string> fingerprintOf(plan::WeightOp weight, WeightReader &reader) {
  std::string start;
  auto keepStart = [&](ArrayRef<float> rows) {
    rows = rows.take_front(kFingerprintFloats);
    start.assign(reinterpret_cast<const char *>(rows.data()), rows.size() * sizeof(float));
    return false;
  };
  if (failed(streamRows(weight, reader, keepStart, /*pieceBytes=*/0)))
    return failure();
  return start;
}

/// Of the bytes that a weight is made from, as they are in the model's file. Their pages leave
/// memory as soon as they have been read.
FailureOr<std::string> hashSource(plan::WeightOp weight, WeightReader &reader) {
  auto source = cast<blue::SourceAttr>(weight.getValue());
  FailureOr<ArrayRef<char>> bytes = reader.bytes(source, [&] { return weight.emitError(); });
  if (failed(bytes))
    return failure();
  auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  runtime::Sha256 hash = runtime::fastSha256();
  for (size_t at = 0; at < bytes->size(); at += kReadBytes) {
    ArrayRef<char> piece = bytes->slice(at, std::min(kReadBytes, bytes->size() - at));
    hash.update(piece.data(), piece.size());
    uintptr_t begin = reinterpret_cast<uintptr_t>(piece.data()) / page * page;
    uintptr_t end = reinterpret_cast<uintptr_t>(piece.end()) / page * page;
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }
  return hexDigits(hash.finish());
}

/// function(weight, result) for every weight, several at a time.
template <typename Function>
FailureOr<std::vector<std::string>>
forEachWeight(MLIRContext *context, ArrayRef<plan::WeightOp> weights, Function function) {
  std::vector<std::string> results(weights.size());
  auto compute = [&](size_t i) -> LogicalResult {
    FailureOr<std::string> result = function(weights[i]);
    if (succeeded(result))
      results[i] = std::move(*result);
    return result;
  };
  if (failed(failableParallelForEachN(context, 0, weights.size(), compute)))
    return failure();
  return results;
}

/// What is said about the elements of a weight, apart from where its bytes are.
std::tuple<const void *, const void *> descriptionOf(plan::WeightOp weight) {
  return {weight.getSourceType().getAsOpaquePointer(),
          weight.getTransformsAttr().getAsOpaquePointer()};
}

/// Gives weights that are made in the same way from the same bytes the same source.
LogicalResult unifySources(MLIRContext *context, ArrayRef<plan::WeightOp> group,
                           WeightReader &reader) {
  std::map<std::tuple<const void *, const void *>, llvm::SmallSetVector<Attribute, 4>> sources;
  for (plan::WeightOp weight : group)
    if (isa<blue::SourceAttr>(weight.getValue()))
      sources[descriptionOf(weight)].insert(weight.getValue());
  SmallVector<plan::WeightOp> doubtful;
  for (plan::WeightOp weight : group)
    if (isa<blue::SourceAttr>(weight.getValue()) && sources[descriptionOf(weight)].size() > 1)
      doubtful.push_back(weight);
  auto hashes =
      forEachWeight(context, doubtful, [&](plan::WeightOp w) { return hashSource(w, reader); });
  if (failed(hashes))
    return failure();
  std::map<std::tuple<const void *, const void *, std::string>, Attribute> first;
  for (auto [weight, hash] : llvm::zip_equal(doubtful, *hashes)) {
    auto [type, transforms] = descriptionOf(weight);
    Attribute known = first.try_emplace({type, transforms, hash}, weight.getValue()).first->second;
    weight.setValueAttr(known);
  }
  return success();
}

/// Digests where weights are still told apart by what is said about them.
LogicalResult digestGroup(MLIRContext *context, ArrayRef<plan::WeightOp> group,
                          WeightReader &reader) {
  using Description = std::tuple<Attribute, Attribute>;
  auto describe = [](plan::WeightOp w) { return Description{w.getValue(), w.getTransformsAttr()}; };
  llvm::MapVector<Description, plan::WeightOp> distinct;
  for (plan::WeightOp weight : group)
    distinct.try_emplace(describe(weight), weight);
  if (distinct.size() < 2)
    return success();
  SmallVector<plan::WeightOp> weights = llvm::to_vector(llvm::make_second_range(distinct));
  auto digests =
      forEachWeight(context, weights, [&](plan::WeightOp w) { return hashRows(w, reader); });
  if (failed(digests))
    return failure();
  for (plan::WeightOp weight : group) {
    auto place = distinct.find(describe(weight)) - distinct.begin();
    weight.setDigest((*digests)[static_cast<size_t>(place)]);
  }
  return success();
}

} // namespace

LogicalResult bluec::digestWeights(ModuleOp module, WeightReader &reader) {
  MLIRContext *context = module.getContext();
  auto weights = llvm::to_vector(module.getOps<plan::WeightOp>());
  auto starts = forEachWeight(context, weights,
                              [&](plan::WeightOp weight) { return fingerprintOf(weight, reader); });
  if (failed(starts))
    return failure();
  // All that packed bytes follow from, but the rows after their start.
  using Key = std::tuple<const void *, const void *, const void *, std::string, std::string>;
  llvm::MapVector<Key, SmallVector<plan::WeightOp>, std::map<Key, unsigned>> groups;
  for (auto [weight, start] : llvm::zip_equal(weights, *starts)) {
    blue::QuantizeAttr quantization = quantizationOf(weight);
    // What a calibration run has seen belongs to one weight, by name.
    bool isNamed = quantization && quantization.getMethod() == blue::QuantizeMethod::Gptq;
    groups[Key{weight.getPackedAttr().getAsOpaquePointer(),
               weight.getSegmentAttr().getAsOpaquePointer(), quantization.getAsOpaquePointer(),
               isNamed ? weight.getSymName().str() : "", start}]
        .push_back(weight);
  }
  for (auto &[key, group] : groups)
    if (group.size() > 1 && (failed(unifySources(context, group, reader)) ||
                             failed(digestGroup(context, group, reader))))
      return failure();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The file
//===------------------------------------------------------------------------------------------===//

namespace {

/// A file that several threads write and read at places of their own. Keeps the first error.
class PositionedFile {
public:
  /// Creates it, `bytes` long and zero.
  PositionedFile(StringRef path, int64_t bytes)
      : file(::open(path.str().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file < 0 || ::ftruncate(file, bytes) != 0)
      fail();
  }
  PositionedFile(const PositionedFile &) = delete;
  PositionedFile &operator=(const PositionedFile &) = delete;
  ~PositionedFile() {
    if (file >= 0)
      ::close(file);
  }

  /// False after an error.
  bool write(ArrayRef<char> bytes, int64_t offset) {
    while (!bytes.empty() && !error) {
      ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), offset);
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0) {
        fail();
        return false;
      }
      bytes = bytes.drop_front(static_cast<size_t>(written));
      offset += written;
    }
    return !error;
  }

  bool read(llvm::MutableArrayRef<char> bytes, int64_t offset) {
    while (!bytes.empty() && !error) {
      ssize_t got = ::pread(file, bytes.data(), bytes.size(), offset);
      if (got < 0 && errno == EINTR)
        continue;
      if (got == 0)
        errno = EIO; // somebody else has cut it short
      if (got <= 0) {
        fail();
        return false;
      }
      bytes = bytes.drop_front(static_cast<size_t>(got));
      offset += got;
    }
    return !error;
  }

  int firstError() const { return error; }

private:
  void fail() {
    int none = 0;
    error.compare_exchange_strong(none, errno);
  }

  int file;
  std::atomic<int> error{0};
};

/// The weight of each range, largest first: the last ones to be taken are then small, and all
/// threads end at about the same time.
FailureOr<SmallVector<plan::WeightOp>> placedWeights(ModuleOp module) {
  std::map<int64_t, plan::WeightOp> byOffset;
  for (auto weight : module.getOps<plan::WeightOp>()) {
    if (!weight.getOffset())
      return weight.emitError("expected an offset (assign-weights)"), failure();
    byOffset.try_emplace(static_cast<int64_t>(*weight.getOffset()), weight);
  }
  SmallVector<plan::WeightOp> weights = llvm::to_vector(llvm::make_second_range(byOffset));
  llvm::stable_sort(weights, [](plan::WeightOp a, plan::WeightOp b) {
    return a.getPackedBytes() > b.getPackedBytes();
  });
  return weights;
}

FailureOr<int64_t> totalBytes(ModuleOp module) {
  auto total = module->getAttrOfType<IntegerAttr>(plan::kWeightsBytesAttr);
  if (!total || total.getInt() < 0)
    return module.emitError() << "expected " << plan::kWeightsBytesAttr << " (assign-weights)",
           failure();
  return total.getInt();
}

/// Streams every weight to use(bytes, offset), several weights at a time; false ends the stream.
LogicalResult streamWeights(ModuleOp module, WeightReader &reader,
                            llvm::function_ref<bool(ArrayRef<char>, int64_t)> use) {
  FailureOr<SmallVector<plan::WeightOp>> weights = placedWeights(module);
  if (failed(weights))
    return failure();
  return failableParallelForEach(
      module.getContext(), *weights, [&](plan::WeightOp weight) -> LogicalResult {
        int64_t done = 0;
        auto offset = static_cast<int64_t>(*weight.getOffset());
        bool goesOn = true;
        if (failed(streamWeight(weight, reader, [&](ArrayRef<char> bytes) {
              goesOn = use(bytes, offset + done);
              done += static_cast<int64_t>(bytes.size());
              return goesOn;
            })))
          return failure();
        if (goesOn && done != weight.getPackedBytes())
          return weight.emitError()
                 << "expected " << weight.getPackedBytes() << " packed bytes, found " << done;
        return success();
      });
}

/// The hash of the whole file takes one thread, the blocks' checksums the others.
WeightsDigest digestFile(MLIRContext *context, PositionedFile &file, int64_t total) {
  WeightsDigest result;
  result.blocks.resize(static_cast<size_t>((total + kBlockBytes - 1) / kBlockBytes));
  auto pieces = [&](int64_t begin, int64_t end, auto use) {
    std::vector<char> piece(kReadBytes);
    for (int64_t at = begin; at < end;) {
      auto count = std::min(static_cast<size_t>(end - at), piece.size());
      if (!file.read(llvm::MutableArrayRef<char>(piece).take_front(count), at))
        return;
      use(piece.data(), count);
      at += static_cast<int64_t>(count);
    }
  };
  parallelFor(context, 0, result.blocks.size() + 1, [&](size_t task) {
    if (task == 0) {
      runtime::Sha256 hash = runtime::fastSha256();
      pieces(0, total, [&](const char *data, size_t count) { hash.update(data, count); });
      result.sha256 = hash.finish();
      return;
    }
    uint32_t sum = 0;
    int64_t begin = static_cast<int64_t>(task - 1) * kBlockBytes;
    pieces(begin, std::min(total, begin + kBlockBytes),
           [&](const char *data, size_t count) { sum = runtime::crc32c(data, count, sum); });
    result.blocks[task - 1] = sum;
  });
  return result;
}

} // namespace

llvm::Expected<FailureOr<WeightsDigest>> bluec::writeWeights(ModuleOp module, WeightReader &reader,
                                                             llvm::StringRef path,
                                                             const WeightsProgress &progress) {
  FailureOr<int64_t> total = totalBytes(module);
  if (failed(total))
    return FailureOr<WeightsDigest>(failure());
  PositionedFile file(path, *total);
  std::mutex guard;
  int64_t done = 0;
  auto put = [&](ArrayRef<char> bytes, int64_t offset) {
    if (!file.write(bytes, offset))
      return false;
    std::lock_guard<std::mutex> lock(guard);
    done += static_cast<int64_t>(bytes.size());
    if (progress)
      progress(done, *total);
    return true;
  };
  auto ioError = [&] {
    std::error_code code(file.firstError(), std::generic_category());
    return llvm::createStringError(code, "weights.bin: " + code.message());
  };
  if (file.firstError())
    return ioError();
  if (failed(streamWeights(module, reader, put)))
    return FailureOr<WeightsDigest>(failure());
  WeightsDigest digest = digestFile(module.getContext(), file, *total);
  if (file.firstError())
    return ioError();
  return FailureOr<WeightsDigest>(std::move(digest));
}

LogicalResult bluec::compareWeights(ModuleOp module, WeightReader &reader,
                                    ArrayRef<uint8_t> bytes) {
  FailureOr<int64_t> total = totalBytes(module);
  if (failed(total))
    return failure();
  if (*total != static_cast<int64_t>(bytes.size()))
    return module.emitError() << "weights.bin: expected " << *total << " bytes, found "
                              << bytes.size();
  std::mutex guard;
  int64_t firstBad = *total;
  auto compare = [&](ArrayRef<char> piece, int64_t offset) {
    if (offset + static_cast<int64_t>(piece.size()) <= *total &&
        std::memcmp(piece.data(), bytes.data() + offset, piece.size()) == 0)
      return true;
    std::lock_guard<std::mutex> lock(guard);
    firstBad = std::min(firstBad, offset);
    return false;
  };
  if (failed(streamWeights(module, reader, compare)))
    return failure();
  if (firstBad == *total)
    return success();
  for (auto weight : module.getOps<plan::WeightOp>()) {
    auto offset = static_cast<int64_t>(*weight.getOffset());
    if (offset <= firstBad && firstBad < offset + weight.getPackedBytes())
      return weight.emitError() << "weights.bin: expected weight " << weight.getSymName()
                                << " as the reference has it, found another";
  }
  return module.emitError("weights.bin: expected the weights of the reference, found others");
}
