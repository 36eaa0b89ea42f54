// The C interface over Bundle and Session. No exception leaves this file.
#include <bluec/bluec_runtime.h>

#include "base/Caught.h"
#include "core/Bundle.h"
#include "core/Session.h"
#include "device/CodeLoader.h"

#include <algorithm>
#include <cstring>

using namespace bluec::runtime;

struct bluec_bundle {
  std::unique_ptr<Bundle> bundle;
};

struct bluec_session {
  std::unique_ptr<Session> session;
  const Bundle *bundle = nullptr;
  std::string error;
};

namespace {

static_assert(int(Code::Ok) == BLUEC_OK && int(Code::Internal) == BLUEC_INTERNAL &&
              int(Code::ContextFull) == BLUEC_CONTEXT_FULL);
static_assert(int(WeightsCheck::Blocks) == BLUEC_VERIFY_BLOCKS &&
              int(WeightsCheck::Hash) == BLUEC_VERIFY_HASH);
static_assert(int(PrefillAhead::Off) == BLUEC_AHEAD_OFF &&
              int(PrefillAhead::WhileEncoding) == BLUEC_AHEAD_WHILE_ENCODING);
static_assert(int(Until::Sized) == BLUEC_WAIT_SIZED &&
              int(Until::Prefilled) == BLUEC_WAIT_PREFILLED);
static_assert(int(PictureState::Waiting) == BLUEC_PICTURE_WAITING &&
              int(PictureState::Failed) == BLUEC_PICTURE_FAILED);
static_assert(int(Activity::Both) == (BLUEC_ENCODING | BLUEC_PREFILLING));
static_assert(int(Stop::Context) == BLUEC_STOP_CONTEXT && int(Stop::End) == BLUEC_STOP_END);

void copyMessage(const std::string &text, char *message, size_t bytes) {
  if (!message || bytes == 0)
    return;
  const size_t count = std::min(text.size(), bytes - 1);
  std::memcpy(message, text.data(), count);
  message[count] = '\0';
}

bluec_status report(bluec_session *session, Status status) noexcept {
  try {
    session->error = status.message();
  } catch (...) {
    session->error.clear();
  }
  return bluec_status(status.getCode());
}

bluec_generate_options generateOptions(const GenerateOptions &from) {
  const SamplingOptions &sampling = from.sampling;
  return {sizeof(bluec_generate_options),
          from.maxNewTokens,
          sampling.temperature,
          sampling.topP,
          sampling.seed,
          sampling.topK,
          sampling.minP,
          sampling.repetitionPenalty};
}

template <typename Function> bluec_status run(bluec_session *session, Function function) noexcept {
  return session ? report(session, caught(function)) : bluec_status(BLUEC_INVALID_ARGUMENT);
}

// The caller's options over the defaults: callers built against an older header have fewer fields.
template <typename Options> Status readOptions(const Options *from, Options &to) {
  if (!from)
    return {};
  if (from->struct_bytes < sizeof from->struct_bytes)
    return {Code::InvalidArgument, "options: expected struct_bytes to be set, found " +
                                       std::to_string(from->struct_bytes)};
  std::memcpy(&to, from, std::min(from->struct_bytes, sizeof to));
  return {};
}

// Fills as much of the caller's struct as it has room for, its size included.
template <typename Struct> void fill(Struct *to, Struct full) {
  full.struct_bytes = std::min(to->struct_bytes, sizeof full);
  std::memcpy(to, &full, full.struct_bytes);
}

} // namespace

const char *bluec_status_name(bluec_status status) {
  static const char *const names[] = {
      "ok",           "invalid_argument", "not_found",    "bad_bundle",
      "incompatible", "bad_picture",      "context_full", "cancelled",
      "unsupported",  "out_of_memory",    "internal"};
  return size_t(status) < std::size(names) ? names[status] : "unknown";
}

void bluec_open_options_defaults(bluec_open_options *options) {
  *options = {sizeof *options, 0, BLUEC_VERIFY_BLOCKS, 1};
}

bluec_status bluec_link_model(const struct bluec_model *model) {
  const Status status = caught([&]() -> Status {
    if (!model)
      return {Code::InvalidArgument, "model: expected a descriptor, found NULL"};
    linkCode(*model);
    return {};
  });
  return bluec_status(status.getCode());
}

bluec_status bluec_bundle_open(const char *directory, const bluec_open_options *options,
                               bluec_bundle **bundle, char *message, size_t message_bytes) {
  copyMessage("", message, message_bytes);
  if (!directory || !bundle) {
    copyMessage("bundle: expected a directory and a place for the handle", message, message_bytes);
    return BLUEC_INVALID_ARGUMENT;
  }
  *bundle = nullptr;
  const Status status = caught([&]() -> Status {
    bluec_open_options given;
    bluec_open_options_defaults(&given);
    BLUEC_RETURN_IF_ERROR(readOptions(options, given));
    if (given.verify_weights < 0 || given.verify_weights > BLUEC_VERIFY_HASH)
      return {Code::InvalidArgument,
              "verify weights: expected 0 to 2, found " + std::to_string(given.verify_weights)};
    Result<std::unique_ptr<Bundle>> opened =
        Bundle::open(directory, {.threads = given.threads,
                                 .weights = WeightsCheck(given.verify_weights),
                                 .guardWeights = given.guard_weights != 0});
    if (!opened.ok())
      return opened.status();
    *bundle = new bluec_bundle{std::move(*opened)};
    return {};
  });
  copyMessage(status.message(), message, message_bytes);
  return bluec_status(status.getCode());
}

void bluec_bundle_close(bluec_bundle *bundle) { delete bundle; }

const struct bluec_model *bluec_bundle_model(const bluec_bundle *bundle) {
  return &bundle->bundle->model();
}

const char *bluec_bundle_manifest(const bluec_bundle *bundle, size_t *bytes) {
  const std::string &text = bundle->bundle->files().manifestText();
  if (bytes)
    *bytes = text.size();
  return text.c_str();
}

int32_t bluec_bundle_threads(const bluec_bundle *bundle) {
  return bundle->bundle->threads().threads();
}

bluec_status bluec_bundle_release_segment(const bluec_bundle *bundle, const char *segment) {
  if (!bundle || !segment)
    return BLUEC_INVALID_ARGUMENT;
  return bluec_status(caught([&] { return bundle->bundle->releaseSegment(segment); }).getCode());
}

bluec_status bluec_session_create(bluec_bundle *bundle, bluec_session **session, char *message,
                                  size_t message_bytes) {
  copyMessage("", message, message_bytes);
  if (!bundle || !session) {
    copyMessage("session: expected a bundle and a place for the handle", message, message_bytes);
    return BLUEC_INVALID_ARGUMENT;
  }
  *session = nullptr;
  const Status status = caught([&]() -> Status {
    Result<std::unique_ptr<Session>> created = Session::create(*bundle->bundle);
    if (!created.ok())
      return created.status();
    *session = new bluec_session{std::move(*created), bundle->bundle.get(), {}};
    return {};
  });
  copyMessage(status.message(), message, message_bytes);
  return bluec_status(status.getCode());
}

void bluec_session_options_defaults(bluec_session_options *options) {
  *options = {sizeof *options, BLUEC_AHEAD_AFTER_ENCODING};
}

bluec_status bluec_session_set_options(bluec_session *session,
                                       const bluec_session_options *options) {
  return run(session, [&]() -> Status {
    bluec_session_options given;
    bluec_session_options_defaults(&given);
    BLUEC_RETURN_IF_ERROR(readOptions(options, given));
    if (given.prefill_ahead < BLUEC_AHEAD_OFF || given.prefill_ahead > BLUEC_AHEAD_WHILE_ENCODING)
      return {Code::InvalidArgument,
              "prefill ahead: expected 0 to 2, found " + std::to_string(given.prefill_ahead)};
    session->session->setPrefillAhead(PrefillAhead(given.prefill_ahead));
    return {};
  });
}

void bluec_session_free(bluec_session *session) { delete session; }

const char *bluec_session_error(const bluec_session *session) { return session->error.c_str(); }

void bluec_session_reset(bluec_session *session) {
  session->session->reset();
  session->error.clear();
}

bluec_status bluec_session_add_picture_file(bluec_session *session, const void *bytes,
                                            size_t size) {
  return run(session, [&]() -> Status {
    if (!bytes && size != 0)
      return {Code::InvalidArgument, "picture: expected bytes, found a null pointer"};
    return session->session->addPictureFile({static_cast<const std::uint8_t *>(bytes), size});
  });
}

bluec_status bluec_session_add_picture_rgb(bluec_session *session, const uint8_t *rgb,
                                           int32_t width, int32_t height, int64_t stride) {
  return run(session, [&]() -> Status {
    const PictureLimits limits;
    if (!rgb || width < 1 || height < 1 || width > limits.maxSide || height > limits.maxSide ||
        std::int64_t(width) * height > limits.maxPixels || stride < std::int64_t(3) * width)
      return {Code::InvalidArgument, "picture: its pixels, size or stride are out of range"};
    Picture picture{width, height, {}};
    const auto rowBytes = size_t(width) * 3;
    picture.pixels.resize(rowBytes * size_t(height));
    for (int32_t y = 0; y < height; ++y)
      std::memcpy(&picture.pixels[size_t(y) * rowBytes], rgb + y * stride, rowBytes);
    return session->session->addPicture(std::move(picture));
  });
}

int32_t bluec_session_picture_count(const bluec_session *session) {
  return int32_t(session->session->pictureCount());
}

bluec_status bluec_session_picture_info(const bluec_session *session, int32_t index,
                                        bluec_picture_info *info) {
  if (!session || !info || info->struct_bytes < sizeof info->struct_bytes || index < 0 ||
      index >= session->session->pictureCount())
    return BLUEC_INVALID_ARGUMENT;
  const PictureInfo from = session->session->picture(index);
  fill(info,
       bluec_picture_info{0, int32_t(from.state), int32_t(from.status.getCode()), from.grid.columns,
                          from.grid.rows, from.tiles, from.tilesDone, from.tokens});
  return BLUEC_OK;
}

const float *bluec_session_picture_features(const bluec_session *session, int32_t index,
                                            int64_t *tiles) {
  std::shared_ptr<const Features> features; // the session has another hold on them
  if (index >= 0 && index < session->session->pictureCount())
    features = session->session->picture(index).features;
  if (tiles)
    *tiles = features ? features->tiles : 0;
  return features ? features->rows.data() : nullptr;
}

bluec_status bluec_session_drop_picture(bluec_session *session, int32_t index) {
  return run(session, [&] { return session->session->dropPicture(index); });
}

bluec_status bluec_session_drop_pictures(bluec_session *session) {
  return run(session, [&]() -> Status {
    session->session->dropPictures();
    return {};
  });
}

bluec_status bluec_session_wait(bluec_session *session, int32_t until) {
  return run(session, [&]() -> Status {
    if (until < BLUEC_WAIT_SIZED || until > BLUEC_WAIT_PREFILLED)
      return {Code::InvalidArgument, "wait: expected 0 to 2, found " + std::to_string(until)};
    return session->session->wait(Until(until));
  });
}

bluec_status bluec_session_progress(const bluec_session *session, bluec_progress *progress) {
  if (!session || !progress || progress->struct_bytes < sizeof progress->struct_bytes)
    return BLUEC_INVALID_ARGUMENT;
  const Progress from = session->session->progress();
  fill(progress,
       bluec_progress{0, int32_t(from.activity), 0, from.pictures, from.encoded, from.failed,
                      from.tiles, from.tilesDone, from.knownTokens, from.cachedTokens});
  return BLUEC_OK;
}

bluec_status bluec_session_set_system(bluec_session *session, const char *text, size_t bytes) {
  return run(session, [&]() -> Status {
    if (!text || bytes == 0 || (bytes == SIZE_MAX && *text == 0))
      return session->session->setSystem(std::nullopt);
    return session->session->setSystem(bytes == SIZE_MAX ? std::string(text)
                                                         : std::string(text, bytes));
  });
}

bluec_status bluec_session_set_draft(bluec_session *session, const char *text, size_t bytes) {
  return run(session, [&]() -> Status {
    if (!text && bytes != 0)
      return {Code::InvalidArgument, "draft: expected text, found a null pointer"};
    session->session->setDraft(bytes == SIZE_MAX ? std::string_view(text)
                                                 : std::string_view(text, bytes));
    return {};
  });
}

int64_t bluec_session_turn_count(const bluec_session *session) { return session->session->turns(); }

int64_t bluec_session_turns_to_drop(const bluec_session *session, int64_t tokens) {
  int64_t turns = -1;
  (void)caught([&]() -> Status {
    turns = session->session->turnsToDrop(tokens);
    return {};
  });
  return turns;
}

bluec_status bluec_session_drop_oldest_turns(bluec_session *session, int64_t turns) {
  return run(session, [&] { return session->session->dropOldestTurns(turns); });
}

bluec_status bluec_session_add_turn(bluec_session *session, const char *text, size_t bytes) {
  return run(session, [&]() -> Status {
    if (!text && bytes != 0)
      return {Code::InvalidArgument, "prompt: expected text, found a null pointer"};
    return session->session->addTurn(bytes == SIZE_MAX ? std::string_view(text)
                                                       : std::string_view(text, bytes));
  });
}

void bluec_generate_options_defaults(bluec_generate_options *options) {
  *options = generateOptions({});
}

void bluec_bundle_generate_options(const bluec_bundle *bundle, bluec_generate_options *options) {
  *options = generateOptions(bundle->bundle->manifest().generate);
}

bluec_status bluec_session_generate(bluec_session *session, const bluec_generate_options *options,
                                    bluec_text_fn on_text, void *user) {
  return run(session, [&]() -> Status {
    bluec_generate_options given;
    bluec_generate_options_defaults(&given);
    BLUEC_RETURN_IF_ERROR(readOptions(options, given));
    GenerateOptions chosen = session->bundle->manifest().generate;
    if (options)
      chosen = {given.max_new_tokens,
                {given.temperature, given.top_p, given.seed, given.top_k, given.min_p,
                 given.repetition_penalty}};
    Session::OnText onText;
    if (on_text)
      onText = [&](std::string_view text) { return on_text(user, text.data(), text.size()) == 0; };
    return session->session->generate(chosen, onText);
  });
}

int32_t bluec_session_stop_reason(const bluec_session *session) {
  return int32_t(session->session->stopReason());
}

const int32_t *bluec_session_answer_tokens(const bluec_session *session, int64_t *count) {
  const auto tokens = session->session->answerTokens();
  *count = std::ssize(tokens);
  return tokens.data();
}

const int32_t *bluec_session_turn_tokens(const bluec_session *session, int64_t *count) {
  const auto tokens = session->session->turnTokens();
  *count = std::ssize(tokens);
  return tokens.data();
}

const float *bluec_session_logits(const bluec_session *session, int64_t *count) {
  const auto logits = session->session->logits();
  if (count)
    *count = std::ssize(logits);
  return logits.empty() ? nullptr : logits.data();
}

void bluec_session_cancel(bluec_session *session) { session->session->cancel(); }

bluec_status bluec_session_statistics(const bluec_session *session, bluec_statistics *statistics) {
  if (!session || !statistics || statistics->struct_bytes < sizeof statistics->struct_bytes)
    return BLUEC_INVALID_ARGUMENT;
  const Statistics from = session->session->statistics();
  fill(statistics,
       bluec_statistics{0, from.decodePictureSeconds, from.tileSeconds, from.encodeSeconds,
                        from.tokenizeSeconds, from.prefillSeconds, from.generateSeconds,
                        from.pictures, from.tiles, from.prefillTokens, from.decodedTokens,
                        session->session->position(), session->bundle->model().context,
                        from.aheadSeconds, from.aheadTokens, from.waitSeconds, from.neededTokens});
  return BLUEC_OK;
}

bluec_status bluec_session_run_entry(bluec_session *session, const char *name, int64_t count,
                                     int64_t position, const void *const *inputs,
                                     void *const *outputs, bluec_observe_fn observe, void *user) {
  return run(session, [&]() -> Status {
    const bluec_entry *entry = name ? session->bundle->findEntry(name) : nullptr;
    if (!entry)
      return {Code::InvalidArgument, "there is no entry " + inQuotes(name ? name : "")};
    if (!inputs || !outputs)
      return {Code::InvalidArgument, "expected inputs and outputs, found a null pointer"};
    OnStep onStep;
    if (observe)
      onStep = [&](std::int64_t index, const bluec_step &step, const void *output) {
        return observe(user, index, &step, output) == 0;
      };
    return session->session->runEntry(*entry, count, position, {inputs, size_t(entry->num_inputs)},
                                      {outputs, size_t(entry->num_outputs)}, onStep);
  });
}
