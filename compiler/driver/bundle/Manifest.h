// manifest.json. The fields and their meaning are in runtime/abi/BundleFormat.h.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_MANIFEST_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_MANIFEST_H

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/bundle/BundleWriter.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace bluec {

/// Keeps the order in which fields were added, so that the same input gives the same bytes.
using Json = nlohmann::ordered_json;

/// What entry points there are: name, kind, capacity, device, arena, inputs, outputs, number of
/// steps.
Json describeEntryPoints(mlir::ModuleOp plan);
/// Weights, KV cache, arenas and predicted peak in bytes; by entry the tensors of its arena with
/// offset, bytes and lifetime (first and last step; -1 is before the first one).
Json describeMemoryPlan(mlir::ModuleOp plan);
/// How exact the model is: weights by segment and type; modules (numbers of layers left out) with
/// the types of weights and activations; the KV cache's type. Bytes that weights share count once
/// in segments. Requires the plan's steps.
Json describePrecision(mlir::ModuleOp plan);
/// Layers that were made one with others (fold-projector, fuse-downsampling): entry, layer, whether
/// it gathers downsampled tokens, how many linear layers it replaces, and the operations of a call
/// at capacity. And what it saves: steps, bytes of the gathered rows, operations. Requires the
/// plan's steps.
Json describeFusions(mlir::ModuleOp plan);
/// {name, triple, cpu, features: [...]}.
Json describeTarget(plan::TargetAttr target);

/// The text of a manifest: `fields` in order, then files, the names of those that nothing loads
/// (sources, a program), and the checksum.
std::string renderManifest(Json fields, const std::map<std::string, BundleFile> &files,
                           llvm::ArrayRef<std::string> others);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_MANIFEST_H
