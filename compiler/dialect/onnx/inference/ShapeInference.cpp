#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "compiler/dialect/onnx/inference/Rules.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace bluec::onnx;

ShapeInference::ShapeInference(MLIRContext *context) : context(context) {}

ShapeInference::ShapeInference(func::FuncOp function) : context(function.getContext()) {
  if (auto symbolNames = function->getAttrOfType<ArrayAttr>(kSymbolsAttr))
    for (Attribute name : symbolNames)
      if (auto string = dyn_cast<StringAttr>(name))
        symbol(string.getValue());
}

AffineExpr ShapeInference::symbol(StringRef name) {
  auto [entry, isNew] = positions.try_emplace(name, names.size());
  if (isNew)
    names.push_back(name.str());
  return getAffineSymbolExpr(entry->second, context);
}

std::optional<Exprs> ShapeInference::dimsOf(Type type, StringRef name) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return std::nullopt;
  auto written = dyn_cast_or_null<DimsAttr>(tensor.getEncoding());
  Exprs dims;
  for (auto [i, extent] : llvm::enumerate(tensor.getShape())) {
    if (!ShapedType::isDynamic(extent))
      dims.push_back(getAffineConstantExpr(extent, context));
    else if (written && i < written.getMap().getNumResults() &&
             written.getMap().getNumSymbols() <= names.size())
      dims.push_back(written.getMap().getResult(static_cast<unsigned>(i)));
    else
      dims.push_back(symbol((name + "." + Twine(i)).str()));
  }
  return dims;
}

Type ShapeInference::typeOf(const ValueFacts &facts) const {
  if (!facts.elementType)
    return NoneType::get(context);
  if (!facts.dims)
    return UnrankedTensorType::get(facts.elementType);
  SmallVector<int64_t> shape;
  bool isStatic = true;
  unsigned numSymbols = 0;
  for (AffineExpr dim : *facts.dims) {
    std::optional<int64_t> value = constantOf(dim);
    isStatic &= value.has_value();
    shape.push_back(value.value_or(ShapedType::kDynamic));
    dim.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        numSymbols = std::max(numSymbols, symbol.getPosition() + 1);
    });
  }
  Attribute encoding;
  if (!isStatic)
    encoding = DimsAttr::get(context, AffineMap::get(0, numSymbols, *facts.dims, context));
  return RankedTensorType::get(shape, facts.elementType, encoding);
}

const ValueFacts &ShapeInference::facts(Value value) {
  auto [entry, isNew] = known.try_emplace(value);
  if (!isNew)
    return entry->second;
  ValueFacts facts;
  if (auto tensor = dyn_cast<TensorType>(value.getType())) {
    facts.elementType = tensor.getElementType();
    std::string name = "arg";
    if (auto argument = dyn_cast<BlockArgument>(value))
      name += std::to_string(argument.getArgNumber());
    facts.dims = dimsOf(tensor, name);
  }
  return known[value] = std::move(facts);
}

void ShapeInference::set(Value value, ValueFacts facts) {
  value.setType(typeOf(facts));
  known[value] = std::move(facts);
}

static const InferenceRules &allRules() {
  static const InferenceRules rules = [] {
    InferenceRules all;
    addElementwiseRules(all);
    addProductRules(all);
    addQuantizationRules(all);
    addExpertRules(all);
    addMovementRules(all);
    addIndexingRules(all);
    addReductionRules(all);
    addAttentionRules(all);
    return all;
  }();
  return rules;
}

// The elements of a small integer constant.
static std::optional<Exprs> elementsOf(Attribute value) {
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense || !isa<IntegerType>(dense.getElementType()) ||
      dense.getNumElements() > ShapeInference::kMaxElements)
    return std::nullopt;
  bool isUnsigned =
      dense.getElementType().isUnsignedInteger() || dense.getElementType().isInteger(1);
  Exprs elements;
  for (const APInt &element : dense.getValues<APInt>())
    elements.push_back(getAffineConstantExpr(
        isUnsigned ? static_cast<int64_t>(element.getZExtValue()) : element.getSExtValue(),
        value.getContext()));
  return elements;
}

// An If has the outputs of its branches; what they do not agree on is unknown.
static LogicalResult inferIf(IfOp op, ShapeInference &inference) {
  for (Region *region : {&op.getThenBranch(), &op.getElseBranch()})
    if (failed(inference.infer(region->front())))
      return failure();
  Operation *thenYield = op.getThenBranch().front().getTerminator();
  Operation *elseYield = op.getElseBranch().front().getTerminator();
  NodeFacts node(inference, op);
  if (thenYield->getNumOperands() != op.getNumResults() ||
      elseYield->getNumOperands() != op.getNumResults())
    return node.error() << "expected branches of " << op.getNumResults() << " outputs, found "
                        << thenYield->getNumOperands() << " and " << elseYield->getNumOperands();
  for (unsigned i = 0; i < op.getNumResults(); ++i) {
    ValueFacts a = inference.facts(thenYield->getOperand(i));
    ValueFacts b = inference.facts(elseYield->getOperand(i));
    if (a.elementType != b.elementType)
      return node.error() << "expected branches of one element type, found " << a.elementType
                          << " and " << b.elementType << " for output " << i;
    if (!a.dims || !b.dims || a.dims->size() != b.dims->size()) {
      if (failed(node.set(i, a.elementType, std::nullopt)))
        return failure();
      continue;
    }
    for (auto [mine, other] : llvm::zip_equal(*a.dims, *b.dims))
      if (!isEqual(mine, other))
        mine = AffineExpr();
    if (failed(node.set(i, a.elementType, a.dims)))
      return failure();
  }
  return success();
}

LogicalResult ShapeInference::infer(Operation *op) {
  if (isa<NoneOp, WeightOp>(op)) {
    facts(op->getResult(0));
    return success();
  }
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    ValueFacts facts;
    auto type = cast<ShapedType>(constant.getValue().getType());
    facts.elementType = type.getElementType();
    facts.dims.emplace();
    for (int64_t extent : type.getShape())
      facts.dims->push_back(getAffineConstantExpr(extent, context));
    facts.elements = elementsOf(constant.getValueAttr());
    set(constant.getResult(), std::move(facts));
    return success();
  }
  if (auto branch = dyn_cast<IfOp>(op))
    return inferIf(branch, *this);
  auto rule = allRules().find(op->getName().getStringRef());
  if (rule == allRules().end()) {
    if (isa<NodeOpInterface>(op))
      return NodeFacts(*this, op).error() << "expected an op with a rule of inference";
    return success(); // not a node: its types stay as they are
  }
  NodeFacts node(*this, op);
  return rule->second(node);
}

LogicalResult ShapeInference::infer(Block &block) {
  for (Operation &op : block)
    if (failed(infer(&op)))
      return failure();
  return success();
}

void bluec::onnx::updateSignature(func::FuncOp function, const ShapeInference &inference) {
  Builder builder(function.getContext());
  SmallVector<Type> inputs(function.getBody().getArgumentTypes());
  SmallVector<Type> results(function.getBody().back().getTerminator()->getOperandTypes());
  function.setFunctionType(builder.getFunctionType(inputs, results));
  SmallVector<StringRef> names(inference.symbols().begin(), inference.symbols().end());
  function->setAttr(kSymbolsAttr, builder.getStrArrayAttr(names));
}

LogicalResult bluec::onnx::inferFunction(func::FuncOp function) {
  ShapeInference inference(function);
  if (failed(inference.infer(function.getBody().front())))
    return failure();
  updateSignature(function, inference);
  return success();
}

LogicalResult bluec::onnx::bindSymbols(func::FuncOp function,
                                       ArrayRef<std::pair<AffineExpr, int64_t>> extents) {
  ShapeInference inference(function);
  for (BlockArgument argument : function.getArguments()) {
    ValueFacts facts = inference.facts(argument);
    if (!facts.dims)
      continue;
    for (AffineExpr &dim : *facts.dims)
      for (auto [symbol, extent] : extents)
        dim = dim.replace(symbol, getAffineConstantExpr(extent, function.getContext()));
    inference.set(argument, std::move(facts));
  }
  // Afresh, on the new argument types; the list of symbols has to be the one that they refer to.
  updateSignature(function, inference);
  return inferFunction(function);
}
