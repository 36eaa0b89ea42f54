#include "passes/kernels/lower_entries/LowerEntries.h"

#include "passes/kernels/lower_entries/EntryFunctions.h"
#include "passes/kernels/lower_entries/ModelDescriptor.h"
#include "runtime/abi/bluec_abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_LOWERENTRIES
#include "passes/kernels/lower_entries/LowerEntries.h.inc"

namespace {

class LowerEntriesPass : public impl::LowerEntriesBase<LowerEntriesPass> {
public:
  using LowerEntriesBase::LowerEntriesBase;
  void runOnOperation() override;

private:
  abi::ModelOp makeModel(plan::TargetAttr target);
};

/// "+avx2,+fma" as the contract has it: names without signs.
std::string withoutSigns(StringRef features) {
  return llvm::join(llvm::map_range(llvm::split(features, ','),
                                    [](StringRef feature) { return feature.ltrim('+').str(); }),
                    ",");
}

} // namespace

abi::ModelOp LowerEntriesPass::makeModel(plan::TargetAttr target) {
  ModuleOp module = getOperation();
  auto integer = [&](StringRef name) {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto number = [&](int64_t value) { return b.getI64IntegerAttr(value); };
  auto model = abi::ModelOp::create(
      b, module.getLoc(), b.getStringAttr(BLUEC_MODEL_SYMBOL), b.getStringAttr(producer),
      b.getStringAttr(target.getName()), b.getStringAttr(target.getTriple()),
      b.getStringAttr(withoutSigns(target.getFeatures())), number(BLUEC_ALIGNMENT),
      number(integer(plan::kWeightsBytesAttr)), number(integer(plan::kCacheBytesAttr)),
      number(integer(plan::kContextAttr)),
      module->getAttrOfType<IntegerAttr>(plan::kRingPositionsAttr),
      module->getAttrOfType<IntegerAttr>(plan::kRingBackAttr), number(hidden), number(vocabulary),
      number(tokensPerTile), number(tileHeight), number(tileWidth), DenseI8ArrayAttr());
  model.getBody().emplaceBlock();
  return model;
}

void LowerEntriesPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto target = plan::requireTarget(module);
  if (!target)
    return signalPassFailure();
  SymbolTable symbols(module);
  abi::ModelOp model = makeModel(target);
  ModelDescriptor descriptor(model, symbols);
  if (failed(descriptor.addSegments(module)))
    return signalPassFailure();
  for (auto entry : llvm::make_early_inc_range(module.getOps<plan::EntryOp>())) {
    FailureOr<EntryFunctions> functions = makeEntryFunctions(entry, symbols);
    if (failed(functions) || failed(descriptor.addEntry(entry, *functions)))
      return signalPassFailure();
    ++numEntries;
    numSteps += functions->steps.size();
    entry.erase();
  }
  // Caches are offsets now; weights are still to be written.
  for (auto cache : llvm::make_early_inc_range(module.getOps<plan::CacheOp>()))
    cache.erase();
  // Behind the functions that it names, as a reader wants it.
  model->moveBefore(module.getBody(), module.getBody()->end());
}

} // namespace bluec::kernels
