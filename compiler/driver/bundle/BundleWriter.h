// A bundle's directory in the making.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_BUNDLEWRITER_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_BUNDLEWRITER_H

#include "compiler/driver/bundle/StagingDirectory.h"

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bluec {

/// A file of a bundle as the manifest lists it.
struct BundleFile {
  uint64_t bytes = 0;
  std::string sha256;           // 64 lower-case digits
  std::vector<uint32_t> blocks; // CRC-32C of each kBlockBytes; empty for files that are hashed
};

/// Bytes of a block with its own checksum: a reader checks them on all threads.
inline constexpr int64_t kBlockBytes = int64_t{4} << 20;

std::string hexDigits(llvm::ArrayRef<uint8_t> bytes);
/// Size and hash of a file, read a piece at a time.
llvm::Expected<BundleFile> describeFile(llvm::StringRef path);

/// Files go to a staging directory beside `output`; `commit` exchanges the two. Without commit the
/// staging directory is removed, and `output` is as it was.
class BundleWriter {
public:
  /// What an output is: a bundle, or a directory with a bundle in each of its folders, which have
  /// the names of their targets.
  enum class Output { Bundle, Bundles };

  /// Fails when `output` may not be written: its parent is missing, it is no directory, or it holds
  /// something else than what was written there before: a file that no manifest names is
  /// somebody's.
  static llvm::Expected<std::unique_ptr<BundleWriter>> create(llvm::StringRef output,
                                                              Output kind = Output::Bundle);
  BundleWriter(const BundleWriter &) = delete;
  BundleWriter &operator=(const BundleWriter &) = delete;

  /// From now on, names are those of files in this folder of the output, which is made.
  llvm::Error enter(llvm::StringRef folder);
  /// Where to write the file of that name.
  std::string pathOf(llvm::StringRef name) const;
  llvm::Error write(llvm::StringRef name, llvm::StringRef content);
  /// Copies all that is in a folder; none of it may be there.
  llvm::Error copyFolder(llvm::StringRef from);
  /// The names of all files that have been written, in alphabetical order.
  llvm::Expected<std::vector<std::string>> files() const;
  llvm::Error commit();

private:
  BundleWriter(std::string output, Output kind, std::unique_ptr<StagingDirectory> staging)
      : output(std::move(output)), kind(kind), staging(std::move(staging)) {}

  std::string output;
  Output kind;
  std::unique_ptr<StagingDirectory> staging;
  std::string folder; // in it; empty: none
};

/// Writes one file beside its place and moves it there; fails when `path` is a directory.
llvm::Error writeFileWhole(llvm::StringRef path, llvm::StringRef content);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_BUNDLEWRITER_H
