// The `onnx` dialect: an ONNX graph as it came, one op a node. See README.md in this folder.
#ifndef BLUEC_DIALECT_ONNX_OPS
#define BLUEC_DIALECT_ONNX_OPS

include "compiler/dialect/onnx/OnnxInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Onnx_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::bluec::onnx";
  let summary = "ONNX graphs as exporters write them";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::bluec::blue::BlueDialect"];
}

def Onnx_DimsAttr : AttrDef<Onnx_Dialect, "Dims"> {
  let mnemonic = "dims";
  let summary = "the dims of a tensor type as expressions over named symbols";
  let description = [{
    The encoding of a ranked tensor type with dynamic dims: one result of the map for each dim, the
    static ones included. Symbol i is the i-th name of the function's `onnx.symbols`. Two dims with
    the same expression have the same extent in every call.

    ```mlir
    tensor<1x?x48xf32, #onnx.dims<()[s0, s1, s2] -> (1, s1 + s2, 48)>>
    ```
  }];
  let parameters = (ins "::mlir::AffineMap":$map);
  let assemblyFormat = "`<` $map `>`";
}

// Operand and result types. An input or output that a node leaves out has type `none`.
def Onnx_Tensor : AnyTypeOf<[AnyTensor], "a tensor">;
def Onnx_Optional : AnyTypeOf<[AnyTensor, NoneType], "a tensor or none">;

// One ONNX node type. `inputs` come in the node's order, the optional ones too; attributes have
// ONNX's names and, where the standard states one, its default.
// All print alike, by one function (printNode), and builders are for the few that bluec makes
// itself: code generated for each of so many ops is what most of the dialect's compile time was.
class Onnx_NodeBase<string mnemonic, string nodeDomain, string nodeType, dag inputs, dag attributes,
                    dag outputs, int nodeSince, list<Trait> traits>
    : Op<Onnx_Dialect, mnemonic, !listconcat([Onnx_NodeInterface], traits)> {
  int since = nodeSince;
  bit hasVariadicInputs = 0;
  bit hasVariadicOutputs = 0;
  let arguments = !con(inputs, attributes);
  let results = outputs;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$types, "::mlir::ValueRange":$operands), [{
    $_state.addTypes(types);
    $_state.addOperands(operands);
  }]>];
  code schemaDeclaration = [{
    static ::bluec::onnx::NodeSchema getSchema() {
      return {"}] # nodeDomain # [{", "}] # nodeType # [{", }] # since # ", "
             # !size(inputs) # "u, " # !size(outputs) # "u, "
             # hasVariadicInputs # " != 0, " # hasVariadicOutputs # [{ != 0};
    }
  }];
  code formatDeclaration = [{
    static ::mlir::ParseResult parse(::mlir::OpAsmParser &parser, ::mlir::OperationState &result) {
      return ::bluec::onnx::detail::parseNode(parser, result);
    }
    void print(::mlir::OpAsmPrinter &printer) {
      Properties defaults;
      populateDefaultProperties((*this)->getName(), defaults);
      ::bluec::onnx::detail::printNode(printer, *this, getPropertiesAsAttr(getContext(), defaults));
    }
  }];
  let extraClassDeclaration = schemaDeclaration # formatDeclaration;
}
class Onnx_Node<string type, dag inputs, dag attributes = (ins),
                dag outputs = (outs Onnx_Tensor:$result), int since = 13,
                list<Trait> traits = [Pure]>
    : Onnx_NodeBase<type, "", type, inputs, attributes, outputs, since, traits>;
class Onnx_MsNode<string type, dag inputs, dag attributes = (ins),
                  dag outputs = (outs Onnx_Tensor:$result), list<Trait> traits = [Pure]>
    : Onnx_NodeBase<"ms." # type, "com.microsoft", type, inputs, attributes, outputs, 1, traits>;

class Onnx_Default<Attr attr, string value> : DefaultValuedAttr<attr, value>;

//===----------------------------------------------------------------------------------------===//
// Values that are not computed
//===----------------------------------------------------------------------------------------===//

def Onnx_NoneOp : Op<Onnx_Dialect, "None", [Pure, ConstantLike]> {
  let summary = "an input that a node leaves out";
  let arguments = (ins UnitAttr:$value);
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_ConstantOp : Onnx_Node<"Constant", (ins), (ins ElementsAttr:$value),
                                (outs Onnx_Tensor:$result), 13, [Pure, ConstantLike]> {
  let summary = "a small constant: an ONNX Constant node, an initializer or a folded value";
  let extraClassDeclaration = schemaDeclaration;
  let assemblyFormat = "attr-dict $value `:` type($result)";
  let hasFolder = 1;
}
// Declared here again because including the blue dialect's table would define its ops twice.
def Onnx_SourceAttr : Attr<CPred<"::llvm::isa<::bluec::blue::SourceAttr>($_self)">,
                           "where the bytes of a weight are (#blue.source)"> {
  let storageType = [{ ::bluec::blue::SourceAttr }];
  let returnType = [{ ::bluec::blue::SourceAttr }];
  let convertFromStorage = "$_self";
}
def Onnx_WeightOp : Op<Onnx_Dialect, "Weight", [Pure]> {
  let summary = "a large initializer, by name";
  let description = [{
    The value is `source` after `transforms`, applied in order (see blue.weight).

    ```mlir
    %w = onnx.Weight "onnx::MatMul_714" <"m.onnx" at 64 : tensor<192x64xf32>>
           : tensor<192x64xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Onnx_SourceAttr:$source,
                       DefaultValuedAttr<ArrayAttr, "{}">:$transforms);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$name $source ($transforms^)? attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------------------------===//

def Onnx_YieldOp : Op<Onnx_Dialect, "Yield", [Pure, Terminator, ReturnLike]> {
  let summary = "the outputs of a subgraph";
  let arguments = (ins Variadic<Onnx_Optional>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}
def Onnx_IfOp : Onnx_Node<"If", (ins Onnx_Tensor:$cond), (ins),
                          (outs Variadic<Onnx_Tensor>:$outputs), 13,
                          [RecursiveMemoryEffects, NoRegionArguments, SingleBlock]> {
  let summary = "one of two subgraphs, which may read values of the graph around";
  let regions = (region SizedRegion<1>:$then_branch, SizedRegion<1>:$else_branch);
  let hasVariadicOutputs = 1;
  let extraClassDeclaration = schemaDeclaration;
  let assemblyFormat = [{
    $cond attr-dict `:` functional-type(operands, results) $then_branch `else` $else_branch
  }];
}

//===----------------------------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------------------------===//

class Onnx_Unary<string type, dag attributes = (ins), int since = 13>
    : Onnx_Node<type, (ins Onnx_Tensor:$x), attributes, (outs Onnx_Tensor:$result), since>;
def Onnx_AbsOp : Onnx_Unary<"Abs">;
def Onnx_CeilOp : Onnx_Unary<"Ceil">;
def Onnx_CosOp : Onnx_Unary<"Cos">;
def Onnx_EluOp : Onnx_Unary<"Elu", (ins Onnx_Default<F32Attr, "1.0f">:$alpha)>;
def Onnx_ErfOp : Onnx_Unary<"Erf">;
def Onnx_ExpOp : Onnx_Unary<"Exp">;
def Onnx_FloorOp : Onnx_Unary<"Floor">;
def Onnx_GeluOp : Onnx_Unary<"Gelu", (ins Onnx_Default<StrAttr, "\"none\"">:$approximate), 20>;
def Onnx_HardSigmoidOp : Onnx_Unary<"HardSigmoid", (ins Onnx_Default<F32Attr, "0.2f">:$alpha,
                                                        Onnx_Default<F32Attr, "0.5f">:$beta)>;
def Onnx_HardSwishOp : Onnx_Unary<"HardSwish", (ins), 14>;
def Onnx_IdentityOp : Onnx_Unary<"Identity">;
def Onnx_IsInfOp : Onnx_Unary<"IsInf", (ins Onnx_Default<I64Attr, "1">:$detect_negative,
                                            Onnx_Default<I64Attr, "1">:$detect_positive)>;
def Onnx_IsNaNOp : Onnx_Unary<"IsNaN">;
def Onnx_LeakyReluOp : Onnx_Unary<"LeakyRelu", (ins Onnx_Default<F32Attr, "0.01f">:$alpha)>;
def Onnx_LogOp : Onnx_Unary<"Log">;
def Onnx_NegOp : Onnx_Unary<"Neg">;
def Onnx_NotOp : Onnx_Unary<"Not">;
def Onnx_ReciprocalOp : Onnx_Unary<"Reciprocal">;
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_ReluOp : Onnx_Unary<"Relu">;
def Onnx_RoundOp : Onnx_Unary<"Round">;
def Onnx_SigmoidOp : Onnx_Unary<"Sigmoid">;
def Onnx_SignOp : Onnx_Unary<"Sign">;
def Onnx_SinOp : Onnx_Unary<"Sin">;
def Onnx_SoftplusOp : Onnx_Unary<"Softplus">;
def Onnx_SqrtOp : Onnx_Unary<"Sqrt">;
def Onnx_TanhOp : Onnx_Unary<"Tanh">;

def Onnx_ClipOp : Onnx_Node<"Clip", (ins Onnx_Tensor:$x, Onnx_Optional:$min, Onnx_Optional:$max)>;
def Onnx_DropoutOp
    : Onnx_Node<"Dropout", (ins Onnx_Tensor:$x, Onnx_Optional:$ratio, Onnx_Optional:$training_mode),
                (ins Onnx_Default<I64Attr, "0">:$seed),
                (outs Onnx_Tensor:$result, Onnx_Optional:$mask)>;

class Onnx_Binary<string type, dag attributes = (ins), int since = 13>
    : Onnx_Node<type, (ins Onnx_Tensor:$lhs, Onnx_Tensor:$rhs), attributes,
                (outs Onnx_Tensor:$result), since>;
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_AddOp : Onnx_Binary<"Add">;
def Onnx_AndOp : Onnx_Binary<"And">;
def Onnx_DivOp : Onnx_Binary<"Div">;
def Onnx_EqualOp : Onnx_Binary<"Equal">;
def Onnx_GreaterOp : Onnx_Binary<"Greater">;
def Onnx_GreaterOrEqualOp : Onnx_Binary<"GreaterOrEqual">;
def Onnx_LessOp : Onnx_Binary<"Less">;
def Onnx_LessOrEqualOp : Onnx_Binary<"LessOrEqual">;
def Onnx_ModOp : Onnx_Binary<"Mod", (ins Onnx_Default<I64Attr, "0">:$fmod)>;
def Onnx_MulOp : Onnx_Binary<"Mul">;
def Onnx_OrOp : Onnx_Binary<"Or">;
def Onnx_PowOp : Onnx_Binary<"Pow">;
def Onnx_SubOp : Onnx_Binary<"Sub">;
def Onnx_XorOp : Onnx_Binary<"Xor">;

class Onnx_Nary<string type>
    : Onnx_Node<type, (ins Variadic<Onnx_Tensor>:$inputs)> {
  let hasVariadicInputs = 1;
}
def Onnx_MaxOp : Onnx_Nary<"Max">;
def Onnx_MeanOp : Onnx_Nary<"Mean">;
def Onnx_MinOp : Onnx_Nary<"Min">;
def Onnx_SumOp : Onnx_Nary<"Sum">;

def Onnx_CastOp : Onnx_Node<"Cast", (ins Onnx_Tensor:$x), (ins
    I64Attr:$to, Onnx_Default<I64Attr, "1">:$saturate)> {
  let summary = "`to` is a number of ONNX's TensorProto.DataType; the result type says the same";
}
def Onnx_CastLikeOp : Onnx_Node<"CastLike", (ins Onnx_Tensor:$x, Onnx_Tensor:$target_type), (ins
    Onnx_Default<I64Attr, "1">:$saturate), (outs Onnx_Tensor:$result), 15>;
def Onnx_WhereOp : Onnx_Node<"Where", (ins Onnx_Tensor:$condition, Onnx_Tensor:$x, Onnx_Tensor:$y)>;

//===----------------------------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------------------------===//

let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_MatMulOp : Onnx_Binary<"MatMul">;
def Onnx_GemmOp : Onnx_Node<"Gemm", (ins Onnx_Tensor:$a, Onnx_Tensor:$b, Onnx_Optional:$c), (ins
    Onnx_Default<F32Attr, "1.0f">:$alpha, Onnx_Default<F32Attr, "1.0f">:$beta,
    Onnx_Default<I64Attr, "0">:$transA, Onnx_Default<I64Attr, "0">:$transB)>;
def Onnx_EinsumOp : Onnx_Nary<"Einsum"> {
  let arguments = (ins Variadic<Onnx_Tensor>:$inputs, StrAttr:$equation);
}
def Onnx_ConvOp : Onnx_Node<"Conv", (ins Onnx_Tensor:$x, Onnx_Tensor:$w, Onnx_Optional:$b), (ins
    Onnx_Default<StrAttr, "\"NOTSET\"">:$auto_pad, OptionalAttr<DenseI64ArrayAttr>:$dilations,
    Onnx_Default<I64Attr, "1">:$group, OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
    OptionalAttr<DenseI64ArrayAttr>:$pads, OptionalAttr<DenseI64ArrayAttr>:$strides)>;
def Onnx_AveragePoolOp : Onnx_Node<"AveragePool", (ins Onnx_Tensor:$x), (ins
    Onnx_Default<StrAttr, "\"NOTSET\"">:$auto_pad, Onnx_Default<I64Attr, "0">:$ceil_mode,
    Onnx_Default<I64Attr, "0">:$count_include_pad, OptionalAttr<DenseI64ArrayAttr>:$dilations,
    DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides)>;

//===----------------------------------------------------------------------------------------===//
// Shapes and indices
//===----------------------------------------------------------------------------------------===//

def Onnx_ConcatOp : Onnx_Nary<"Concat"> {
  let arguments = (ins Variadic<Onnx_Tensor>:$inputs, I64Attr:$axis);
}
def Onnx_ConstantOfShapeOp : Onnx_Node<"ConstantOfShape", (ins Onnx_Tensor:$shape), (ins
    OptionalAttr<ElementsAttr>:$value)>;
def Onnx_CumSumOp : Onnx_Node<"CumSum", (ins Onnx_Tensor:$x, Onnx_Tensor:$axis), (ins
    Onnx_Default<I64Attr, "0">:$exclusive, Onnx_Default<I64Attr, "0">:$reverse), (outs
    Onnx_Tensor:$result), 14>;
def Onnx_DepthToSpaceOp : Onnx_Node<"DepthToSpace", (ins Onnx_Tensor:$x), (ins
    I64Attr:$blocksize, Onnx_Default<StrAttr, "\"DCR\"">:$mode)>;
def Onnx_ExpandOp : Onnx_Node<"Expand", (ins Onnx_Tensor:$x, Onnx_Tensor:$shape)>;
def Onnx_FlattenOp : Onnx_Unary<"Flatten", (ins Onnx_Default<I64Attr, "1">:$axis)>;
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_GatherOp : Onnx_Node<"Gather", (ins Onnx_Tensor:$data, Onnx_Tensor:$indices), (ins
    Onnx_Default<I64Attr, "0">:$axis)>;
def Onnx_GatherElementsOp : Onnx_Node<"GatherElements", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$indices), (ins Onnx_Default<I64Attr, "0">:$axis)>;
def Onnx_GatherNDOp : Onnx_Node<"GatherND", (ins Onnx_Tensor:$data, Onnx_Tensor:$indices), (ins
    Onnx_Default<I64Attr, "0">:$batch_dims)>;
def Onnx_PadOp : Onnx_Node<"Pad", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$pads, Onnx_Optional:$constant_value, Onnx_Optional:$axes), (ins
    Onnx_Default<StrAttr, "\"constant\"">:$mode)>;
def Onnx_RangeOp : Onnx_Node<"Range", (ins
    Onnx_Tensor:$start, Onnx_Tensor:$limit, Onnx_Tensor:$delta)>;
def Onnx_ResizeOp : Onnx_Node<"Resize", (ins
    Onnx_Tensor:$x, Onnx_Optional:$roi, Onnx_Optional:$scales, Onnx_Optional:$sizes), (ins
    Onnx_Default<I64Attr, "0">:$antialias, OptionalAttr<DenseI64ArrayAttr>:$axes,
    Onnx_Default<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
    Onnx_Default<F32Attr, "-0.75f">:$cubic_coeff_a, Onnx_Default<I64Attr, "0">:$exclude_outside,
    Onnx_Default<F32Attr, "0.0f">:$extrapolation_value,
    Onnx_Default<StrAttr, "\"stretch\"">:$keep_aspect_ratio_policy,
    Onnx_Default<StrAttr, "\"nearest\"">:$mode,
    Onnx_Default<StrAttr, "\"round_prefer_floor\"">:$nearest_mode)>;
def Onnx_ReshapeOp : Onnx_Node<"Reshape", (ins Onnx_Tensor:$data, Onnx_Tensor:$shape), (ins
    Onnx_Default<I64Attr, "0">:$allowzero)>;
def Onnx_ScatterElementsOp : Onnx_Node<"ScatterElements", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$indices, Onnx_Tensor:$updates), (ins
    Onnx_Default<I64Attr, "0">:$axis, Onnx_Default<StrAttr, "\"none\"">:$reduction)>;
def Onnx_ScatterNDOp : Onnx_Node<"ScatterND", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$indices, Onnx_Tensor:$updates), (ins
    Onnx_Default<StrAttr, "\"none\"">:$reduction)>;
def Onnx_ShapeOp : Onnx_Node<"Shape", (ins Onnx_Tensor:$data), (ins
    Onnx_Default<I64Attr, "0">:$start, OptionalAttr<I64Attr>:$end)>;
def Onnx_SizeOp : Onnx_Node<"Size", (ins Onnx_Tensor:$data)>;
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_SliceOp : Onnx_Node<"Slice", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$starts, Onnx_Tensor:$ends, Onnx_Optional:$axes,
    Onnx_Optional:$steps)>;
def Onnx_SpaceToDepthOp : Onnx_Unary<"SpaceToDepth", (ins I64Attr:$blocksize)>;
def Onnx_SplitOp : Onnx_Node<"Split", (ins Onnx_Tensor:$x, Onnx_Optional:$split), (ins
    Onnx_Default<I64Attr, "0">:$axis, OptionalAttr<I64Attr>:$num_outputs), (outs
    Variadic<Onnx_Tensor>:$outputs)> {
  let hasVariadicOutputs = 1;
}
def Onnx_SqueezeOp : Onnx_Node<"Squeeze", (ins Onnx_Tensor:$data, Onnx_Optional:$axes)>;
def Onnx_TileOp : Onnx_Node<"Tile", (ins Onnx_Tensor:$x, Onnx_Tensor:$repeats)>;
def Onnx_TransposeOp : Onnx_Unary<"Transpose", (ins OptionalAttr<DenseI64ArrayAttr>:$perm)>;
def Onnx_TriluOp : Onnx_Node<"Trilu", (ins Onnx_Tensor:$x, Onnx_Optional:$k), (ins
    Onnx_Default<I64Attr, "1">:$upper), (outs Onnx_Tensor:$result), 14>;
def Onnx_UnsqueezeOp : Onnx_Node<"Unsqueeze", (ins Onnx_Tensor:$data, Onnx_Tensor:$axes)>;

//===----------------------------------------------------------------------------------------===//
// Reductions and normalisations
//===----------------------------------------------------------------------------------------===//

class Onnx_Reduce<string type>
    : Onnx_Node<type, (ins Onnx_Tensor:$data, Onnx_Optional:$axes),
                (ins Onnx_Default<I64Attr, "1">:$keepdims,
                     Onnx_Default<I64Attr, "0">:$noop_with_empty_axes),
                (outs Onnx_Tensor:$result), 18>;
def Onnx_ReduceL2Op : Onnx_Reduce<"ReduceL2">;
def Onnx_ReduceMaxOp : Onnx_Reduce<"ReduceMax">;
def Onnx_ReduceMeanOp : Onnx_Reduce<"ReduceMean">;
def Onnx_ReduceMinOp : Onnx_Reduce<"ReduceMin">;
def Onnx_ReduceProdOp : Onnx_Reduce<"ReduceProd">;
def Onnx_ReduceSumOp : Onnx_Reduce<"ReduceSum">;
def Onnx_ReduceSumSquareOp : Onnx_Reduce<"ReduceSumSquare">;
def Onnx_ArgMaxOp : Onnx_Unary<"ArgMax", (ins
    Onnx_Default<I64Attr, "0">:$axis, Onnx_Default<I64Attr, "1">:$keepdims,
    Onnx_Default<I64Attr, "0">:$select_last_index)>;

def Onnx_SoftmaxOp : Onnx_Unary<"Softmax", (ins Onnx_Default<I64Attr, "-1">:$axis)>;
def Onnx_LogSoftmaxOp : Onnx_Unary<"LogSoftmax", (ins Onnx_Default<I64Attr, "-1">:$axis)>;
def Onnx_LayerNormalizationOp : Onnx_Node<"LayerNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$scale, Onnx_Optional:$b), (ins
    Onnx_Default<I64Attr, "-1">:$axis, Onnx_Default<F32Attr, "1.0e-5f">:$epsilon,
    Onnx_Default<I64Attr, "1">:$stash_type), (outs
    Onnx_Tensor:$result, Onnx_Optional:$mean, Onnx_Optional:$inv_std_dev), 17>;
def Onnx_RMSNormalizationOp : Onnx_Node<"RMSNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$scale), (ins
    Onnx_Default<I64Attr, "-1">:$axis, Onnx_Default<F32Attr, "1.0e-5f">:$epsilon,
    Onnx_Default<I64Attr, "1">:$stash_type), (outs Onnx_Tensor:$result), 23>;
// onnxruntime's own node, which stands in the standard domain all the same.
def Onnx_SimplifiedLayerNormalizationOp : Onnx_Node<"SimplifiedLayerNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$scale), (ins
    Onnx_Default<I64Attr, "-1">:$axis, Onnx_Default<F32Attr, "1.0e-5f">:$epsilon,
    Onnx_Default<I64Attr, "1">:$stash_type), (outs
    Onnx_Tensor:$result, Onnx_Optional:$inv_std_dev)>;

//===----------------------------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------------------------===//

def Onnx_AttentionOp : Onnx_Node<"Attention", (ins
    Onnx_Tensor:$q, Onnx_Tensor:$k, Onnx_Tensor:$v, Onnx_Optional:$attn_mask,
    Onnx_Optional:$past_key, Onnx_Optional:$past_value), (ins
    Onnx_Default<I64Attr, "0">:$is_causal, OptionalAttr<I64Attr>:$kv_num_heads,
    OptionalAttr<I64Attr>:$q_num_heads, Onnx_Default<I64Attr, "0">:$qk_matmul_output_mode,
    OptionalAttr<F32Attr>:$scale, Onnx_Default<F32Attr, "0.0f">:$softcap,
    OptionalAttr<I64Attr>:$softmax_precision), (outs
    Onnx_Tensor:$result, Onnx_Optional:$present_key, Onnx_Optional:$present_value,
    Onnx_Optional:$qk_matmul_output), 23>;
def Onnx_RotaryEmbeddingOp : Onnx_Node<"RotaryEmbedding", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$cos_cache, Onnx_Tensor:$sin_cache, Onnx_Optional:$position_ids),
    (ins Onnx_Default<I64Attr, "0">:$interleaved, Onnx_Default<I64Attr, "0">:$num_heads,
    Onnx_Default<I64Attr, "0">:$rotary_embedding_dim), (outs Onnx_Tensor:$result), 23>;

//===----------------------------------------------------------------------------------------===//
// Weights that are quantized already, and activations on their way
//===----------------------------------------------------------------------------------------===//

let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_DequantizeLinearOp : Onnx_Node<"DequantizeLinear", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$x_scale, Onnx_Optional:$x_zero_point), (ins
    Onnx_Default<I64Attr, "1">:$axis, Onnx_Default<I64Attr, "0">:$block_size,
    Onnx_Default<I64Attr, "0">:$output_dtype)> {
  let summary = "(x - zero_point) * scale, by tensor, by axis or by blocks along an axis";
}
def Onnx_QuantizeLinearOp : Onnx_Node<"QuantizeLinear", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$y_scale, Onnx_Optional:$y_zero_point), (ins
    Onnx_Default<I64Attr, "1">:$axis, Onnx_Default<I64Attr, "0">:$block_size,
    Onnx_Default<I64Attr, "0">:$output_dtype, Onnx_Default<I64Attr, "0">:$precision,
    Onnx_Default<I64Attr, "1">:$saturate)> {
  let summary = "x / scale, to the nearest even integer, + zero_point, within the integers' range";
}
def Onnx_DynamicQuantizeLinearOp : Onnx_Node<"DynamicQuantizeLinear", (ins Onnx_Tensor:$x), (ins),
                                             (outs Onnx_Tensor:$y, Onnx_Tensor:$y_scale,
                                              Onnx_Tensor:$y_zero_point)> {
  let summary = "x as bytes, by a scale and a zero point of its own range";
}
def Onnx_MatMulIntegerOp : Onnx_Node<"MatMulInteger", (ins
    Onnx_Tensor:$a, Onnx_Tensor:$b, Onnx_Optional:$a_zero_point, Onnx_Optional:$b_zero_point)> {
  let summary = "(a - a_zero_point) times (b - b_zero_point), in 32 bits";
}
def Onnx_MsMatMulNBitsOp : Onnx_MsNode<"MatMulNBits", (ins
    Onnx_Tensor:$a, Onnx_Tensor:$b, Onnx_Tensor:$scales, Onnx_Optional:$zero_points,
    Onnx_Optional:$g_idx, Onnx_Optional:$bias), (ins
    I64Attr:$K, I64Attr:$N, Onnx_Default<I64Attr, "4">:$bits, I64Attr:$block_size,
    Onnx_Default<I64Attr, "0">:$accuracy_level)> {
  let summary = "a times the transpose of a weight [N, K] of packed integers, with a bias";
}
def Onnx_MsGatherBlockQuantizedOp : Onnx_MsNode<"GatherBlockQuantized", (ins
    Onnx_Tensor:$data, Onnx_Tensor:$indices, Onnx_Tensor:$scales, Onnx_Optional:$zero_points), (ins
    Onnx_Default<I64Attr, "4">:$bits, Onnx_Default<I64Attr, "128">:$block_size,
    Onnx_Default<I64Attr, "0">:$gather_axis, Onnx_Default<I64Attr, "1">:$quantize_axis)> {
  let summary = "rows of a table of packed integers, as floats";
}

//===----------------------------------------------------------------------------------------===//
// com.microsoft: what onnxruntime's transformer optimisations write
//===----------------------------------------------------------------------------------------===//

def Onnx_MsBiasGeluOp : Onnx_MsNode<"BiasGelu", (ins Onnx_Tensor:$x, Onnx_Tensor:$bias)>;
def Onnx_MsFastGeluOp : Onnx_MsNode<"FastGelu", (ins Onnx_Tensor:$x, Onnx_Optional:$bias)>;
def Onnx_MsGeluOp : Onnx_MsNode<"Gelu", (ins Onnx_Tensor:$x)>;
def Onnx_MsQuickGeluOp : Onnx_MsNode<"QuickGelu", (ins Onnx_Tensor:$x), (ins
    Onnx_Default<F32Attr, "1.702f">:$alpha)>;
def Onnx_MsFusedMatMulOp : Onnx_MsNode<"FusedMatMul", (ins Onnx_Tensor:$lhs, Onnx_Tensor:$rhs), (ins
    Onnx_Default<F32Attr, "1.0f">:$alpha, Onnx_Default<I64Attr, "0">:$transA,
    Onnx_Default<I64Attr, "0">:$transB, Onnx_Default<I64Attr, "0">:$transBatchA,
    Onnx_Default<I64Attr, "0">:$transBatchB)>;
def Onnx_MsSimplifiedLayerNormalizationOp : Onnx_MsNode<"SimplifiedLayerNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$scale), (ins
    Onnx_Default<I64Attr, "-1">:$axis, Onnx_Default<F32Attr, "1.0e-5f">:$epsilon,
    Onnx_Default<I64Attr, "1">:$stash_type), (outs
    Onnx_Tensor:$result, Onnx_Optional:$inv_std_dev)>;
def Onnx_MsSkipLayerNormalizationOp : Onnx_MsNode<"SkipLayerNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$skip, Onnx_Tensor:$gamma, Onnx_Optional:$beta,
    Onnx_Optional:$bias), (ins Onnx_Default<F32Attr, "1.0e-12f">:$epsilon), (outs
    Onnx_Tensor:$result, Onnx_Optional:$mean, Onnx_Optional:$inv_std_dev,
    Onnx_Optional:$input_skip_bias_sum)>;
def Onnx_MsSkipSimplifiedLayerNormalizationOp : Onnx_MsNode<"SkipSimplifiedLayerNormalization", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$skip, Onnx_Tensor:$gamma, Onnx_Optional:$bias), (ins
    Onnx_Default<F32Attr, "1.0e-12f">:$epsilon), (outs
    Onnx_Tensor:$result, Onnx_Optional:$mean, Onnx_Optional:$inv_std_dev,
    Onnx_Optional:$input_skip_bias_sum)>;
def Onnx_MsRotaryEmbeddingOp : Onnx_MsNode<"RotaryEmbedding", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$position_ids, Onnx_Tensor:$cos_cache, Onnx_Tensor:$sin_cache),
    (ins Onnx_Default<I64Attr, "0">:$interleaved, Onnx_Default<I64Attr, "0">:$is_packed_batching,
    Onnx_Default<I64Attr, "0">:$num_heads, Onnx_Default<I64Attr, "0">:$rotary_embedding_dim,
    Onnx_Default<F32Attr, "1.0f">:$scale)>;
def Onnx_MsAttentionOp : Onnx_MsNode<"Attention", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$weights, Onnx_Optional:$bias, Onnx_Optional:$mask_index,
    Onnx_Optional:$past, Onnx_Optional:$attention_bias, Onnx_Optional:$past_sequence_length), (ins
    I64Attr:$num_heads, Onnx_Default<I64Attr, "0">:$do_rotary,
    Onnx_Default<F32Attr, "-10000.0f">:$mask_filter_value,
    Onnx_Default<I64Attr, "0">:$past_present_share_buffer,
    OptionalAttr<DenseI64ArrayAttr>:$qkv_hidden_sizes,
    Onnx_Default<I64Attr, "0">:$rotary_embedding_dim, OptionalAttr<F32Attr>:$scale,
    Onnx_Default<I64Attr, "0">:$unidirectional), (outs
    Onnx_Tensor:$result, Onnx_Optional:$present)> {
  let summary = "self-attention with its input projections; weights are [C, 3 * heads * D]";
}
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_MsMultiHeadAttentionOp : Onnx_MsNode<"MultiHeadAttention", (ins
    Onnx_Tensor:$query, Onnx_Optional:$key, Onnx_Optional:$value, Onnx_Optional:$bias,
    Onnx_Optional:$key_padding_mask, Onnx_Optional:$attention_bias, Onnx_Optional:$past_key,
    Onnx_Optional:$past_value), (ins
    I64Attr:$num_heads, Onnx_Default<F32Attr, "-10000.0f">:$mask_filter_value,
    OptionalAttr<F32Attr>:$scale, Onnx_Default<I64Attr, "0">:$unidirectional), (outs
    Onnx_Tensor:$result, Onnx_Optional:$present_key, Onnx_Optional:$present_value)>;
// Mixtures of experts. `router_probs` are logits. Weights are [experts, rows, columns].
let builders = []<OpBuilder>, skipDefaultBuilders = 0 in
def Onnx_MsMoEOp : Onnx_MsNode<"MoE", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$router_probs, Onnx_Tensor:$fc1_experts_weights,
    Onnx_Optional:$fc1_experts_bias, Onnx_Tensor:$fc2_experts_weights,
    Onnx_Optional:$fc2_experts_bias, Onnx_Optional:$fc3_experts_weights,
    Onnx_Optional:$fc3_experts_bias), (ins
    Onnx_Default<F32Attr, "1.0f">:$activation_alpha, Onnx_Default<F32Attr, "0.0f">:$activation_beta,
    Onnx_Default<StrAttr, "\"relu\"">:$activation_type, Onnx_Default<I64Attr, "1">:$k,
    Onnx_Default<I64Attr, "0">:$normalize_routing_weights,
    Onnx_Default<I64Attr, "0">:$swiglu_fusion, OptionalAttr<F32Attr>:$swiglu_limit,
    Onnx_Default<I64Attr, "0">:$use_sparse_mixer)> {
  let summary = "for each row the weighted sum of what k experts make of it";
}
def Onnx_MsQMoEOp : Onnx_MsNode<"QMoE", (ins
    Onnx_Tensor:$x, Onnx_Tensor:$router_probs, Onnx_Tensor:$fc1_experts_weights,
    Onnx_Tensor:$fc1_scales, Onnx_Optional:$fc1_experts_bias, Onnx_Tensor:$fc2_experts_weights,
    Onnx_Tensor:$fc2_scales, Onnx_Optional:$fc2_experts_bias,
    Onnx_Optional:$fc3_experts_weights, Onnx_Optional:$fc3_scales,
    Onnx_Optional:$fc3_experts_bias, Onnx_Optional:$fc1_zero_points,
    Onnx_Optional:$fc2_zero_points, Onnx_Optional:$fc3_zero_points,
    Onnx_Optional:$router_weights), (ins
    Onnx_Default<F32Attr, "1.0f">:$activation_alpha, Onnx_Default<F32Attr, "0.0f">:$activation_beta,
    Onnx_Default<StrAttr, "\"relu\"">:$activation_type, Onnx_Default<I64Attr, "0">:$block_size,
    Onnx_Default<I64Attr, "4">:$expert_weight_bits, Onnx_Default<I64Attr, "1">:$k,
    Onnx_Default<I64Attr, "0">:$normalize_routing_weights,
    Onnx_Default<I64Attr, "0">:$swiglu_fusion, OptionalAttr<F32Attr>:$swiglu_limit,
    Onnx_Default<I64Attr, "0">:$use_sparse_mixer)> {
  let summary = "MoE on weights of packed integers, with a scale a row or a block of columns";
}
def Onnx_MsGroupQueryAttentionOp : Onnx_MsNode<"GroupQueryAttention", (ins
    Onnx_Tensor:$query, Onnx_Optional:$key, Onnx_Optional:$value, Onnx_Optional:$past_key,
    Onnx_Optional:$past_value, Onnx_Tensor:$seqlens_k, Onnx_Tensor:$total_sequence_length,
    Onnx_Optional:$cos_cache, Onnx_Optional:$sin_cache, Onnx_Optional:$position_ids,
    Onnx_Optional:$attention_bias, Onnx_Optional:$head_sink, Onnx_Optional:$k_scale,
    Onnx_Optional:$v_scale, Onnx_Optional:$q_norm_weight, Onnx_Optional:$k_norm_weight), (ins
    I64Attr:$num_heads, I64Attr:$kv_num_heads, Onnx_Default<I64Attr, "1">:$causal,
    Onnx_Default<I64Attr, "0">:$do_rotary, Onnx_Default<StrAttr, "\"NONE\"">:$k_quant_type,
    Onnx_Default<I64Attr, "0">:$kv_cache_bit_width,
    Onnx_Default<I64Attr, "-1">:$local_window_size,
    Onnx_Default<F32Attr, "1.0e-6f">:$qk_norm_epsilon, Onnx_Default<I64Attr, "0">:$qk_output,
    Onnx_Default<I64Attr, "0">:$rotary_interleaved, OptionalAttr<F32Attr>:$scale,
    Onnx_Default<I64Attr, "0">:$sliding_window_cache, Onnx_Default<I64Attr, "0">:$smooth_softmax,
    Onnx_Default<F32Attr, "0.0f">:$softcap, Onnx_Default<StrAttr, "\"NONE\"">:$v_quant_type), (outs
    Onnx_Tensor:$result, Onnx_Optional:$present_key, Onnx_Optional:$present_value,
    Onnx_Optional:$output_qk)> {
  let summary = "attention beside a cache, with its rotation, window, cap of scores and sinks";
}

#endif // BLUEC_DIALECT_ONNX_OPS
