#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec::onnx;

#include "compiler/dialect/onnx/OnnxDialect.cpp.inc"
#include "compiler/dialect/onnx/OnnxInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/onnx/OnnxAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/onnx/OnnxOps.cpp.inc"

ParseResult bluec::onnx::detail::parseNode(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::UnresolvedOperand, 4> operands;
  FunctionType type;
  SMLoc operandsAt = parser.getCurrentLocation();
  if (parser.parseOperandList(operands))
    return failure();
  SMLoc attributesAt = parser.getCurrentLocation();
  if (parser.parseOptionalAttrDict(result.attributes) ||
      failed(result.name.verifyInherentAttrs(
          result.attributes,
          [&] { return parser.emitError(attributesAt) << "'" << result.name << "' op "; })) ||
      parser.parseColonType(type))
    return failure();
  result.addTypes(type.getResults());
  return parser.resolveOperands(operands, type.getInputs(), operandsAt, result.operands);
}

void bluec::onnx::detail::printNode(OpAsmPrinter &printer, Operation *op, Attribute defaults) {
  SmallVector<StringRef> elided;
  if (auto values = dyn_cast_if_present<DictionaryAttr>(defaults))
    for (NamedAttribute value : values)
      if (op->getInherentAttr(value.getName()) == value.getValue())
        elided.push_back(value.getName());
  printer << ' ' << op->getOperands();
  printer.printOptionalAttrDict(op->getAttrs(), elided);
  printer << " : ";
  printer.printFunctionalType(op->getOperandTypes(), op->getResultTypes());
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

void OnnxDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/onnx/OnnxAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/onnx/OnnxOps.cpp.inc"
      >();
}

std::vector<NodeSchema> bluec::onnx::listNodeSchemas(MLIRContext &context) {
  context.getOrLoadDialect<OnnxDialect>();
  std::vector<NodeSchema> schemas;
  for (RegisteredOperationName name :
       context.getRegisteredOperationsByDialect(OnnxDialect::getDialectNamespace()))
    if (auto *node = name.getInterface<NodeOpInterface>())
      schemas.push_back(node->getSchema());
  llvm::sort(schemas, [](const NodeSchema &a, const NodeSchema &b) {
    return std::tie(a.domain, a.type) < std::tie(b.domain, b.type);
  });
  return schemas;
}

bool bluec::onnx::isGraph(FunctionOpInterface function) {
  if (function.isExternal())
    return false;
  return llvm::any_of(function.getFunctionBody().front(),
                      [](Operation &op) { return isa_and_nonnull<OnnxDialect>(op.getDialect()); });
}
