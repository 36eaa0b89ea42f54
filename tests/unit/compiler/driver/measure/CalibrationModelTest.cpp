// The model that machines are calibrated with becomes a plan that has all types of products.
#include "compiler/driver/measure/CalibrationModel.h"

#include "compiler/driver/compile/Compilation.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/machine/StepCosts.h"
#include "targets/Registration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

using namespace bluec;

namespace {

TEST(CalibrationModelTest, HasAllKindsOfProducts) {
  std::string directory = testing::TempDir() + "/bluec_calibration_model_test";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  llvm::Error written = writeCalibrationWeights(directory);
  ASSERT_FALSE(bool(written)) << llvm::toString(std::move(written));

  registerAllPasses();
  registerInstrumentationOptions();
  std::map<std::string, std::set<std::string>> kinds; // by entry
  CompileOptions options;
  options.model = directory;
  options.recipe = calibrationRecipe;
  options.stopAfter = Phase::Schedule;
  auto gather = [&](mlir::ModuleOp plan) {
    for (auto entry : plan.getOps<plan::EntryOp>())
      for (auto step : entry.getOps<plan::StepOp>()) {
        StepCost cost = costOf(step, entry);
        if (!cost.arithmetic.empty())
          kinds[entry.getSymName().str()].insert(cost.op + " " + cost.weights + " " +
                                                 cost.arithmetic);
      }
  };
  const std::set<std::string> allOfLanguage = {
      "attention f32 f32", "attention i8 i16", "attention i8 i8", "linear f32 f32", "linear i4 f32",
      "linear i4 i16",     "linear i4 i8",     "linear i8 f32",   "linear i8 i16",  "linear i8 i8"};
  const std::set<std::string> allOfVision = {"attention f32 f32", "attention i16 i16",
                                             "attention i8 i8",   "linear f32 f32",
                                             "linear i8 i16",     "linear i8 i8"};
  for (const auto &target : targets::allTargets().all()) {
    SCOPED_TRACE(target->name().str());
    options.target = target->name().str();
    kinds.clear();
    std::string errors;
    llvm::raw_string_ostream err(errors);
    Diagnostics diagnostics(err);
    CompilerSession session(diagnostics);
    ModelConfig &config = session.package().config;
    ASSERT_FALSE(bool(buildCalibrationModel(2048, *session.module(), config)));
    auto run = CompilationRun::begin(options, session, llvm::nulls(), err,
                                     CompilationRun::Source::Session);
    ASSERT_TRUE(run && succeeded(run->runTo(Phase::Schedule))) << errors;
    gather(*session.module());
    std::set<std::string> language = allOfLanguage, vision = allOfVision;
    // Bytes are words there by the time they are multiplied.
    auto byte = mlir::IntegerType::get(session.context(), 8);
    if (plan::dotFor(target->facts(session.context()), byte).getBits() != 8) {
      language.erase("attention i8 i8");
      vision.erase("attention i8 i8");
      vision.insert("attention i8 i16");
    }
    EXPECT_EQ(kinds["prefill"], language);
    EXPECT_EQ(kinds["decode"], language);
    EXPECT_EQ(kinds["encode"], vision);
  }
  std::filesystem::remove_all(directory);
}

} // namespace
