// Recipes: what the shipped ones say, which rule wins, and what hostile files are told.
#include "compiler/recipe/Recipe.h"

#include "tests/unit/compiler/base/WithoutPlace.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace bluec;

namespace {

Recipe parsed(const std::string &json) {
  llvm::Expected<Recipe> recipe = Recipe::parse(json, "test.json");
  if (!recipe) {
    ADD_FAILURE() << llvm::toString(recipe.takeError());
    return {};
  }
  return std::move(*recipe);
}

std::string errorOf(const std::string &json) {
  llvm::Expected<Recipe> recipe = Recipe::parse(json, "test.json");
  return recipe ? "" : withoutPlace(llvm::toString(recipe.takeError()));
}

std::string ruleError(const std::string &fields) {
  return errorOf(R"({"rules": [{"match": "*", )" + fields + "}]}");
}

TEST(RecipeTest, ShippedOnesAreWhole) {
  ASSERT_FALSE(shippedRecipes().empty());
  EXPECT_STREQ(shippedRecipes().front().name, "bluelm-v");
  for (const ShippedRecipe &shipped : shippedRecipes()) {
    llvm::Expected<Recipe> recipe = Recipe::load(shipped.name);
    ASSERT_TRUE(bool(recipe)) << llvm::toString(recipe.takeError());
    EXPECT_EQ(recipe->name, shipped.name);
    EXPECT_FALSE(recipe->description.empty());
    // The text says the same.
    llvm::Expected<Recipe> again = Recipe::load(recipe->text);
    ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->text, recipe->text);
    EXPECT_EQ(again->rules.size(), recipe->rules.size());
    EXPECT_TRUE(recipeExists(shipped.name));
  }
  EXPECT_FALSE(recipeExists("no such recipe"));
}

TEST(RecipeTest, TheDefaultIsThePapers) {
  llvm::Expected<Recipe> recipe = Recipe::load("bluelm-v");
  ASSERT_TRUE(bool(recipe)) << llvm::toString(recipe.takeError());
  RecipeRule vision = recipe->resolve("vision/layers.3/mlp/fc1", {"linear"});
  ASSERT_TRUE(vision.weights && vision.activations);
  EXPECT_EQ(vision.weights->type, Precision::I8);
  EXPECT_EQ(vision.activations->type, Precision::I16);
  RecipeRule language = recipe->resolve("decoder/layers.39/self_attn/q_proj", {"linear"});
  ASSERT_TRUE(language.weights && language.activations);
  EXPECT_EQ(language.weights->type, Precision::I4);
  EXPECT_EQ(language.weights->group, 64);
  EXPECT_EQ(language.weights->method, blue::QuantizeMethod::Search);
  EXPECT_EQ(language.activations->type, Precision::I16);
  RecipeRule attention = recipe->resolve("decoder/layers.0/self_attn/attention", {"attention"});
  EXPECT_EQ(attention.cache, Precision::I8);
  EXPECT_EQ(attention.attention, Precision::I16);
  // The head and the table have one type, so that a tied one is stored once.
  RecipeRule head = recipe->resolve("decoder/lm_head", {"linear"});
  RecipeRule table = recipe->resolve("embed/embed_tokens", {"embedding"});
  ASSERT_TRUE(head.weights && table.weights);
  EXPECT_EQ(head.weights->type, table.weights->type);
  EXPECT_EQ(head.weights->group, table.weights->group);
  EXPECT_EQ(head.weights->method, table.weights->method);
}

TEST(RecipeTest, TheLastRuleWinsFieldByField) {
  Recipe recipe = parsed(R"({"rules": [
    {"match": "*", "weights": {"type": "i4", "group": 32}, "activations": {"type": "i8"}},
    {"match": "decoder/layers.{0,1}/*", "weights": {"type": "i8", "group": "row", "zeros": true,
                                                     "method": "nearest", "scale": "f32"}},
    {"match": "*/q_proj", "ops": ["linear"], "activations": {"type": "i16", "group": 64}}]})");
  std::vector<bool> matched;
  RecipeRule rule = recipe.resolve("decoder/layers.1/q_proj", {"linear"}, &matched);
  EXPECT_EQ(matched, (std::vector<bool>{true, true, true}));
  EXPECT_EQ(rule.weights->type, Precision::I8);
  EXPECT_EQ(rule.weights->group, 0);
  EXPECT_TRUE(rule.weights->zeros);
  EXPECT_FALSE(rule.weights->halfScales);
  EXPECT_EQ(rule.weights->method, blue::QuantizeMethod::Nearest);
  EXPECT_EQ(rule.activations->type, Precision::I16);
  EXPECT_EQ(rule.activations->group, 64);
  matched.clear();
  rule = recipe.resolve("decoder/layers.11/o_proj", {"linear"}, &matched);
  EXPECT_EQ(matched, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(rule.weights->group, 32);
  EXPECT_EQ(rule.activations->type, Precision::I8);
  // Nothing here is about attention.
  matched.clear();
  recipe.resolve("decoder/layers.1/q_proj", {"attention"}, &matched);
  EXPECT_EQ(matched, (std::vector<bool>{false, false, false}));
}

TEST(RecipeTest, KnowsWhatNeedsCalibration) {
  EXPECT_FALSE(parsed(R"({"rules": []})").needsCalibration());
  EXPECT_TRUE(parsed(R"({"rules": [{"match": "*", "weights":
    {"type": "i4", "group": 64, "method": "gptq"}}]})")
                  .needsCalibration());
  EXPECT_TRUE(
      parsed(R"({"rules": [{"match": "*", "activations": {"type": "i8", "static": true}}]})")
          .needsCalibration());
}

TEST(RecipeTest, AFileWithoutANameIsNamedAfterItself) {
  std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "bluec_recipe_test_mine.json";
  std::ofstream(path) << R"({"rules": [{"match": "*", "weights": {"type": "f32"}}]})";
  llvm::Expected<Recipe> recipe = Recipe::load(path.string());
  ASSERT_TRUE(bool(recipe)) << llvm::toString(recipe.takeError());
  EXPECT_EQ(recipe->name, "bluec_recipe_test_mine");
  std::filesystem::remove(path);
  llvm::Expected<Recipe> gone = Recipe::load(path.string());
  ASSERT_FALSE(bool(gone));
  EXPECT_EQ(llvm::toString(gone.takeError()), path.string() + ": expected a file of at most 1 MiB");
}

TEST(RecipeTest, RefusesWhatIsNoRecipe) {
  EXPECT_EQ(errorOf(""), "test.json: expected a JSON value, found the end");
  EXPECT_EQ(errorOf("{\"rules\": [}"), "test.json: expected a JSON value, found '}'");
  EXPECT_EQ(errorOf("[]"), "test.json: recipe: expected an object, found []");
  EXPECT_EQ(errorOf("{}"), "test.json: recipe.rules: expected a list, found none");
  EXPECT_EQ(errorOf(R"({"rules": 1})"),
            "test.json: recipe.rules: expected a list of at most 1000 rules, found 1");
  EXPECT_EQ(errorOf(R"({"rule": []})"),
            "test.json: recipe: expected name, description or rules, found \"rule\"");
  EXPECT_EQ(errorOf(R"({"name": 3, "rules": []})"),
            "test.json: recipe.name: expected a string of at most 1000 bytes, found 3");
  EXPECT_EQ(errorOf(R"({"rules": [1]})"), "test.json: rule 1: expected an object, found 1");
  EXPECT_EQ(errorOf(R"({"rules": [{"weights": {"type": "f32"}}]})"),
            "test.json: rule 1.match: expected a pattern of 1 to 256 bytes, found 0");
  EXPECT_EQ(errorOf(R"({"rules": [{"match": "*"}]})"),
            "test.json: rule 1: expected weights, activations, cache or attention, found none");
  EXPECT_NE(errorOf(R"({"rules": [{"match": "[", "weights": {"type": "f32"}}]})")
                .find("rule 1.match: expected a pattern of layer names, found \"[\""),
            std::string::npos);
}

TEST(RecipeTest, SaysWhere) {
  llvm::Expected<Recipe> recipe = Recipe::parse(R"({"rules": [
  {"match": "*",
   "weights": {"type": "f32"}, "optional": 1}]})",
                                                "test.json");
  ASSERT_FALSE(bool(recipe));
  EXPECT_EQ(llvm::toString(recipe.takeError()),
            "test.json:3:44: rule 1.optional: expected true or false, found 1");
}

// A router is a linear layer, of which the last rule of the shipped recipes says something else.
TEST(RecipeTest, TellsRoutersAndExperts) {
  for (const char *name : {"bluelm-v", "fast"}) {
    llvm::Expected<Recipe> recipe = Recipe::load(name);
    ASSERT_TRUE(bool(recipe));
    RecipeRule router = recipe->resolve("decoder/layers.0/any", {"linear", "router"});
    EXPECT_EQ(router.weights->type, Precision::F32);
    EXPECT_EQ(router.activations->type, Precision::F32);
    RecipeRule experts = recipe->resolve("decoder/layers.0/any", {"linear", "experts"});
    EXPECT_EQ(experts.weights->type, Precision::I4);
  }
}

TEST(RecipeTest, RefusesTypesThatThereAreNot) {
  EXPECT_EQ(ruleError(R"("weights": {"type": "i5", "group": 32})"),
            "test.json: rule 1.weights.type: expected f32, f16, i8 or i4, found \"i5\"");
  EXPECT_EQ(ruleError(R"("weights": {"group": 32})"),
            "test.json: rule 1.weights.type: expected f32, f16, i8 or i4, found none");
  EXPECT_EQ(ruleError(R"("weights": {"type": "i4"})"),
            "test.json: rule 1.weights.group: expected 32, 64, 128 or \"row\", found none");
  EXPECT_EQ(ruleError(R"("weights": {"type": "i4", "group": 48})"),
            "test.json: rule 1.weights.group: expected 32, 64, 128 or \"row\", found 48");
  EXPECT_EQ(ruleError(R"("weights": {"type": "f32", "group": 32})"),
            "test.json: rule 1.weights: expected no more than a type beside f32, found "
            R"({"type":"f32","group":32})");
  EXPECT_EQ(ruleError(R"("weights": {"type": "i4", "group": 32, "method": "keep"})"),
            "test.json: rule 1.weights.method: expected nearest, search or gptq, found \"keep\"");
  EXPECT_EQ(ruleError(R"("weights": {"type": "i4", "group": 32, "scale": "i8"})"),
            "test.json: rule 1.weights.scale: expected f16 or f32, found \"i8\"");
  EXPECT_EQ(ruleError(R"("weights": {"type": "i4", "group": 32, "zeros": 1})"),
            "test.json: rule 1.weights.zeros: expected true or false, found 1");
  EXPECT_EQ(ruleError(R"("activations": {"type": "i4"})"),
            "test.json: rule 1.activations.type: expected f32, i16 or i8, found \"i4\"");
  EXPECT_EQ(ruleError(R"("activations": {"type": "f32", "static": true})"),
            "test.json: rule 1.activations: expected no more than a type beside f32, found "
            R"({"type":"f32","static":true})");
  EXPECT_EQ(ruleError(R"("activations": {"type": "i8", "group": 64, "static": true})"),
            "test.json: rule 1.activations.group: expected \"token\" beside static, found 64");
  EXPECT_EQ(ruleError(R"("cache": {"type": "i4"})"),
            "test.json: rule 1.cache.type: expected f32, f16 or i8, found \"i4\"");
  EXPECT_EQ(ruleError(R"("attention": "i8")"),
            "test.json: rule 1.attention: expected an object, found \"i8\"");
  EXPECT_EQ(ruleError(R"("ops": ["conv"], "weights": {"type": "f32"})"),
            "test.json: rule 1.ops: expected linear, embedding, attention, router or experts, "
            "found \"conv\"");
  EXPECT_EQ(ruleError(R"("ops": [], "weights": {"type": "f32"})"),
            "test.json: rule 1.ops: expected a list of linear, embedding, attention, router and "
            "experts, found []");
  EXPECT_EQ(ruleError(R"("optional": "yes", "weights": {"type": "f32"})"),
            "test.json: rule 1.optional: expected true or false, found \"yes\"");
}

TEST(RecipeTest, RefusesHostileFilesInOneLine) {
  std::string deep(100000, '[');
  EXPECT_EQ(errorOf(deep), "test.json: expected at most 16 levels of nesting");
  std::string objects;
  for (int i = 0; i < 1000; ++i)
    objects += "{\"a\":";
  EXPECT_EQ(errorOf(objects), "test.json: expected at most 16 levels of nesting");
  EXPECT_EQ(errorOf(std::string(2 << 20, ' ')),
            "test.json: expected at most 1 MiB, found 2097152 bytes");
  std::string many = R"({"rules": [{"match": "a", "weights": {"type": "f32"}})";
  for (int i = 0; i < 2000; ++i)
    many += R"(, {"match": "a", "weights": {"type": "f32"}})";
  EXPECT_NE(errorOf(many + "]}").find("at most 1000 rules"), std::string::npos);
  EXPECT_NE(ruleError("\"weights\": {\"type\": \"\\u0000\\n\xff\"}"), "");
  EXPECT_EQ(ruleError("\"weights\": {\"type\": \"a\\nb\"}").find('\n'), std::string::npos);
  std::string alternatives = "{\"rules\": [{\"match\": \"";
  for (int i = 0; i < 60; ++i)
    alternatives += "{a,b}";
  EXPECT_NE(errorOf(alternatives + "\", \"weights\": {\"type\": \"f32\"}}]}"), "");
}

} // namespace
