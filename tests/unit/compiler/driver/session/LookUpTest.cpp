// What the command line names: what is found, and whose fault it is when nothing is.
#include "compiler/driver/session/LookUp.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace mlir;
using namespace bluec;

namespace {

struct LookUpTest : testing::Test {
  template <typename T> int exitCode(const FailureOr<T> &found) {
    return diagnostics.exitCode(LogicalResult(found), "test");
  }

  std::string text;
  llvm::raw_string_ostream err{text};
  Diagnostics diagnostics{err};
};

TEST_F(LookUpTest, FindsWhatIsShipped) {
  FailureOr<Recipe> recipe = lookUpRecipe("fast", diagnostics);
  ASSERT_TRUE(succeeded(recipe));
  EXPECT_EQ(recipe->name, "fast");
  FailureOr<Machine> machine = lookUpMachine("dimensity-9300", diagnostics);
  ASSERT_TRUE(succeeded(machine));
  EXPECT_EQ(machine->name, "dimensity-9300");
  const targets::Target *target = lookUpTarget("x86-64-v3", diagnostics);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->name(), "x86-64-v3");
  EXPECT_EQ(text, "");
}

TEST_F(LookUpTest, ANameThatThereIsNotIsTheCommandLinesFault) {
  EXPECT_EQ(exitCode(lookUpRecipe("slow", diagnostics)), exitUsage);
  EXPECT_EQ(text, "error: --recipe: expected bluelm-v, fast, float or a file, found 'slow'\n");
  EXPECT_EQ(exitCode(lookUpMachine("toaster", diagnostics)), exitUsage);
  EXPECT_FALSE(lookUpTarget("z80", diagnostics));
  EXPECT_EQ(diagnostics.errors(), 3u);
}

TEST_F(LookUpTest, AFileWithSomethingElseIsTheInputs) {
  std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "bluec_look_up.json";
  std::ofstream(path) << "{\n\"rules\": 1}";
  EXPECT_EQ(exitCode(lookUpRecipe(path.string(), diagnostics)), exitInput);
  EXPECT_EQ(text, "error: " + path.string() +
                      ":2:10: recipe.rules: expected a list of at most 1000 rules, found 1\n");
  std::filesystem::remove(path);
}

} // namespace
