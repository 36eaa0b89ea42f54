// Precision recipes: data that says which types a model's layers compute with. See README.md.
#ifndef BLUEC_COMPILER_RECIPE_RECIPE_H
#define BLUEC_COMPILER_RECIPE_RECIPE_H

#include "compiler/base/JsonValue.h"
#include "compiler/dialect/blue/Blue.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// Types as recipes name them.
enum class Precision { F32, F16, I16, I8, I4 };
llvm::StringRef nameOf(Precision precision);

struct WeightPrecision {
  Precision type = Precision::F32; // f32, f16, i8, i4
  int64_t group = 0;               // elements that share a scale; 0: a row
  bool zeros = false;
  bool halfScales = true;
  blue::QuantizeMethod method = blue::QuantizeMethod::Search;
};
struct ActivationPrecision {
  Precision type = Precision::F32; // f32, i16, i8
  int64_t group = 0;               // elements that share a scale; 0: a token
  bool isStatic = false;           // one scale for all tokens, from a calibration run
};

struct RecipeRule {
  std::string match;                      // a pattern of layer names
  bool optional = false;                  // may match no layer
  std::vector<std::string> kinds;         // of layers; empty: all that the rule's fields concern
  std::optional<WeightPrecision> weights; // of linear layers and embeddings
  std::optional<ActivationPrecision> activations; // inputs of linear layers
  std::optional<Precision> cache;                 // keys and values: f32, f16, i8
  std::optional<Precision> attention;             // products with keys and values: f32, i16, i8
};

struct Recipe {
  std::string name; // of a file that has none: the file's
  std::string description;
  std::vector<RecipeRule> rules;
  std::string text; // the JSON that says the same, on one line

  /// `where` begins the messages. Errors are one line: where, expected, found.
  static llvm::Expected<Recipe> parse(llvm::StringRef json, llvm::StringRef where);
  static llvm::Expected<Recipe> read(JsonValue json, llvm::StringRef where);
  /// A shipped recipe by name, or a file. A text that begins with a brace is a recipe itself.
  static llvm::Expected<Recipe> load(llvm::StringRef recipe);

  /// What the rules say about the layer `name`, which is of all of `kinds` (see kindsOf): of each
  /// field the last rule that has it and matches. `matched`, if not null, gets true for each rule
  /// that matches and concerns such a layer.
  RecipeRule resolve(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> kinds,
                     std::vector<bool> *matched = nullptr) const;

  /// Whether a rule wants weights by a method, or static activations: both need a calibration run.
  bool needsCalibration() const;
};

/// What `ops` of a rule may call a layer: "linear", "embedding" or "attention"; a linear layer
/// whose results choose experts is a "router", too, and those of experts are "experts". Empty for
/// ops that no rule is about.
llvm::SmallVector<llvm::StringRef> kindsOf(mlir::Operation *op);

struct ShippedRecipe {
  const char *name, *json;
};
/// The default one first.
llvm::ArrayRef<ShippedRecipe> shippedRecipes();
/// Whether `recipe` can be loaded at all: the name of a shipped one, or of a file that is there.
bool recipeExists(llvm::StringRef recipe);

} // namespace bluec

#endif // BLUEC_COMPILER_RECIPE_RECIPE_H
