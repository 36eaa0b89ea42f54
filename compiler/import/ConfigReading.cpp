#include "compiler/import/ConfigReading.h"

#include "llvm/ADT/StringMap.h"

using namespace bluec;

JsonValue bluec::scalars(const JsonValue *from) {
  JsonValue::Object result;
  if (const JsonValue::Object *members = from ? from->object() : nullptr)
    for (const JsonMember &member : *members)
      if (!member.value.isNull() && !member.value.array() && !member.value.object())
        result.push_back(member);
  return JsonValue(std::move(result), from ? from->place() : JsonPlace());
}

bool bluec::asksForNothing(llvm::StringRef key, const JsonValue &value) {
  static const llvm::StringMap<double> nothing = {{"num_beams", 1},
                                                  {"random_seed", -1},
                                                  {"typical_p", 1},
                                                  {"guidance_scale", 1},
                                                  {"encoder_repetition_penalty", 1},
                                                  {"encoder_no_repeat_ngram_size", 0},
                                                  {"no_repeat_ngram_size", 0},
                                                  {"min_length", 0},
                                                  {"min_new_tokens", 0},
                                                  {"epsilon_cutoff", 0},
                                                  {"eta_cutoff", 0}};
  const bool *flag = value.boolean();
  const JsonValue::Array *list = value.array();
  if (value.isNull() || (flag && !*flag) || (list && list->empty()))
    return true;
  auto found = nothing.find(key);
  return found != nothing.end() && value.number() == found->second;
}

void bluec::nameUnknown(const JsonValue &json, const std::string &file, const std::string &place,
                        const llvm::StringSet<> &known, std::vector<std::string> &ignored) {
  if (const JsonValue::Object *members = json.object())
    for (const JsonMember &member : *members)
      if (!known.contains(member.name) && !asksForNothing(member.name, member.value))
        ignored.push_back(jsonPlaceText(file, member.value.place()) + ": " + place + member.name +
                          ": ignored, bluec does not know it");
}

void bluec::readTokens(const JsonReader &reader, const char *key, std::vector<int64_t> &out) {
  constexpr size_t kMostTokens = 256;
  const JsonValue *value = reader.find(key);
  if (!value)
    return;
  if (!value->array()) {
    out.push_back(reader.asInteger(*value, key, 0, kLargestCount));
    return;
  }
  if (const JsonValue::Array *values = reader.list(key, 0, kMostTokens, " values"))
    for (const JsonValue &token : *values)
      out.push_back(reader.asInteger(token, key, 0, kLargestCount));
}

float bluec::readWithin(const JsonReader &reader, const char *key, double otherwise, double least,
                        double most) {
  double value = reader.number(key, otherwise);
  if (!(value >= least && value <= most))
    reader.failWith(key,
                    "a number from " + JsonValue(least).text() + " to " + JsonValue(most).text(),
                    JsonValue(value).text());
  return static_cast<float>(value);
}

void bluec::readSampling(const JsonReader &reader, runtime::SamplingOptions &out) {
  constexpr double kLeast = 1e-6, kMost = 1e6;
  out.repetitionPenalty = readWithin(reader, "repetition_penalty", 1, kLeast, kMost);
  if (!reader.boolean("do_sample", false))
    return;
  // What generate() samples with where a file does not say.
  constexpr double kTemperature = 1;
  constexpr int64_t kTopK = 50;
  out.temperature = readWithin(reader, "temperature", kTemperature, kLeast, kMost);
  out.topP = readWithin(reader, "top_p", 1, kLeast, 1);
  out.minP = readWithin(reader, "min_p", 0, 0, 1);
  out.topK = static_cast<int32_t>(reader.integer("top_k", 0, 1 << 30).value_or(kTopK));
}
