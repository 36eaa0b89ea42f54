#include "compiler/import/onnx/GraphImport.h"

#include "compiler/base/Quoted.h"
#include "compiler/dialect/onnx/DataTypes.h"
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/dialect/onnx/inference/Rules.h"
#include "compiler/dialect/onnx/inference/ShapeInference.h"
#include "compiler/import/onnx/AttributeImport.h"
#include "compiler/import/onnx/DimExpression.h"
#include "compiler/import/onnx/LocalFunctions.h"
#include "compiler/import/onnx/ModuleScope.h"
#include "compiler/import/onnx/NodeOrder.h"
#include "compiler/import/onnx/OnnxFile.h"
#include "compiler/import/onnx/TensorImport.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace bluec {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

// Names of values. A subgraph sees those of the graph around it.
struct Scope {
  llvm::StringMap<Value> values;
  const Scope *outer = nullptr;

  Value lookup(StringRef name) const {
    for (const Scope *scope = this; scope; scope = scope->outer)
      if (auto found = scope->values.find(name); found != scope->values.end())
        return found->second;
    return {};
  }
};

class GraphImporter {
public:
  GraphImporter(const OnnxFile &file, ModuleOp module)
      : file(file), module(module), context(module.getContext()), builder(context),
        inference(context), fileLoc(NameLoc::get(builder.getStringAttr(file.name()))),
        functions(file.model()) {}

  LogicalResult importAs(StringRef functionName);

private:
  InFlightDiagnostic fileError() { return emitError(fileLoc); }
  LogicalResult report(Location loc, llvm::Error error) {
    return emitError(loc) << llvm::toString(std::move(error));
  }

  FailureOr<onnx::ValueFacts> importInput(const ::onnx::ValueInfoProto &input);
  void relateMaskToCache(ArrayRef<std::string> names, MutableArrayRef<onnx::ValueFacts> facts);
  LogicalResult importInitializers(const ::onnx::GraphProto &graph, Scope &scope);
  LogicalResult importNodes(const Nodes &nodes, Scope &scope, int depth,
                            const LocalFunction *of = nullptr,
                            const ::onnx::NodeProto *call = nullptr);
  LogicalResult importNode(const ::onnx::NodeProto &node, Scope &scope, int depth);
  LogicalResult importConstant(const ::onnx::NodeProto &node, Location loc, Scope &scope);
  LogicalResult importCall(const ::onnx::NodeProto &node, const LocalFunction &function,
                           Location loc, Scope &scope, int depth);
  LogicalResult importIf(const ::onnx::NodeProto &node, OperationState &state, Scope &scope,
                         int depth);
  LogicalResult importOperands(const ::onnx::NodeProto &node, const onnx::NodeSchema &schema,
                               OperationState &state, Scope &scope);
  LogicalResult importAttributes(const ::onnx::NodeProto &node, OperationState &state);
  LogicalResult importResultTypes(const ::onnx::NodeProto &node, const onnx::NodeSchema &schema,
                                  OperationState &state);
  LogicalResult define(StringRef name, Value value, Location loc, Scope &scope);
  FailureOr<SmallVector<Value>> importOutputs(const ::onnx::GraphProto &graph, const Scope &scope);
  Location locationOf(const ::onnx::NodeProto &node);
  Value none();

  const OnnxFile &file;
  ModuleOp module;
  MLIRContext *context;
  OpBuilder builder;
  onnx::ShapeInference inference;
  Location fileLoc;
  const LocalFunctions functions;
  SmallVector<const LocalFunction *> calls; // under way, the outermost first
  std::string callPath;                     // their nodes' names, each with a slash behind it
  llvm::StringMap<unsigned> nodeNames;      // how often a name was used
  Block *entry = nullptr;
  Value noneValue;
  unsigned numNodes = 0, numInlined = 0; // the latter in functions, and their bytes
  size_t bytesInlined = 0;
};

} // namespace

Location GraphImporter::locationOf(const ::onnx::NodeProto &node) {
  constexpr size_t kMaxLength = 500;
  std::string name = node.name().substr(0, kMaxLength);
  if (name.empty())
    name = node.op_type().substr(0, kMaxLength) + "#" + std::to_string(numNodes);
  name = callPath + name;
  unsigned uses = nodeNames[name]++;
  if (uses > 0)
    name += "#" + std::to_string(uses + 1);
  return NameLoc::get(builder.getStringAttr(name));
}

Value GraphImporter::none() {
  if (!noneValue) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    noneValue =
        onnx::NoneOp::create(builder, fileLoc, builder.getNoneType(), builder.getUnitAttr());
  }
  return noneValue;
}

LogicalResult GraphImporter::define(StringRef name, Value value, Location loc, Scope &scope) {
  if (!scope.values.try_emplace(name, value).second)
    return emitError(loc) << "expected a new name for a value, found " << inQuotes(name)
                          << " for the second time";
  return success();
}

FailureOr<onnx::ValueFacts> GraphImporter::importInput(const ::onnx::ValueInfoProto &input) {
  auto fault = [&]() -> InFlightDiagnostic {
    return fileError() << "input " << inQuotes(input.name()) << ": ";
  };
  if (!input.type().has_tensor_type())
    return fault() << "expected a tensor";
  const ::onnx::TypeProto_Tensor &tensor = input.type().tensor_type();
  onnx::ValueFacts facts;
  facts.elementType = onnx::elementTypeOf(context, tensor.elem_type());
  if (!facts.elementType)
    return fault() << "expected an element type that bluec has, found "
                   << onnx::dataTypeName(tensor.elem_type());
  if (!tensor.has_shape())
    return fault() << "expected a shape";
  constexpr int kMaxRank = 16;
  if (tensor.shape().dim_size() > kMaxRank)
    return fault() << "expected a rank of at most " << kMaxRank << ", found "
                   << tensor.shape().dim_size();
  facts.dims.emplace();
  int64_t count = 1;
  for (auto [i, dim] : llvm::enumerate(tensor.shape().dim())) {
    if (!dim.has_dim_value()) {
      std::string name =
          dim.dim_param().empty() ? input.name() + "." + std::to_string(i) : dim.dim_param();
      facts.dims->push_back(parseDimExpression(name, inference));
      continue;
    }
    int64_t value = dim.dim_value();
    // Old exporters write 0 or -1 for a dim that they do not know.
    if (value < -1 || value > onnx::ShapeInference::kMaxDim)
      return fault() << "expected dims from 1 to " << onnx::ShapeInference::kMaxDim << ", found "
                     << value;
    if (value <= 0)
      facts.dims->push_back(inference.symbol(input.name() + "." + std::to_string(i)));
    else
      facts.dims->push_back(getAffineConstantExpr(value, context));
    if (value > 0 && __builtin_mul_overflow(count, value, &count))
      return fault() << "expected a shape whose elements can be counted, found dims that overflow";
  }
  return facts;
}

// In a decoder the attention mask covers past and new tokens. Some exporters say so in its dims,
// others give its length a symbol of its own; here it becomes the sum.
void GraphImporter::relateMaskToCache(ArrayRef<std::string> names,
                                      MutableArrayRef<onnx::ValueFacts> facts) {
  AffineExpr past, length;
  onnx::ValueFacts *mask = nullptr;
  for (auto [name, fact] : llvm::zip_equal(names, facts)) {
    size_t rank = fact.dims->size();
    if (name == "attention_mask" && rank == 2)
      mask = &fact;
    else if ((name == "inputs_embeds" && rank == 3) || (name == "input_ids" && rank == 2))
      length = (*fact.dims)[1];
    else if (StringRef(name).starts_with("past_key_values.") && rank == 4 && !past)
      past = (*fact.dims)[2];
  }
  if (mask && past && length && isa<AffineSymbolExpr>((*mask->dims)[1]))
    if (AffineExpr total = onnx::add(past, length))
      (*mask->dims)[1] = total;
}

LogicalResult GraphImporter::importInitializers(const ::onnx::GraphProto &graph, Scope &scope) {
  if (graph.sparse_initializer_size() != 0)
    return fileError() << "expected dense initializers, found a sparse one";
  OpBuilder::InsertionGuard guard(builder);
  // Those of subgraphs too are at the start of the function: their values do not depend on it.
  builder.setInsertionPointToStart(entry);
  for (const ::onnx::TensorProto &tensor : graph.initializer()) {
    Location loc = NameLoc::get(builder.getStringAttr(tensor.name()));
    llvm::Expected<Value> value = importTensor(file, tensor, tensor.name(), builder, loc);
    if (!value)
      return report(fileLoc, value.takeError());
    if (failed(define(tensor.name(), *value, fileLoc, scope)) ||
        failed(inference.infer(value->getDefiningOp())))
      return failure();
  }
  return success();
}

LogicalResult GraphImporter::importConstant(const ::onnx::NodeProto &node, Location loc,
                                            Scope &scope) {
  if (node.attribute_size() != 1 || node.output_size() != 1)
    return emitError(loc) << "Constant: expected one attribute and one output, found "
                          << node.attribute_size() << " and " << node.output_size();
  const ::onnx::AttributeProto &attribute = node.attribute(0);
  Value value;
  if (attribute.type() == ::onnx::AttributeProto::TENSOR) {
    llvm::Expected<Value> tensor = importTensor(file, attribute.t(), node.output(0), builder, loc);
    if (!tensor)
      return report(loc, tensor.takeError());
    value = *tensor;
  } else {
    llvm::Expected<Attribute> data = importAttribute(file, attribute, builder);
    if (!data)
      return report(loc, data.takeError());
    DenseElementsAttr elements;
    if (auto integer = dyn_cast<IntegerAttr>(*data))
      elements = DenseElementsAttr::get(RankedTensorType::get({}, integer.getType()), *data);
    else if (auto number = dyn_cast<FloatAttr>(*data))
      elements = DenseElementsAttr::get(RankedTensorType::get({}, number.getType()), *data);
    else if (auto integers = dyn_cast<DenseI64ArrayAttr>(*data))
      elements = DenseElementsAttr::get(
          RankedTensorType::get({integers.size()}, builder.getI64Type()), integers.asArrayRef());
    else if (auto numbers = dyn_cast<DenseF32ArrayAttr>(*data))
      elements = DenseElementsAttr::get(
          RankedTensorType::get({numbers.size()}, builder.getF32Type()), numbers.asArrayRef());
    else
      return emitError(loc) << "Constant: expected numbers, found attribute "
                            << inQuotes(attribute.name());
    value = onnx::ConstantOp::create(builder, loc, elements.getType(), elements);
  }
  if (failed(define(node.output(0), value, loc, scope)))
    return failure();
  return inference.infer(value.getDefiningOp());
}

LogicalResult GraphImporter::importOperands(const ::onnx::NodeProto &node,
                                            const onnx::NodeSchema &schema, OperationState &state,
                                            Scope &scope) {
  int given = node.input_size();
  while (given > 0 && node.input(given - 1).empty())
    --given; // trailing inputs that are left out
  if (!schema.variadicInputs && given > static_cast<int>(schema.numInputs))
    return emitError(state.location) << schema.type << ": expected at most " << schema.numInputs
                                     << " inputs, found " << given;
  constexpr int kMaxInputs = 1 << 14;
  if (given > kMaxInputs)
    return emitError(state.location)
           << schema.type << ": expected at most " << kMaxInputs << " inputs, found " << given;
  for (int i = 0; i < given; ++i) {
    const std::string &name = node.input(i);
    if (name.empty()) {
      state.operands.push_back(none());
      continue;
    }
    Value value = scope.lookup(name);
    if (!value)
      return emitError(state.location) << schema.type << ": expected a value, found input "
                                       << inQuotes(name) << ", which nothing makes";
    state.operands.push_back(value);
  }
  // Optional inputs at the end that the node does not mention.
  if (!schema.variadicInputs)
    while (state.operands.size() < schema.numInputs)
      state.operands.push_back(none());
  return success();
}

LogicalResult GraphImporter::importAttributes(const ::onnx::NodeProto &node,
                                              OperationState &state) {
  StringRef type = node.op_type();
  ArrayRef<StringAttr> knownNames = state.name.getAttributeNames();
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    llvm::Expected<Attribute> value = importAttribute(file, attribute, builder);
    if (!value)
      return report(state.location, value.takeError());
    StringRef name = attribute.name();
    // Before opset 18 the axes of most reductions are an attribute; here they are an operand.
    if (name == "axes" && type.starts_with("Reduce") && isa<DenseI64ArrayAttr>(*value) &&
        isa<NoneType>(state.operands[1].getType())) {
      auto axes = cast<DenseI64ArrayAttr>(*value);
      auto elements = DenseElementsAttr::get(
          RankedTensorType::get({axes.size()}, builder.getI64Type()), axes.asArrayRef());
      auto constant =
          onnx::ConstantOp::create(builder, state.location, elements.getType(), elements);
      if (failed(inference.infer(constant)))
        return failure();
      state.operands[1] = constant;
      continue;
    }
    if (llvm::none_of(knownNames, [&](StringAttr known) { return known.getValue() == name; }))
      return emitError(state.location)
             << type << ": expected known attributes, found " << inQuotes(name);
    if (state.attributes.get(name))
      return emitError(state.location)
             << type << ": expected attribute " << inQuotes(name) << " once, found it twice";
    state.addAttribute(name, *value);
  }
  NamedAttrList attributes(state.attributes);
  return state.name.verifyInherentAttrs(attributes, [&] { return emitError(state.location); });
}

LogicalResult GraphImporter::importResultTypes(const ::onnx::NodeProto &node,
                                               const onnx::NodeSchema &schema,
                                               OperationState &state) {
  // A type for the time until inference has been there.
  Type unknown = UnrankedTensorType::get(builder.getF32Type());
  int given = node.output_size();
  if (given == 0)
    return emitError(state.location) << schema.type << ": expected an output, found none";
  if (!schema.variadicOutputs && given > static_cast<int>(schema.numOutputs))
    return emitError(state.location) << schema.type << ": expected at most " << schema.numOutputs
                                     << " outputs, found " << given;
  for (int i = 0; i < given; ++i)
    state.types.push_back(
        node.output(i).empty() && !schema.variadicOutputs ? Type(builder.getNoneType()) : unknown);
  if (!schema.variadicOutputs)
    while (state.types.size() < schema.numOutputs)
      state.types.push_back(builder.getNoneType());
  return success();
}

LogicalResult GraphImporter::importIf(const ::onnx::NodeProto &node, OperationState &state,
                                      Scope &scope, int depth) {
  // then_branch comes first in the op, in whatever order the file has them.
  const ::onnx::GraphProto *branches[2] = {nullptr, nullptr};
  for (const ::onnx::AttributeProto &attribute : node.attribute())
    for (int i : {0, 1})
      if (attribute.name() == (i == 0 ? "then_branch" : "else_branch") && attribute.has_g())
        branches[i] = &attribute.g();
  if (!branches[0] || !branches[1] || node.attribute_size() != 2)
    return emitError(state.location) << "If: expected the graphs then_branch and else_branch";
  constexpr int kMaxDepth = 8;
  if (depth >= kMaxDepth)
    return emitError(state.location)
           << "If: expected graphs nested at most " << kMaxDepth << " deep, found more";
  for (const ::onnx::GraphProto *graph : branches) {
    if (graph->input_size() != 0)
      return emitError(state.location)
             << "If: expected branches without inputs, found " << graph->input_size();
    Block *block = &state.addRegion()->emplaceBlock();
    OpBuilder::InsertionGuard guard(builder);
    Scope inner;
    inner.outer = &scope;
    if (failed(importInitializers(*graph, inner)))
      return failure();
    builder.setInsertionPointToEnd(block);
    if (failed(importNodes(graph->node(), inner, depth + 1)))
      return failure();
    FailureOr<SmallVector<Value>> outputs = importOutputs(*graph, inner);
    if (failed(outputs))
      return failure();
    builder.setInsertionPointToEnd(block);
    onnx::YieldOp::create(builder, state.location, *outputs);
  }
  return success();
}

LogicalResult GraphImporter::importNode(const ::onnx::NodeProto &node, Scope &scope, int depth) {
  ++numNodes;
  Location loc = locationOf(node);
  StringRef domain = node.domain() == "ai.onnx" ? "" : StringRef(node.domain());
  StringRef type = node.op_type();
  if (const LocalFunction *function = functions.find(node))
    return importCall(node, *function, loc, scope, depth);
  if (domain.empty() && type == "Constant")
    return importConstant(node, loc, scope);
  std::string opName = (domain == "com.microsoft" ? "onnx.ms." : "onnx.") + type.str();
  std::optional<RegisteredOperationName> registered =
      RegisteredOperationName::lookup(opName, context);
  auto *schemaOf = registered ? registered->getInterface<onnx::NodeOpInterface>() : nullptr;
  if (!schemaOf || schemaOf->getSchema().domain != domain || schemaOf->getSchema().type != type)
    return emitError(loc) << "expected an op that bluec has, found " << inQuotes(type)
                          << (domain.empty() ? "" : " of domain " + inQuotes(domain));
  onnx::NodeSchema schema = schemaOf->getSchema();

  OperationState state(loc, *registered);
  if (failed(importOperands(node, schema, state, scope)) ||
      failed(importResultTypes(node, schema, state)))
    return failure();
  bool isIf = domain.empty() && type == "If";
  if (failed(isIf ? importIf(node, state, scope, depth) : importAttributes(node, state)))
    return failure();
  if (std::string path = modulePathOf(node); !path.empty())
    state.addAttribute(onnx::kScopeAttr, builder.getStringAttr(path));
  Operation *op = builder.create(state);
  if (failed(op->getName().verifyInvariants(op)))
    return failure();
  // What is in a branch is inferred with the If around it.
  if (depth == 0 && failed(inference.infer(op)))
    return failure();
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty() &&
        failed(define(node.output(i), op->getResult(static_cast<unsigned>(i)), loc, scope)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importNodes(const Nodes &nodes, Scope &scope, int depth,
                                         const LocalFunction *of, const ::onnx::NodeProto *call) {
  const NodeOrder order = orderNodes(nodes);
  if (order.onCycle >= 0) {
    const ::onnx::NodeProto &node = nodes.Get(order.onCycle);
    return emitError(locationOf(node))
           << node.op_type() << ": expected nodes without a cycle, found input "
           << inQuotes(order.cyclicInput) << ", which follows from this node";
  }
  for (int i : order.nodes)
    if (failed(importNode(of ? withAttributesOf(nodes.Get(i), *of, *call) : nodes.Get(i), scope,
                          depth)))
      return failure();
  return success();
}

/// A local function takes the place of the node that calls it. Its body sees its inputs alone.
LogicalResult GraphImporter::importCall(const ::onnx::NodeProto &node,
                                        const LocalFunction &function, Location loc, Scope &scope,
                                        int depth) {
  constexpr size_t kMaxCalls = 32;
  constexpr unsigned kMaxInlined = 1u << 18; // of a model; real ones have some thousand
  constexpr size_t kMaxInlinedBytes = size_t{64} << 20;
  const ::onnx::FunctionProto &proto = *function.proto;
  auto fault = [&]() -> InFlightDiagnostic {
    return emitError(loc) << "function " << inQuotes(proto.name()) << ": ";
  };
  if (llvm::is_contained(calls, &function))
    return fault() << "expected functions that do not call themselves, found one that does";
  if (calls.size() >= kMaxCalls)
    return fault() << "expected functions in functions at most " << kMaxCalls
                   << " deep, found more";
  numInlined += static_cast<unsigned>(proto.node_size());
  bytesInlined += proto.ByteSizeLong();
  if (numInlined > kMaxInlined || bytesInlined > kMaxInlinedBytes)
    return fault() << "expected at most " << kMaxInlined << " nodes and "
                   << (kMaxInlinedBytes >> 20) << " MB of functions in all, found more";
  if (node.input_size() > proto.input_size() || node.output_size() > proto.output_size())
    return fault() << "expected at most " << proto.input_size() << " inputs and "
                   << proto.output_size() << " outputs, found " << node.input_size() << " and "
                   << node.output_size();
  for (const ::onnx::AttributeProto &attribute : node.attribute())
    if (!llvm::is_contained(proto.attribute(), attribute.name()) &&
        llvm::none_of(function.defaults, [&](const ::onnx::AttributeProto &known) {
          return known.name() == attribute.name();
        }))
      return fault() << "expected known attributes, found " << inQuotes(attribute.name());

  Scope inner;
  for (int i = 0; i < proto.input_size(); ++i) {
    Value value;
    if (i >= node.input_size() || node.input(i).empty())
      value = none();
    else if (!(value = scope.lookup(node.input(i))))
      return fault() << "expected a value, found input " << inQuotes(node.input(i))
                     << ", which nothing makes";
    if (failed(define(proto.input(i), value, loc, inner)))
      return failure();
  }
  std::string path = (cast<NameLoc>(loc).getName().getValue() + "/").str();
  path = std::exchange(callPath, path);
  calls.push_back(&function);
  LogicalResult done = importNodes(proto.node(), inner, depth, &function, &node);
  calls.pop_back();
  callPath = path;
  if (failed(done))
    return failure();
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty())
      continue;
    Value value = inner.lookup(proto.output(i));
    if (!value || isa<NoneType>(value.getType()))
      return fault() << "output " << inQuotes(proto.output(i))
                     << ": expected a value, found none of that name";
    if (failed(define(node.output(i), value, loc, scope)))
      return failure();
  }
  return success();
}

FailureOr<SmallVector<Value>> GraphImporter::importOutputs(const ::onnx::GraphProto &graph,
                                                           const Scope &scope) {
  SmallVector<Value> outputs;
  llvm::StringSet<> names;
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    Value value = scope.lookup(output.name());
    if (!value)
      return fileError() << "output " << inQuotes(output.name())
                         << ": expected a value, found none of that name";
    if (!names.insert(output.name()).second)
      return fileError() << "output " << inQuotes(output.name())
                         << ": expected it once, found twice";
    outputs.push_back(value);
  }
  if (outputs.empty())
    return fileError() << "expected a graph with outputs, found none";
  return outputs;
}

LogicalResult GraphImporter::importAs(StringRef functionName) {
  const ::onnx::GraphProto &graph = file.model().graph();
  llvm::StringSet<> initializers;
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());

  std::vector<std::string> names;
  SmallVector<onnx::ValueFacts> facts;
  for (const ::onnx::ValueInfoProto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue; // the default of an input is what its initializer says: never overridden here
    FailureOr<onnx::ValueFacts> fact = importInput(input);
    if (failed(fact))
      return failure();
    names.push_back(input.name());
    facts.push_back(std::move(*fact));
  }
  relateMaskToCache(names, facts);

  SmallVector<Type> inputTypes;
  for (const onnx::ValueFacts &fact : facts)
    inputTypes.push_back(inference.typeOf(fact));
  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(builder, fileLoc, functionName, builder.getFunctionType(inputTypes, {}));
  auto cleanUp = llvm::scope_exit([&] { function.erase(); });
  function->setAttr(onnx::kFileAttr, builder.getStringAttr(file.name()));
  entry = function.addEntryBlock();
  Scope scope;
  for (unsigned i = 0; i < names.size(); ++i) {
    function.setArgAttr(i, onnx::kNameAttr, builder.getStringAttr(names[i]));
    inference.set(entry->getArgument(i), facts[i]);
    if (failed(define(names[i], entry->getArgument(i), fileLoc, scope)))
      return failure();
  }
  if (failed(importInitializers(graph, scope)))
    return failure();
  builder.setInsertionPointToEnd(entry);
  if (failed(importNodes(graph.node(), scope, 0)))
    return failure();
  FailureOr<SmallVector<Value>> outputs = importOutputs(graph, scope);
  if (failed(outputs))
    return failure();
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, fileLoc, *outputs);
  for (Operation &op : llvm::make_early_inc_range(*entry))
    if (isa<onnx::ConstantOp, onnx::WeightOp>(op) && op.use_empty())
      op.erase();
  onnx::updateSignature(function, inference);
  for (auto [i, output] : llvm::enumerate(graph.output()))
    function.setResultAttr(static_cast<unsigned>(i), onnx::kNameAttr,
                           builder.getStringAttr(output.name()));
  cleanUp.release();
  return success();
}

LogicalResult importOnnxFile(ModelFiles &files, StringRef fileName, StringRef functionName,
                             ModuleOp module) {
  module.getContext()->loadDialect<func::FuncDialect, onnx::OnnxDialect>();
  llvm::Expected<std::unique_ptr<OnnxFile>> file = OnnxFile::open(files, fileName);
  if (!file)
    return emitError(NameLoc::get(StringAttr::get(module.getContext(), fileName)))
           << llvm::toString(file.takeError());
  return GraphImporter(**file, module).importAs(functionName);
}

} // namespace bluec
