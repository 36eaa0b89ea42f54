// The object of a small plan, for each target: what its descriptor says, and, where this machine
// runs the target's code, how its entry function runs steps.
#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/blue/Blue.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "runtime/abi/bluec_abi.h"
#include "targets/Registration.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <cstring>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace bluec;

namespace {

// Two entries share weights and a cache; 'double' has two steps.
constexpr const char *kPlan = R"(
module attributes {plan.context = 32 : i64, plan.weights_bytes = 8192 : i64,
    plan.cache_bytes = 1024 : i64,
    plan.segments = [#plan.segment<"vision" at 0 bytes 4096>,
                     #plan.segment<"language" at 4096 bytes 4096>]} {
  plan.weight @w dense<1.0> : tensor<8xf32> packed tensor<8xf32> segment "language" offset 4096
  plan.cache @v : tensor<1x32x8xf32> offset 0
  plan.entry @prefill role decode capacity 4 segment "language" takes ["embeddings"] gives ["logits"] arena 512 inputs [64] {
  ^bb0(%x: tensor<4x8xf32>):
    %w = plan.get_weight @w : tensor<8xf32>
    %a = plan.step "layers.0/add" value "decoder.0" on "cpu" offset 192 (%x, %w)
        : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>, %q: tensor<8xf32>):
      %s = blue.add %p, %q : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    %b = plan.step "layers.0/scale" value "decoder.1" on "cpu" offset 320 (%a)
        : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.scale %p {factor = 2.0 : f64} : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    plan.return %b : tensor<4x8xf32>
  }
  plan.entry @append role decode capacity 4 segment "language" takes ["ids"] gives [] arena 256 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    %v = plan.get_cache @v : tensor<1x32x8xf32>
    plan.step "layers.0/values" value "" on "cpu" (%x, %v)
        : (tensor<4x8xf32>, tensor<1x32x8xf32>) -> () {
    ^bb0(%p: tensor<4x8xf32>, %c: tensor<1x32x8xf32>):
      plan.append_values %p into %c : tensor<4x8xf32>, tensor<1x32x8xf32>
      plan.yield
    }
    plan.return
  }
  plan.entry @twins role embed capacity 4 segment "language" takes ["ids"] gives ["embeddings"] on "npu" arena 768 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    %a = plan.step "a" value "a" on "cpu" offset 128 (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.scale %p {factor = 2.0 : f64} : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    %b = plan.step "b" value "b" on "cpu" offset 256 (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.scale %p {factor = 3.0 : f64} : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    %c = plan.step "c" value "c" on "cpu" offset 384 (%a, %b)
        : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>, %q: tensor<4x8xf32>):
      %s = blue.mul %p, %q : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    %d = plan.step "d" value "d" on "cpu" offset 128 (%c) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.scale %p {factor = 5.0 : f64} : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    %e = plan.step "e" value "e" on "cpu" offset 256 (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.scale %p {factor = 7.0 : f64} : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    plan.return %e : tensor<4x8xf32>
  }
}
)";

class CompiledModel : public testing::TestWithParam<const targets::Target *> {
protected:
  void SetUp() override { context.loadDialect<blue::BlueDialect, plan::PlanDialect>(); }
  void TearDown() override {
    if (library)
      dlclose(library);
  }
  mlir::LogicalResult lower(mlir::ModuleOp module) {
    module->setAttr(plan::kTargetAttr, target->facts(&context));
    kernels::LowerEntriesOptions entries;
    entries.producer = "bluec test";
    entries.hidden = 8;
    entries.vocabulary = 100;
    entries.tokensPerTile = 49;
    entries.tileHeight = 28;
    entries.tileWidth = 42;
    mlir::PassManager passes(&context);
    targets::buildKernelPipeline(passes, *target);
    passes.addPass(kernels::createLowerEntries(entries));
    if (mlir::failed(passes.run(module)))
      return mlir::failure();
    llvm::SmallVector<int8_t> hash(32);
    hash[2] = 3;
    for (auto model : module.getOps<bluec::abi::ModelOp>())
      model.setWeightsSha256(hash);
    return mlir::success();
  }
  std::vector<targets::CodeFile> generate(const char *text, llvm::StringRef form) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(mlir::succeeded(lower(*module)));
    auto files = target->codeGenerator().generate(*module, form);
    EXPECT_TRUE(mlir::succeeded(files));
    return *files;
  }
  /// All files, one behind the other.
  std::string code(const char *text, llvm::StringRef form) {
    std::string bytes;
    for (const targets::CodeFile &file : generate(text, form))
      bytes.append(file.bytes.begin(), file.bytes.end());
    return bytes;
  }
  bool hasForm(llvm::StringRef form) {
    return llvm::is_contained(target->codeGenerator().forms(), form);
  }
  const bluec_model *load() {
    llvm::SmallString<128> folder;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("bluec-model", folder));
    std::vector<std::string> paths;
    for (const targets::CodeFile &file : generate(kPlan, target->packager().form())) {
      paths.push_back((folder + "/" + file.name).str());
      EXPECT_FALSE(llvm::sys::fs::create_directories(llvm::sys::path::parent_path(paths.back())));
      std::error_code failed;
      llvm::raw_fd_ostream(paths.back(), failed).write(file.bytes.data(), file.bytes.size());
    }
    std::string error, shared = (folder + "/model.so").str();
    EXPECT_TRUE(mlir::succeeded(target->packager().package(paths, shared, error))) << error;
    library = dlopen(shared.c_str(), RTLD_NOW | RTLD_LOCAL);
    llvm::sys::fs::remove_directories(folder);
    return library ? static_cast<const bluec_model *>(dlsym(library, BLUEC_MODEL_SYMBOL)) : nullptr;
  }

  bool isLoadedHere() const {
    return target->runsInProcess() || llvm::Triple(target->triple()).getArch() ==
                                          llvm::Triple(llvm::sys::getProcessTriple()).getArch();
  }

  const targets::Target *target = GetParam();
  mlir::MLIRContext context;
  void *library = nullptr;
};

void runHere(void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
  kernel(call, 0, tasks);
}

} // namespace

TEST_P(CompiledModel, DescribesItself) {
  if (!isLoadedHere())
    GTEST_SKIP() << "another architecture";
  const bluec_model *model = load();
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->magic, BLUEC_ABI_MAGIC);
  EXPECT_EQ(model->abi_version, BLUEC_ABI_VERSION);
  EXPECT_EQ(model->struct_bytes, sizeof(bluec_model));
  EXPECT_EQ(model->alignment, static_cast<uint32_t>(BLUEC_ALIGNMENT));
  EXPECT_STREQ(model->producer, "bluec test");
  EXPECT_EQ(model->target, target->name());
  EXPECT_EQ(model->triple, target->triple());
  EXPECT_EQ(model->cpu_features, target->features());
  EXPECT_EQ(model->weights_bytes, 8192);
  EXPECT_EQ(model->weights_sha256[2], 3);
  EXPECT_EQ(model->kv_bytes, 1024);
  EXPECT_EQ(model->context, 32);
  EXPECT_EQ(model->hidden, 8);
  EXPECT_EQ(model->vocabulary, 100);
  EXPECT_EQ(model->tokens_per_tile, 49);
  EXPECT_EQ(model->tile_height, 28);
  EXPECT_EQ(model->tile_width, 42);
  ASSERT_EQ(model->num_segments, 2);
  EXPECT_STREQ(model->segments[1].name, "language");
  EXPECT_EQ(model->segments[1].offset, 4096);
  ASSERT_EQ(model->num_entries, 3);
  ASSERT_EQ(model->num_devices, 2);
  EXPECT_STREQ(model->devices[0], "cpu");
  EXPECT_STREQ(model->devices[1], "npu");
  EXPECT_EQ(model->entries[1].device, 0u);
  EXPECT_EQ(model->entries[2].device, 1u);

  const bluec_entry &prefill = model->entries[0];
  EXPECT_STREQ(prefill.name, "prefill");
  EXPECT_EQ(prefill.role, static_cast<uint32_t>(BLUEC_ROLE_DECODE));
  EXPECT_EQ(prefill.stages, 1u);
  EXPECT_EQ(prefill.segment, 1u);
  EXPECT_EQ(prefill.capacity, 4);
  EXPECT_EQ(prefill.arena_bytes, 512);
  ASSERT_EQ(prefill.num_inputs, 1);
  EXPECT_STREQ(prefill.inputs[0].name, "embeddings");
  EXPECT_EQ(prefill.inputs[0].offset, 64);
  EXPECT_EQ(prefill.inputs[0].bytes, 128);
  ASSERT_EQ(prefill.num_outputs, 1);
  EXPECT_STREQ(prefill.outputs[0].name, "logits");
  EXPECT_EQ(prefill.outputs[0].offset, 320);
  ASSERT_EQ(prefill.num_steps, 2);
  EXPECT_STREQ(prefill.steps[0].name, "layers.0/add");
  EXPECT_STREQ(prefill.steps[0].kernel, "add_4x8");
  EXPECT_EQ(prefill.steps[0].tasks, 4);
  EXPECT_STREQ(prefill.steps[0].output.name, "decoder.0");
  EXPECT_EQ(prefill.steps[0].output.dtype, static_cast<uint32_t>(BLUEC_F32));
  EXPECT_EQ(prefill.steps[0].output.rank, 2u);
  EXPECT_EQ(prefill.steps[0].output.dims[1], 8);

  const bluec_tensor &nothing = model->entries[1].steps[0].output;
  EXPECT_EQ(nothing.rank, 0u);
  EXPECT_EQ(nothing.bytes, 0);
}

TEST_P(CompiledModel, RunsStepsInOrderAndStopsWhenTheObserverSaysSo) {
  if (!target->runsInProcess())
    GTEST_SKIP() << "a target that does not run here";
  const bluec_model *model = load();
  ASSERT_NE(model, nullptr);
  alignas(64) uint8_t arena[512] = {}, weights[8192] = {};
  auto *w = reinterpret_cast<float *>(weights + 4096);
  auto *x = reinterpret_cast<float *>(arena + 64);
  for (int i = 0; i < 8; ++i)
    w[i] = 10;
  for (int i = 0; i < 32; ++i)
    x[i] = static_cast<float>(i);
  bluec_call call = {};
  call.arena = arena;
  call.weights = weights;
  call.count = 3;
  call.parallel_for = runHere;
  EXPECT_EQ(model->entries[0].run(&call), 0);
  auto *y = reinterpret_cast<float *>(arena + 320);
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(y[i], static_cast<float>(2 * (i + 10)));
  EXPECT_EQ(y[24], 0) << "a row past the valid ones was computed";

  std::vector<int64_t> seen;
  call.observer = &seen;
  call.on_step = [](void *observer, int64_t step) -> int32_t {
    static_cast<std::vector<int64_t> *>(observer)->push_back(step);
    return 0;
  };
  EXPECT_EQ(model->entries[0].run(&call), 0);
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 1}));
  call.on_step = [](void *observer, int64_t) -> int32_t { return 7; };
  y[0] = -1;
  EXPECT_EQ(model->entries[0].run(&call), 7);
  EXPECT_EQ(y[0], -1) << "a step ran after the observer had stopped the call";
}

/// a and b share a parallel_for, and so do d and e; c reads what a and b write. (That e takes the
/// place of b matters to nobody: c is done by then.)
TEST_P(CompiledModel, RunsStepsSideBySide) {
  if (!target->runsInProcess())
    GTEST_SKIP() << "a target that does not run here";
  const bluec_model *model = load();
  ASSERT_NE(model, nullptr);
  alignas(64) uint8_t arena[768] = {}, weights[8192] = {};
  auto *floats = reinterpret_cast<float *>(arena);
  for (int i = 0; i < 32; ++i)
    floats[i] = static_cast<float>(i);
  bluec_call call = {};
  call.arena = arena;
  call.weights = weights;
  call.count = 3;
  std::vector<int64_t> loops;
  call.pool = &loops;
  // The last task first, and several in one go where two steps meet.
  call.parallel_for = [](void *pool, bluec_kernel_fn kernel, const bluec_call *call,
                         int64_t tasks) {
    static_cast<std::vector<int64_t> *>(pool)->push_back(tasks);
    for (int64_t end = tasks; end > 0; end -= 2)
      kernel(call, std::max<int64_t>(0, end - 2), end);
  };
  const bluec_entry &twins = model->entries[2];
  ASSERT_STREQ(twins.name, "twins");
  EXPECT_EQ(twins.num_steps, 5);
  EXPECT_EQ(twins.steps[0].tasks, 4);
  EXPECT_EQ(twins.run(&call), 0);
  EXPECT_EQ(loops, (std::vector<int64_t>{6, 3, 6}));
  for (int i = 0; i < 32; ++i) {
    float x = static_cast<float>(i), isValid = i < 24 ? 1.0f : 0.0f;
    EXPECT_EQ(floats[96 + i], isValid * 6 * x * x) << i;
    EXPECT_EQ(floats[32 + i], isValid * 30 * x * x) << i;
    EXPECT_EQ(floats[64 + i], isValid * 7 * x) << i;
  }

  std::vector<int64_t> seen;
  call.observer = &seen;
  call.on_step = [](void *observer, int64_t step) -> int32_t {
    static_cast<std::vector<int64_t> *>(observer)->push_back(step);
    return step == 3 ? 9 : 0;
  };
  EXPECT_EQ(twins.run(&call), 9);
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST_P(CompiledModel, TheSamePlanGivesTheSameBytes) {
  llvm::StringRef form = target->packager().form();
  EXPECT_EQ(code(kPlan, form), code(kPlan, form));
}

TEST_P(CompiledModel, LlvmTextHasTheModel) {
  if (!hasForm("llvm"))
    GTEST_SKIP() << "a target without LLVM";
  std::string text = code(kPlan, "llvm");
  EXPECT_NE(text.find("@bluec_model = "), std::string::npos);
  EXPECT_NE(text.find("define internal"), std::string::npos);
}

TEST_P(CompiledModel, AMissingOffsetIsAnError) {
  std::string text = kPlan;
  text.erase(text.find(" offset 192"), std::strlen(" offset 192"));
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  EXPECT_TRUE(mlir::failed(lower(*module)));
  EXPECT_EQ(message, "expected an offset; run plan-memory first");
}

TEST_P(CompiledModel, AnObjectThatIsNoneDoesNotLink) {
  if (!hasForm("obj"))
    GTEST_SKIP() << "a target without objects";
  std::string error;
  EXPECT_TRUE(
      mlir::failed(target->packager().package({"/nowhere/model.o"}, "/nowhere/model.so", error)));
  EXPECT_EQ(error.rfind("link: ", 0), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

static std::vector<const targets::Target *> everyTarget() {
  std::vector<const targets::Target *> targets;
  for (const auto &target : targets::allTargets().all())
    targets.push_back(target.get());
  return targets;
}

INSTANTIATE_TEST_SUITE_P(Targets, CompiledModel, testing::ValuesIn(everyTarget()),
                         [](const auto &info) {
                           std::string name = info.param->name().str();
                           for (char &c : name)
                             c = c == '-' ? '_' : c;
                           return name;
                         });
