#include "compiler/recipe/Recipe.h"

#include "compiler/base/JsonReader.h"
#include "compiler/dialect/plan/Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bluec;

namespace {

constexpr size_t kMostRules = 1000, kLongestPattern = 256;

struct Named {
  const char *name;
  Precision precision;
};
constexpr Named kPrecisions[] = {{"f32", Precision::F32},
                                 {"f16", Precision::F16},
                                 {"i16", Precision::I16},
                                 {"i8", Precision::I8},
                                 {"i4", Precision::I4}};

/// The layers that rules are about. Routers and layers of experts are linear layers, too.
constexpr StringRef kLinear = "linear", kEmbedding = "embedding", kAttention = "attention",
                    kRouter = "router", kExperts = "experts";
constexpr StringRef kKinds[] = {kLinear, kEmbedding, kAttention, kRouter, kExperts};

} // namespace

StringRef bluec::nameOf(Precision precision) {
  for (const Named &named : kPrecisions)
    if (named.precision == precision)
      return named.name;
  return "";
}

/// A pattern refers to its text.
static llvm::Expected<llvm::GlobPattern> patternOf(StringRef text) {
  constexpr size_t kMostAlternatives = 64;
  return llvm::GlobPattern::create(text, kMostAlternatives);
}

//===------------------------------------------------------------------------------------------===//
// Reading
//===------------------------------------------------------------------------------------------===//

static Precision readPrecision(const JsonReader &reader, std::initializer_list<Precision> allowed) {
  std::vector<std::string> names;
  for (Precision candidate : allowed)
    names.push_back(nameOf(candidate).str());
  std::string found = reader.choice("type", names);
  return *llvm::find_if(allowed, [&](Precision one) { return nameOf(one) == found; });
}

static int64_t readGroup(const JsonReader &reader, const std::string &whole) {
  const JsonValue *found = reader.find("group");
  if (!found || (found->string() && *found->string() == whole))
    return 0;
  std::optional<int64_t> size = found->integer();
  if (size == 32 || size == 64 || size == 128)
    return *size;
  reader.fail("group", "32, 64, 128 or \"" + whole + "\"", *found);
  return 0;
}

static bool isTypeAlone(const JsonReader &reader, Precision type) {
  if (reader.value().object()->size() == 1)
    return true;
  reader.fail("", "no more than a type beside " + nameOf(type).str(), reader.value());
  return false;
}

static WeightPrecision readWeights(const JsonReader &reader) {
  WeightPrecision result;
  if (!reader.hasOnly({"type", "group", "zeros", "method", "scale"}))
    return result;
  result.type =
      readPrecision(reader, {Precision::F32, Precision::F16, Precision::I8, Precision::I4});
  bool isInteger = result.type == Precision::I8 || result.type == Precision::I4;
  if (!isInteger && !isTypeAlone(reader, result.type))
    return result;
  if (isInteger)
    reader.require("group", "32, 64, 128 or \"row\"");
  result.group = readGroup(reader, "row");
  result.zeros = reader.boolean("zeros", false);
  std::string method = reader.line("method", "search"), scale = reader.line("scale", "f16");
  std::optional<blue::QuantizeMethod> found = blue::symbolizeQuantizeMethod(method);
  if (!found || *found == blue::QuantizeMethod::Keep)
    reader.failWith("method", "nearest, search or gptq", JsonReader::shown(method));
  else
    result.method = *found;
  if (scale != "f16" && scale != "f32")
    reader.failWith("scale", "f16 or f32", JsonReader::shown(scale));
  result.halfScales = scale == "f16";
  return result;
}

static ActivationPrecision readActivations(const JsonReader &reader) {
  ActivationPrecision result;
  if (!reader.hasOnly({"type", "group", "static"}))
    return result;
  result.type = readPrecision(reader, {Precision::F32, Precision::I16, Precision::I8});
  result.group = readGroup(reader, "token");
  result.isStatic = reader.boolean("static", false);
  if (result.type == Precision::F32)
    isTypeAlone(reader, result.type);
  if (result.isStatic && result.group != 0)
    reader.failWith("group", "\"token\" beside static", std::to_string(result.group));
  return result;
}

static Precision readTypeOnly(const JsonReader &reader, std::initializer_list<Precision> allowed) {
  return reader.hasOnly({"type"}) ? readPrecision(reader, allowed) : Precision::F32;
}

/// Whether the pattern of layer names can be matched.
static bool readMatch(const JsonReader &reader, std::string &to) {
  to = reader.line("match", "");
  if (to.empty() || to.size() > kLongestPattern) {
    reader.failWith("match", "a pattern of 1 to " + std::to_string(kLongestPattern) + " bytes",
                    std::to_string(to.size()));
    return false;
  }
  llvm::Expected<llvm::GlobPattern> pattern = patternOf(to);
  if (pattern)
    return true;
  reader.failWith("match", "a pattern of layer names",
                  JsonReader::shown(to) + " (" + llvm::toString(pattern.takeError()) + ")");
  return false;
}

static std::vector<std::string> readKinds(const JsonReader &reader) {
  std::vector<std::string> kinds;
  const JsonValue *found = reader.find("ops");
  if (!found)
    return kinds;
  if (!found->array() || found->array()->empty()) {
    reader.fail("ops", "a list of linear, embedding, attention, router and experts", *found);
    return kinds;
  }
  for (const JsonValue &kind : *found->array()) {
    const std::string *name = kind.string();
    if (!name || !llvm::is_contained(kKinds, StringRef(*name))) {
      reader.fail("ops", "linear, embedding, attention, router or experts", kind);
      break;
    }
    kinds.push_back(*name);
  }
  return kinds;
}

static RecipeRule readRule(const JsonReader &reader) {
  RecipeRule result;
  if (!reader.hasOnly(
          {"match", "ops", "optional", "weights", "activations", "cache", "attention"}) ||
      !readMatch(reader, result.match))
    return result;
  result.optional = reader.boolean("optional", false);
  result.kinds = readKinds(reader);
  if (reader.find("weights"))
    result.weights = readWeights(reader.child("weights"));
  if (reader.find("activations"))
    result.activations = readActivations(reader.child("activations"));
  if (reader.find("cache"))
    result.cache =
        readTypeOnly(reader.child("cache"), {Precision::F32, Precision::F16, Precision::I8});
  if (reader.find("attention"))
    result.attention =
        readTypeOnly(reader.child("attention"), {Precision::F32, Precision::I16, Precision::I8});
  if (!result.weights && !result.activations && !result.cache && !result.attention)
    reader.failWith("", "weights, activations, cache or attention", "none");
  return result;
}

llvm::Expected<Recipe> Recipe::read(JsonValue json, StringRef where) {
  Recipe recipe;
  std::string fault;
  JsonReader reader(json, where.str(), "recipe", fault);
  if (reader.hasOnly({"name", "description", "rules"})) {
    recipe.name = reader.line("name", "");
    recipe.description = reader.line("description", "");
    reader.require("rules", "a list");
    if (const JsonValue::Array *rules = reader.list("rules", 0, kMostRules, " rules"))
      for (auto [i, value] : llvm::enumerate(*rules)) {
        recipe.rules.push_back(readRule(reader.of(value, "rule " + std::to_string(i + 1))));
        if (reader.failed())
          break;
      }
  }
  if (!fault.empty())
    return llvm::createStringError(fault);
  if (recipe.name.empty()) {
    recipe.name = llvm::sys::path::stem(where).str();
    json.set("name", JsonValue(recipe.name));
  }
  recipe.text = json.text();
  return recipe;
}

//===------------------------------------------------------------------------------------------===//
// Recipe
//===------------------------------------------------------------------------------------------===//

llvm::Expected<Recipe> Recipe::parse(StringRef json, StringRef where) {
  std::string fault;
  std::optional<JsonValue> value =
      parseJson(std::string_view(json), std::string_view(where), JsonLimits(), fault);
  return value ? read(std::move(*value), where) : llvm::createStringError(fault);
}

static const ShippedRecipe *findShipped(StringRef name) {
  for (const ShippedRecipe &recipe : shippedRecipes())
    if (name == recipe.name)
      return &recipe;
  return nullptr;
}

bool bluec::recipeExists(StringRef recipe) {
  return findShipped(recipe) || inlineJson(std::string_view(recipe)) ||
         llvm::sys::fs::exists(recipe);
}

llvm::Expected<Recipe> Recipe::load(StringRef recipe) {
  if (const ShippedRecipe *shipped = findShipped(recipe))
    return parse(shipped->json, shipped->name);
  if (auto text = inlineJson(std::string_view(recipe)))
    return parse(*text, "recipe");
  std::string fault;
  std::optional<JsonValue> value =
      readJsonFile(recipe.str(), std::string_view(recipe), JsonLimits(), fault);
  return value ? read(std::move(*value), recipe) : llvm::createStringError(fault);
}

/// Whether rows of `linear` choose experts, perhaps after elementwise ops.
static bool isRouter(blue::LinearOp linear) {
  SmallVector<Operation *> readers(linear->getUsers());
  llvm::SmallPtrSet<Operation *, 8> seen;
  while (!readers.empty()) {
    Operation *reader = readers.pop_back_val();
    if (isa<blue::RouteOp>(reader))
      return true;
    if (plan::isElementwise(reader) && seen.insert(reader).second)
      readers.append(reader->user_begin(), reader->user_end());
  }
  return false;
}

SmallVector<StringRef> bluec::kindsOf(Operation *op) {
  if (auto linear = dyn_cast<blue::LinearOp>(op))
    return isRouter(linear) ? SmallVector<StringRef>{kLinear, kRouter}
                            : SmallVector<StringRef>{kLinear};
  if (isa<blue::ExpertLinearOp>(op))
    return {kLinear, kExperts};
  if (isa<blue::EmbeddingOp>(op))
    return {kEmbedding};
  if (isa<blue::AttentionOp>(op))
    return {kAttention};
  return {};
}

/// Whether one of the rule's fields is about such a layer.
static bool concerns(const RecipeRule &rule, ArrayRef<StringRef> kinds) {
  auto isOf = [&](StringRef kind) { return llvm::is_contained(kinds, kind); };
  if (!rule.kinds.empty() && llvm::none_of(rule.kinds, isOf))
    return false;
  if (rule.weights && (isOf(kLinear) || isOf(kEmbedding)))
    return true;
  if (rule.activations && isOf(kLinear))
    return true;
  return (rule.cache || rule.attention) && isOf(kAttention);
}

RecipeRule Recipe::resolve(StringRef name, ArrayRef<StringRef> kinds,
                           std::vector<bool> *matched) const {
  RecipeRule result;
  if (matched)
    matched->resize(rules.size());
  for (auto [i, rule] : llvm::enumerate(rules)) {
    if (!concerns(rule, kinds))
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
