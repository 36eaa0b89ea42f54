#include "compiler/import/GenaiConfig.h"

#include "compiler/import/ConfigReading.h"

#include <algorithm>

using namespace bluec;

namespace {

const llvm::StringSet<> &modelKeys() {
  static const llvm::StringSet<> known = {
      // read
      "context_length", "decoder", "eos_token_id", "vocab_size",
      // of prompts, which the tokenizer makes; of batches; for people
      "bos_token_id", "pad_token_id", "type", "bot_token_id", "eot_token_id", "bor_token_id",
      "eor_token_id",
      // drafts, whose answers are the same
      "mtp", "dflash2", "dspark"};
  return known;
}

const llvm::StringSet<> &decoderKeys() {
  static const llvm::StringSet<> known = {// read
                                          "filename", "head_size", "hidden_size", "inputs",
                                          "outputs", "num_attention_heads", "num_hidden_layers",
                                          "num_key_value_heads", "sliding_window",
                                          // how onnxruntime runs
                                          "session_options", "run_options"};
  return known;
}

const llvm::StringSet<> &searchKeys() {
  static const llvm::StringSet<> known = {
      // read
      "do_sample", "temperature", "top_k", "top_p", "repetition_penalty", "max_length",
      // batches, how memory is kept, how a prompt is cut
      "batch_size", "num_return_sequences", "past_present_share_buffer", "chunk_size",
      // of beams, which `num_beams` asks for
      "diversity_penalty", "early_stopping", "length_penalty"};
  return known;
}

/// The names of a graph's inputs or outputs. Of several layers' they have a %d.
void readNames(const JsonReader &reader,
               std::initializer_list<std::pair<const char *, const char *>> known,
               std::vector<std::pair<std::string, std::string>> &out) {
  std::vector<std::string> keys;
  for (const auto &[key, name] : known)
    keys.emplace_back(key);
  if (const JsonValue::Object *members = reader.value().object())
    for (const JsonMember &member : *members)
      if (std::find(keys.begin(), keys.end(), member.name) == keys.end())
        reader.fail(member.name, JsonReader::listed(keys) + " alone", member.value);
  for (const auto &[key, name] : known) {
    std::string found = reader.string(key, name);
    bool isOfLayers = std::string_view(name).find("%d") != std::string_view::npos;
    size_t place = found.find('%');
    if (isOfLayers ? place == std::string::npos || found.compare(place, 2, "%d") != 0 ||
                         found.find('%', place + 1) != std::string::npos
                   : place != std::string::npos)
      reader.failWith(key, isOfLayers ? "a name with one %d, the layer" : "a name without %",
                      JsonReader::shown(found));
    out.emplace_back(std::move(found), name);
  }
}

/// As onnxruntime-genai takes it: a temperature of 0 is greedy, and a top_p of 0 says nothing.
void readSearch(const JsonReader &search, runtime::SamplingOptions &out) {
  constexpr double kLeast = 1e-6, kMost = 1e6;
  out.repetitionPenalty = readWithin(search, "repetition_penalty", 1, kLeast, kMost);
  if (!search.boolean("do_sample", false))
    return;
  const float temperature = readWithin(search, "temperature", 1, 0, kMost);
  if (temperature < kLeast)
    return;
  constexpr int64_t kTopK = 50;
  out.temperature = temperature;
  out.topK = static_cast<int32_t>(search.integer("top_k", 0, 1 << 30).value_or(kTopK));
  const float topP = readWithin(search, "top_p", 0, 0, 1);
  out.topP = topP == 0 ? 1 : topP;
}

/// A window that the graph has is known from there; one that the caller keeps is not.
void checkWindow(const JsonReader &decoder) {
  if (!decoder.find("sliding_window"))
    return;
  const JsonReader window = decoder.child("sliding_window");
  for (const char *key : {"slide_key_value_cache", "slide_inputs"})
    if (window.boolean(key, true))
      window.failWith(key, "false (a window that the graph itself has)", "true");
}

} // namespace

GenaiConfig bluec::readGenai(const JsonReader &root, std::vector<std::string> &ignored) {
  GenaiConfig out;
  root.require("model", "an object");
  const JsonReader model = root.child("model");
  for (const char *part : {"vision", "speech", "audio", "embedding", "encoder"})
    if (const JsonValue *found = model.find(part))
      model.fail(part,
                 "a language model in one graph (a model with pictures is taken as "
                 "vision_encoder.onnx, embed_tokens.onnx and decoder_model_merged.onnx)",
                 *found);
  model.require("decoder", "an object");
  const JsonReader decoder = model.child("decoder");
  if (const JsonValue *found = decoder.find("pipeline"))
    decoder.fail("pipeline", "one graph (filename)", *found);
  decoder.require("filename", "a file");
  out.decoder = decoder.string("filename", "");
  readNames(decoder.child("inputs"),
            {{"input_ids", "input_ids"},
             {"inputs_embeds", "inputs_embeds"},
             {"attention_mask", "attention_mask"},
             {"position_ids", "position_ids"},
             {"past_key_names", "past_key_values.%d.key"},
             {"past_value_names", "past_key_values.%d.value"}},
            out.inputs);
  readNames(decoder.child("outputs"),
            {{"logits", "logits"},
             {"present_key_names", "present.%d.key"},
             {"present_value_names", "present.%d.value"}},
            out.outputs);
  checkWindow(decoder);

  const JsonReader search = root.child("search");
  readSearch(search, out.sampling);
  out.positions = model.integer("context_length", 1, kLargestCount).value_or(0);
  // A conversation ends there, whatever the model could hold.
  if (std::optional<int64_t> most = search.integer("max_length", 1, kLargestCount))
    out.positions = out.positions > 0 ? std::min(out.positions, *most) : *most;
  readTokens(model, "eos_token_id", out.eosTokenIds);

  out.text = JsonValue(JsonValue::Object(), decoder.value().place());
  for (const auto &[theirs, ours] : {std::pair{"num_hidden_layers", "num_hidden_layers"},
                                     {"num_attention_heads", "num_attention_heads"},
                                     {"num_key_value_heads", "num_key_value_heads"},
                                     {"head_size", "head_dim"},
                                     {"hidden_size", "hidden_size"}})
    if (const JsonValue *value = decoder.find(theirs))
      out.text.set(ours, *value);
  if (const JsonValue *value = model.find("vocab_size"))
    out.text.set("vocab_size", *value);
  out.text = scalars(&out.text);

  const std::string file = kGenaiConfigName;
  nameUnknown(root.value(), file, "", {"model", "search", "engine", "speculative"}, ignored);
  nameUnknown(model.value(), file, "model.", modelKeys(), ignored);
  nameUnknown(decoder.value(), file, "model.decoder.", decoderKeys(), ignored);
  nameUnknown(search.value(), file, "search.", searchKeys(), ignored);
  return out;
}
