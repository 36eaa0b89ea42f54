// The descriptor is laid out by the target's data layout: as the header's compiler would for it.
#include "targets/llvm/Descriptor.h"

#include "runtime/abi/bluec_abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Module.h"

#include <cstddef>
#include <gtest/gtest.h>

using namespace bluec;

namespace {

constexpr const char *kModel = R"(
func.func private @kernel(memref<4x8xf32>)
func.func private @step(!abi.call, i64, i64)
func.func private @run(!abi.call) -> i32
abi.model @bluec_model attributes {producer = "p", target = "t", triple = "x", features = "f",
    alignment = 64 : i64, weights_bytes = 4096 : i64, cache_bytes = 0 : i64, context = 0 : i64,
    hidden = 8 : i64, vocabulary = 0 : i64, tokens_per_tile = 0 : i64, tile_height = 0 : i64,
    tile_width = 0 : i64} {
  abi.segment "vision" at 0 bytes 4096
  abi.device "cpu"
  abi.device "npu"
  abi.entry "encode" role encode stage 0 of 1 segment "vision" on "npu" capacity 4 arena 256 run @run
      inputs [#abi.tensor<"pixels" : f32[4, 8] at 0 bytes 128>] outputs [] {
    abi.step "a" function @step kernel @kernel tasks 4
  }
}
)";

using Offsets = std::vector<uint64_t>; // of each field, and the struct's size

class Descriptor : public testing::Test {
protected:
  void print(const char *dataLayout) {
    mlirContext.loadDialect<bluec::abi::AbiDialect, mlir::func::FuncDialect>();
    parsed = mlir::parseSourceString<mlir::ModuleOp>(kModel, &mlirContext);
    ASSERT_TRUE(parsed);
    module.setDataLayout(dataLayout);
    auto *type = llvm::FunctionType::get(llvm::Type::getInt32Ty(context),
                                         {llvm::PointerType::getUnqual(context)}, false);
    llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "run", module);
    targets::addDescriptor(module, bluec::abi::requireModel(*parsed));
  }
  /// The struct that a constant is, or that it is an array of.
  llvm::StructType *structOf(const char *name) {
    llvm::GlobalVariable *variable = module.getGlobalVariable(name, true);
    if (!variable)
      return nullptr;
    llvm::Type *type = variable->getValueType();
    if (auto *array = llvm::dyn_cast<llvm::ArrayType>(type))
      type = array->getElementType();
    return llvm::cast<llvm::StructType>(type);
  }
  Offsets offsetsOf(const char *name) {
    llvm::StructType *type = structOf(name);
    const llvm::StructLayout *layout = module.getDataLayout().getStructLayout(type);
    Offsets offsets;
    for (unsigned i = 0; i < type->getNumElements(); ++i)
      offsets.push_back(layout->getElementOffset(i));
    offsets.push_back(layout->getSizeInBytes());
    return offsets;
  }
  uint64_t field(const char *name, unsigned index) {
    auto *value =
        llvm::cast<llvm::ConstantStruct>(module.getGlobalVariable(name)->getInitializer());
    return llvm::cast<llvm::ConstantInt>(value->getOperand(index))->getZExtValue();
  }

  mlir::MLIRContext mlirContext;
  mlir::OwningOpRef<mlir::ModuleOp> parsed;
  llvm::LLVMContext context;
  llvm::Module module{"test", context};
};

#define AT(field) offsetof(Struct, field)

Offsets modelHere() {
  using Struct = bluec_model;
  return {AT(magic),           AT(abi_version),    AT(struct_bytes), AT(alignment),
          AT(producer),        AT(target),         AT(triple),       AT(cpu_features),
          AT(weights_bytes),   AT(weights_sha256), AT(kv_bytes),     AT(context),
          AT(ring_positions),  AT(ring_back),      AT(hidden),       AT(vocabulary),
          AT(tokens_per_tile), AT(tile_height),    AT(tile_width),   AT(num_segments),
          AT(segments),        AT(num_entries),    AT(entries),      AT(num_devices),
          AT(devices),         sizeof(Struct)};
}
Offsets entryHere() {
  using Struct = bluec_entry;
  return {AT(name),        AT(role),     AT(stage),       AT(stages), AT(segment),    AT(device),
          AT(reserved),    AT(capacity), AT(arena_bytes), AT(run),    AT(num_inputs), AT(inputs),
          AT(num_outputs), AT(outputs),  AT(num_steps),   AT(steps),  sizeof(Struct)};
}
Offsets tensorHere() {
  using Struct = bluec_tensor;
  return {AT(name), AT(dtype), AT(rank), AT(dims), AT(offset), AT(bytes), sizeof(Struct)};
}
Offsets stepHere() {
  using Struct = bluec_step;
  return {AT(name), AT(kernel), AT(tasks), AT(output), sizeof(Struct)};
}
Offsets segmentHere() {
  using Struct = bluec_segment;
  return {AT(name), AT(offset), AT(bytes), sizeof(Struct)};
}

} // namespace

/// With the layout that this compiler has, where it has pointers of 64 bits.
TEST_F(Descriptor, IsTheHeadersWithPointersOf64Bits) {
  if (sizeof(void *) != 8)
    GTEST_SKIP() << "this machine has no pointers of 64 bits";
  print("e-p:64:64-i64:64");
  EXPECT_EQ(offsetsOf("bluec_model"), modelHere());
  EXPECT_EQ(offsetsOf("entries"), entryHere());
  EXPECT_EQ(offsetsOf("encode.inputs"), tensorHere());
  EXPECT_EQ(offsetsOf("encode.steps"), stepHere());
  EXPECT_EQ(offsetsOf("segments"), segmentHere());
  EXPECT_EQ(field("bluec_model", 2), sizeof(bluec_model));
}

/// What clang says of the header for 32-bit targets that align integers of 64 bits to 8 bytes:
/// arm, hexagon, wasm32.
TEST_F(Descriptor, IsTheHeadersWithPointersOf32Bits) {
  print("e-p:32:32-i64:64");
  EXPECT_EQ(offsetsOf("bluec_model"),
            (Offsets{0,  4,   8,   12,  16,  20,  24,  28,  32,  40,  72,  80,  88,
                     96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192}));
  EXPECT_EQ(offsetsOf("entries"),
            (Offsets{0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104}));
  EXPECT_EQ(offsetsOf("encode.inputs"), (Offsets{0, 4, 8, 16, 48, 56, 64}));
  EXPECT_EQ(offsetsOf("encode.steps"), (Offsets{0, 4, 8, 16, 80}));
  EXPECT_EQ(offsetsOf("segments"), (Offsets{0, 8, 16, 24}));
  EXPECT_EQ(field("bluec_model", 2), 192u);
}

/// And where they are aligned to 4.
TEST_F(Descriptor, HasNoPaddingThatTheTargetDoesNotWant) {
  print("e-p:32:32-i64:32");
  EXPECT_EQ(field("bluec_model", 2), 180u);
  EXPECT_EQ(offsetsOf("encode.inputs"), (Offsets{0, 4, 8, 12, 44, 52, 60}));
}

TEST_F(Descriptor, NamesBecomeNumbers) {
  print("e-p:64:64-i64:64");
  auto *entries =
      llvm::cast<llvm::ConstantArray>(module.getGlobalVariable("entries", true)->getInitializer());
  auto number = [&](unsigned index) {
    return llvm::cast<llvm::ConstantInt>(entries->getOperand(0)->getOperand(index))->getZExtValue();
  };
  EXPECT_EQ(number(1), static_cast<uint64_t>(BLUEC_ROLE_ENCODE));
  EXPECT_EQ(number(2), 0u); // stage
  EXPECT_EQ(number(3), 1u); // of
  EXPECT_EQ(number(4), 0u); // segment
  EXPECT_EQ(number(5), 1u); // device
}
