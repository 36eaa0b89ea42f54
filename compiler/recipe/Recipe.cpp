#include "compiler/recipe/Recipe.h"

#include "compiler/base/JsonReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"

using namespace bluec;
using llvm::StringRef;

namespace {

constexpr size_t mostRules = 1000, longestPattern = 256;

struct Named {
  const char *name;
  Precision precision;
};
constexpr Named precisions[] = {{"f32", Precision::F32},
                                {"f16", Precision::F16},
                                {"i16", Precision::I16},
                                {"i8", Precision::I8},
                                {"i4", Precision::I4}};

/// The ops that the rules' fields are about.
constexpr const char *weightKinds[] = {"linear", "embedding"};
constexpr const char *attentionKind = "attention";

/// Reads one recipe.
class Reader : JsonReader {
public:
  explicit Reader(StringRef where) : JsonReader(where), where(where) {}

  llvm::Expected<Recipe> read(StringRef text);

private:
  void precision(const std::string &place, const Json &object, llvm::ArrayRef<Precision> allowed,
                 Precision &to);
  void group(const std::string &place, const Json &object, const char *whole, int64_t &to);
  RecipeRule rule(const std::string &place, const Json &value);
  WeightPrecision weights(const std::string &place, const Json &value);
  ActivationPrecision activations(const std::string &place, const Json &value);
  Precision typeOnly(const std::string &place, const Json &value,
                     llvm::ArrayRef<Precision> allowed);

  StringRef where;
};

} // namespace

StringRef bluec::nameOf(Precision precision) {
  for (const Named &named : precisions)
    if (named.precision == precision)
      return named.name;
  return "";
}

/// A pattern refers to its text.
static llvm::Expected<llvm::GlobPattern> patternOf(StringRef text) {
  constexpr size_t mostAlternatives = 64;
  return llvm::GlobPattern::create(text, mostAlternatives);
}

void Reader::precision(const std::string &place, const Json &object,
                       llvm::ArrayRef<Precision> allowed, Precision &to) {
  std::vector<std::string> names;
  for (Precision candidate : allowed)
    names.push_back(nameOf(candidate).str());
  auto found = object.find("type");
  if (found == object.end()) {
    failWith(place + ".type", listed(names), "none");
    return;
  }
  for (Precision candidate : allowed)
    if (found->is_string() && nameOf(candidate) == found->get_ref<const std::string &>()) {
      to = candidate;
      return;
    }
  fail(place + ".type", listed(names), *found);
}

void Reader::group(const std::string &place, const Json &object, const char *whole, int64_t &to) {
  auto found = object.find("group");
  if (found == object.end() || (found->is_string() && *found == whole)) {
    to = 0;
    return;
  }
  if (*found == 32 || *found == 64 || *found == 128)
    to = found->get<int64_t>();
  else
    fail(place + ".group", std::string("32, 64, 128 or \"") + whole + "\"", *found);
}

WeightPrecision Reader::weights(const std::string &place, const Json &value) {
  WeightPrecision result;
  if (!isObject(place, value, {"type", "group", "zeros", "method", "scale"}))
    return result;
  precision(place, value, {Precision::F32, Precision::F16, Precision::I8, Precision::I4},
            result.type);
  bool isInteger = result.type == Precision::I8 || result.type == Precision::I4;
  if (!isInteger && value.size() > 1) {
    fail(place, "no more than a type beside " + nameOf(result.type).str(), value);
    return result;
  }
  if (isInteger && !value.contains("group"))
    failWith(place + ".group", "32, 64, 128 or \"row\"", "none");
  group(place, value, "row", result.group);
  boolean(place, value, "zeros", result.zeros);
  std::string method = "search", scale = "f16";
  string(place, value, "method", method);
  string(place, value, "scale", scale);
  std::optional<blue::QuantizeMethod> found = blue::symbolizeQuantizeMethod(method);
  if (!found || *found == blue::QuantizeMethod::Keep)
    failWith(place + ".method", "nearest, search or gptq", shown(Json(method)));
  else
    result.method = *found;
  if (scale != "f16" && scale != "f32")
    failWith(place + ".scale", "f16 or f32", shown(Json(scale)));
  result.halfScales = scale == "f16";
  return result;
}

ActivationPrecision Reader::activations(const std::string &place, const Json &value) {
  ActivationPrecision result;
  if (!isObject(place, value, {"type", "group", "static"}))
    return result;
  precision(place, value, {Precision::F32, Precision::I16, Precision::I8}, result.type);
  group(place, value, "token", result.group);
  boolean(place, value, "static", result.isStatic);
  if (result.type == Precision::F32 && value.size() > 1)
    fail(place, "no more than a type beside f32", value);
  if (result.isStatic && result.group != 0)
    fail(place + ".group", "\"token\" beside static", value["group"]);
  return result;
}

Precision Reader::typeOnly(const std::string &place, const Json &value,
                           llvm::ArrayRef<Precision> allowed) {
  Precision result = Precision::F32;
  if (isObject(place, value, {"type"}))
    precision(place, value, allowed, result);
  return result;
}

RecipeRule Reader::rule(const std::string &place, const Json &value) {
  RecipeRule result;
  if (!isObject(place, value,
                {"match", "ops", "optional", "weights", "activations", "cache", "attention"}))
    return result;
  string(place, value, "match", result.match);
  if (result.match.empty() || result.match.size() > longestPattern) {
    failWith(place + ".match", "a pattern of 1 to " + std::to_string(longestPattern) + " bytes",
             std::to_string(result.match.size()));
    return result;
  }
  if (llvm::Expected<llvm::GlobPattern> pattern = patternOf(result.match); !pattern) {
    failWith(place + ".match", "a pattern of layer names",
             shown(Json(result.match)) + " (" + llvm::toString(pattern.takeError()) + ")");
    return result;
  }
  boolean(place, value, "optional", result.optional);
  if (auto kinds = value.find("ops"); kinds != value.end()) {
    if (!kinds->is_array() || kinds->empty()) {
      fail(place + ".ops", "a list of linear, embedding and attention", *kinds);
      return result;
    }
    for (const Json &kind : *kinds) {
      if (!kind.is_string() || (kind != "linear" && kind != "embedding" && kind != "attention")) {
        fail(place + ".ops", "linear, embedding or attention", kind);
        return result;
      }
      result.kinds.push_back(kind.get<std::string>());
    }
  }
  if (auto found = value.find("weights"); found != value.end())
    result.weights = weights(place + ".weights", *found);
  if (auto found = value.find("activations"); found != value.end())
    result.activations = activations(place + ".activations", *found);
  if (auto found = value.find("cache"); found != value.end())
    result.cache =
        typeOnly(place + ".cache", *found, {Precision::F32, Precision::F16, Precision::I8});
  if (auto found = value.find("attention"); found != value.end())
    result.attention =
        typeOnly(place + ".attention", *found, {Precision::F32, Precision::I16, Precision::I8});
  if (!result.weights && !result.activations && !result.cache && !result.attention)
    failWith(place, "weights, activations, cache or attention", "none");
  return result;
}

llvm::Expected<Recipe> Reader::read(StringRef text) {
  Recipe recipe;
  std::optional<Json> json = parse(text);
  if (json && isObject("recipe", *json, {"name", "description", "rules"})) {
    string("recipe", *json, "name", recipe.name);
    string("recipe", *json, "description", recipe.description);
    auto rules = json->find("rules");
    if (rules == json->end())
      failWith("recipe.rules", "a list", "none");
    else if (!rules->is_array() || rules->size() > mostRules)
      fail("recipe.rules", "a list of at most " + std::to_string(mostRules) + " rules", *rules);
    else
      for (auto [i, value] : llvm::enumerate(*rules)) {
        recipe.rules.push_back(rule("rule " + std::to_string(i + 1), value));
        if (failed())
          break;
      }
  }
  if (llvm::Error fault = takeFault())
    return std::move(fault);
  if (recipe.name.empty()) {
    recipe.name = llvm::sys::path::stem(where).str();
    (*json)["name"] = recipe.name;
  }
  recipe.text = oneLine(*json);
  return recipe;
}

//===------------------------------------------------------------------------------------------===//
// Recipe
//===------------------------------------------------------------------------------------------===//

llvm::Expected<Recipe> Recipe::parse(StringRef json, StringRef where) {
  return Reader(where).read(json);
}

static const ShippedRecipe *findShipped(StringRef name) {
  for (const ShippedRecipe &recipe : shippedRecipes())
    if (name == recipe.name)
      return &recipe;
  return nullptr;
}

bool bluec::recipeExists(StringRef recipe) {
  return findShipped(recipe) || recipe.starts_with("{") || llvm::sys::fs::exists(recipe);
}

llvm::Expected<Recipe> Recipe::load(StringRef recipe) {
  if (const ShippedRecipe *shipped = findShipped(recipe))
    return parse(shipped->json, shipped->name);
  if (recipe.starts_with("{"))
    return parse(recipe, "recipe");
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = JsonReader::readFile(recipe);
  if (!buffer)
    return buffer.takeError();
  return parse((*buffer)->getBuffer(), recipe);
}

/// Whether one of the rule's fields is about such an op.
static bool concerns(const RecipeRule &rule, StringRef mnemonic) {
  if (!rule.kinds.empty() && !llvm::is_contained(rule.kinds, mnemonic))
    return false;
  if (rule.weights && llvm::is_contained(weightKinds, mnemonic))
    return true;
  if (rule.activations && mnemonic == "linear")
    return true;
  return (rule.cache || rule.attention) && mnemonic == attentionKind;
}

RecipeRule Recipe::resolve(StringRef name, StringRef mnemonic, std::vector<bool> *matched) const {
  RecipeRule result;
  if (matched)
    matched->resize(rules.size());
  for (auto [i, rule] : llvm::enumerate(rules)) {
    if (!concerns(rule, mnemonic))
      continue;
    llvm::Expected<llvm::GlobPattern> pattern = patternOf(rule.match);
    if (!pattern || !pattern->match(name)) {
      llvm::consumeError(pattern.takeError()); // there is none: parse has tried it
      continue;
    }
    if (matched)
      (*matched)[i] = true;
    auto take = [](auto &to, const auto &from) {
      if (from)
        to = from;
    };
    take(result.weights, rule.weights);
    take(result.activations, rule.activations);
    take(result.cache, rule.cache);
    take(result.attention, rule.attention);
  }
  return result;
}

bool Recipe::needsCalibration() const {
  return llvm::any_of(rules, [](const RecipeRule &rule) {
    return (rule.weights && rule.weights->method == blue::QuantizeMethod::Gptq) ||
           (rule.activations && rule.activations->isStatic);
  });
}
