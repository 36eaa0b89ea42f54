/* The runtime's C interface: open a bundle, talk to the model in it.
 *
 *   bluec_bundle *bundle;
 *   char why[BLUEC_MESSAGE_BYTES];
 *   if (bluec_bundle_open("out", NULL, &bundle, why, sizeof why) != BLUEC_OK)
 *     ...
 *   bluec_session *session;
 *   bluec_session_create(bundle, &session, why, sizeof why);
 *   bluec_session_add_picture_file(session, bytes, size);       (begins to encode, and returns)
 *   bluec_session_add_turn(session, "What does it say?", SIZE_MAX);   (waits for what is left)
 *   bluec_session_generate(session, NULL, print, stdout);
 *
 * Threads. A bundle is immutable and may be used by any number of threads and sessions at once. A
 * session is used by one thread at a time; only bluec_session_cancel and bluec_session_progress may
 * be called while another thread is inside it. A session has two threads of its own, each made when
 * it is first needed: one encodes pictures, one prefills what is known of the next turn. Both work
 * between the caller's calls and make room for them; nothing of the caller's runs on them. Results
 * do not depend on what they got done.
 *
 * Ownership. What a *_open or *_create function gives is freed by the function named beside it;
 * sessions before their bundle. Every other pointer that the runtime hands out belongs to it and
 * says below how long it stays valid. Pointers that the caller passes in are used during the call
 * only.
 *
 * Errors. Every call that can fail answers with a bluec_status. The reason is one line of ASCII or
 * UTF-8 in lower case ("weights.bin: expected 4096 bytes, found 4095"): in the `message` buffer for
 * calls that make a handle, else from bluec_session_error. A failed call changes nothing, except
 * where it says so.
 *
 * Options structs begin with their size, so that they can grow: set it with sizeof, or use the
 * *_defaults functions.
 */
#ifndef BLUEC_RUNTIME_H
#define BLUEC_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "bluec_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BLUEC_RUNTIME_VERSION "0.1.0"
#define BLUEC_MESSAGE_BYTES 1024 /* enough for every message; longer ones are cut */

typedef enum bluec_status {
  BLUEC_OK = 0,
  BLUEC_INVALID_ARGUMENT = 1, /* the caller broke a rule of this header */
  BLUEC_NOT_FOUND = 2,        /* a file is missing or cannot be read */
  BLUEC_BAD_BUNDLE = 3,       /* damaged, or inconsistent with itself */
  BLUEC_INCOMPATIBLE = 4,     /* sound, but for another version, architecture or CPU */
  BLUEC_BAD_PICTURE = 5,      /* neither PNG nor JPEG, damaged, or too large */
  BLUEC_CONTEXT_FULL = 6,     /* does not fit into what is left of the context */
  BLUEC_CANCELLED = 7,        /* by bluec_session_cancel or by a callback */
  BLUEC_UNSUPPORTED = 8,      /* the model has no such part, e.g. no vision side */
  BLUEC_OUT_OF_MEMORY = 9,
  BLUEC_INTERNAL = 10, /* a fault of the runtime or of the compiled code */
} bluec_status;

/* "context_full" and the like; static. */
const char *bluec_status_name(bluec_status status);

typedef struct bluec_bundle bluec_bundle;
typedef struct bluec_session bluec_session;

/* -- Bundle ------------------------------------------------------------------------------------ */

/* What opening checks of weights.bin beyond its size. Manifest, code and tokenizer are always
 * verified by their SHA-256. */
enum bluec_verify {
  BLUEC_VERIFY_NONE = 0,
  BLUEC_VERIFY_BLOCKS = 1, /* a checksum for each block: finds damage, takes tenths of a second */
  BLUEC_VERIFY_HASH = 2,   /* SHA-256: finds manipulation by those who cannot change the manifest */
};

typedef struct bluec_open_options {
  size_t struct_bytes;
  int32_t threads;        /* that work on one call, the caller's included; 0: one for each CPU */
  int32_t verify_weights; /* enum bluec_verify */
  /* Not 0: weights.bin is guarded. When it is cut while it is in use, a call that needs what is
   * gone gives NOT_FOUND. For that the first such bundle sets a handler of SIGBUS, which hands on
   * what is not its own to the handler that was there. 0: the signal is left alone, and ends the
   * process. */
  int32_t guard_weights;
} bluec_open_options;

void bluec_open_options_defaults(bluec_open_options *options); /* 0, BLUEC_VERIFY_BLOCKS, 1 */

/* Makes code that is linked into this program known: what `bluec compile --emit cpp`, exe or obj
 * gives. Call it before a bundle is opened that has its weights and says of its code that it is
 * linked. Any thread. The descriptor is kept, and never freed. INVALID_ARGUMENT, OUT_OF_MEMORY.
 *
 *   extern const struct bluec_model bluec_model;
 *   bluec_link_model(&bluec_model);                                                              */
bluec_status bluec_link_model(const struct bluec_model *model);

/* Opens the bundle in `directory`. `options` may be NULL (defaults), `message` too. On failure
 * *bundle is NULL. NOT_FOUND, BAD_BUNDLE, INCOMPATIBLE, OUT_OF_MEMORY, INVALID_ARGUMENT.
 *
 * A bundle is native code. The checks find damage and mismatch; open only what you would run. */
bluec_status bluec_bundle_open(const char *directory, const bluec_open_options *options,
                               bluec_bundle **bundle, char *message, size_t message_bytes);
void bluec_bundle_close(bluec_bundle *bundle); /* NULL is fine */

/* The descriptor of the compiled model: geometry, entry points, steps, tensors. It is one, with the
 * manifest's devices and the entry points of all, even where the bundle has several code files;
 * target, triple and cpu_features are those of the first device. Lives as long as the bundle. */
const struct bluec_model *bluec_bundle_model(const bluec_bundle *bundle);
/* manifest.json as it is; `bytes` may be NULL. Zero-terminated; lives as long as the bundle. */
const char *bluec_bundle_manifest(const bluec_bundle *bundle, size_t *bytes);
int32_t bluec_bundle_threads(const bluec_bundle *bundle);

/* Lets the pages of a segment ("vision", "language") leave memory. They come back from the file
 * when they are read again, so this is safe at any time; it is worth it once pictures are encoded.
 * INVALID_ARGUMENT when there is no such segment. */
bluec_status bluec_bundle_release_segment(const bluec_bundle *bundle, const char *segment);

/* -- Session ----------------------------------------------------------------------------------- */

/* A conversation: KV cache (bluec_model::kv_bytes), an arena for the language side and one for the
 * image encoder, the features of its pictures, and whatever waits for the next turn. The bundle
 * must outlive it. OUT_OF_MEMORY. */
bluec_status bluec_session_create(bluec_bundle *bundle, bluec_session **session, char *message,
                                  size_t message_bytes);
/* Ends what runs in the background first. NULL is fine. */
void bluec_session_free(bluec_session *session);

/* What may be prefilled before the question is there. The answers are the same bit for bit. */
enum bluec_prefill_ahead {
  BLUEC_AHEAD_OFF = 0, /* nothing */
  /* Once all pictures are encoded and the vision side has left memory: the template, the text
   * before them, the pictures, and what bluec_session_set_draft says of the text after them. */
  BLUEC_AHEAD_AFTER_ENCODING = 1,
  /* Also while pictures are being encoded, as far as it is known (what stands before them). Both
   * sides of the weights are in memory then, and share the CPU. */
  BLUEC_AHEAD_WHILE_ENCODING = 2,
};

typedef struct bluec_session_options {
  size_t struct_bytes;
  int32_t prefill_ahead; /* enum bluec_prefill_ahead */
} bluec_session_options;

void bluec_session_options_defaults(bluec_session_options *options); /* AFTER_ENCODING */

/* At any time between calls; NULL: the defaults. INVALID_ARGUMENT. */
bluec_status bluec_session_set_options(bluec_session *session,
                                       const bluec_session_options *options);

/* Why the last call on this session failed; "" when it did not. Valid until the next call on it. */
const char *bluec_session_error(const bluec_session *session);

/* Forgets the conversation and its pictures, ends what runs in the background: as new. Options and
 * the system text stay. */
void bluec_session_reset(bluec_session *session);

/* Adds a picture for the next turn. The call copies what it is given and returns; decoding, tiling
 * and encoding begin at once in the background. What goes wrong there is said by the calls that
 * wait for the picture (bluec_session_wait, bluec_session_add_turn), and by
 * bluec_session_picture_info. `bytes`: of a PNG or JPEG file, any size up to 16384 pixels a side
 * and 64 Mi pixels. UNSUPPORTED (a text model), OUT_OF_MEMORY. */
bluec_status bluec_session_add_picture_file(bluec_session *session, const void *bytes, size_t size);
/* The same for pixels: 8-bit RGB, row-major, top row first, `stride` bytes from row to row (at
 * least 3 * width). Width and height within the limits above, else INVALID_ARGUMENT. */
bluec_status bluec_session_add_picture_rgb(bluec_session *session, const uint8_t *rgb,
                                           int32_t width, int32_t height, int64_t stride);

enum bluec_picture_state {
  BLUEC_PICTURE_WAITING = 0,
  BLUEC_PICTURE_ENCODING = 1, /* being decoded, tiled or encoded */
  BLUEC_PICTURE_ENCODED = 2,
  BLUEC_PICTURE_FAILED = 3, /* until it is dropped, calls that wait for pictures fail */
};

typedef struct bluec_picture_info {
  size_t struct_bytes;
  int32_t state;         /* enum bluec_picture_state */
  int32_t status;        /* bluec_status: why it failed, else OK */
  int32_t columns, rows; /* of the grid; these and the next are 0 until they are known */
  int64_t tiles;         /* with the thumbnail */
  int64_t tiles_done;
  int64_t tokens; /* positions that its features take */
} bluec_picture_info;

/* Pictures of the next turn, oldest first, and what has become of one of them. INVALID_ARGUMENT
 * when there is no picture `index`. */
int32_t bluec_session_picture_count(const bluec_session *session);
bluec_status bluec_session_picture_info(const bluec_session *session, int32_t index,
                                        bluec_picture_info *info);
/* The features of one of them: f32 [tiles * tokens_per_tile, hidden]. They are the session's own:
 * later pictures leave them as they are. NULL when there is no picture `index` or when it is not
 * encoded. Valid until the next call that uses or drops pictures. */
const float *bluec_session_picture_features(const bluec_session *session, int32_t index,
                                            int64_t *tiles);

/* Takes one picture of the next turn, or all, out of it; encoding that is under way ends at its
 * next step, without anybody waiting for that. INVALID_ARGUMENT when there is no picture `index`.
 */
bluec_status bluec_session_drop_picture(bluec_session *session, int32_t index);
bluec_status bluec_session_drop_pictures(bluec_session *session);

enum bluec_wait {
  BLUEC_WAIT_SIZED = 0,   /* of all pictures it is known how many tiles they have */
  BLUEC_WAIT_ENCODED = 1, /* all are encoded, and the vision side has left memory */
  /* The same, and what is known of the next turn is prefilled, as far as the options allow. */
  BLUEC_WAIT_PREFILLED = 2,
};

/* Waits for the background. The status of the first picture that failed, with its number in the
 * turn
 * ("picture 2: ..."): all others go on, and drop_picture takes it away. CANCELLED: only the waiting
 * ends; what is being encoded goes on. */
bluec_status bluec_session_wait(bluec_session *session, int32_t until /* enum bluec_wait */);

enum bluec_activity { BLUEC_IDLE = 0, BLUEC_ENCODING = 1, BLUEC_PREFILLING = 2 }; /* or both: 3 */

typedef struct bluec_progress {
  size_t struct_bytes;
  int32_t activity; /* of the background: enum bluec_activity */
  int32_t reserved;
  int64_t pictures; /* of the next turn */
  int64_t encoded;
  int64_t failed;
  int64_t tiles; /* of the pictures whose tiles have been counted */
  int64_t tiles_done;
  int64_t known_tokens;  /* the conversation and what is known of the next turn */
  int64_t cached_tokens; /* of those, in the KV cache */
} bluec_progress;

/* How far the background is. May be called from any thread at any time. Fills at most
 * progress->struct_bytes bytes. */
bluec_status bluec_session_progress(const bluec_session *session, bluec_progress *progress);

/* What the model is told before the first turn, where its chat template has a place for that; it
 * stays for the session's next conversations (reset). UTF-8; `bytes` SIZE_MAX: `text` ends with a
 * zero; NULL or empty: nothing. INVALID_ARGUMENT (turns have been said, the template takes no
 * system text, not UTF-8), UNSUPPORTED. */
bluec_status bluec_session_set_system(bluec_session *session, const char *text, size_t bytes);

/* What the user has typed so far of the next turn's text, so that it can be prefilled ahead: what
 * stands before a picture ("Compare <image> with") at once, the rest as it grows. The draft may
 * change in any way, also be cut within a character; it changes no result. */
bluec_status bluec_session_set_draft(bluec_session *session, const char *text, size_t bytes);

/* Feeds one turn of the user: the template around `text`, with the waiting pictures where the
 * manifest's placeholder ("<image>") stands in it, in order, or before the text when there is no
 * placeholder. Waits for what is left to encode, and prefills what is not there yet. `bytes`
 * SIZE_MAX: `text` ends with a zero. The text is UTF-8; special tokens that it spells stay text.
 * INVALID_ARGUMENT (placeholders and pictures differ in number, not UTF-8), CONTEXT_FULL (says how
 * many tokens are needed and left: before anything is encoded, and see turns_to_drop), UNSUPPORTED,
 * CANCELLED, or what is wrong with a picture. After a failure pictures still wait and the
 * conversation is as before. */
bluec_status bluec_session_add_turn(bluec_session *session, const char *text, size_t bytes);

/* When the context is full, a conversation can begin anew (reset), or go on without its oldest
 * turns: a turn is a question with its pictures and its answer. */
int64_t bluec_session_turn_count(const bluec_session *session);
/* The least number of oldest turns to drop so that `tokens` tokens are left; -1 when none is
 * enough. bluec_statistics::needed_tokens says how many the turn that did not fit takes, without an
 * answer. */
int64_t bluec_session_turns_to_drop(const bluec_session *session, int64_t tokens);
/* Makes the conversation what it would be if only the turns after the oldest `turns` had been said
 * (with the answers that were given). They are prefilled again, in the background or with the next
 * turn; for that a session keeps its pictures' features. Pictures of the next turn stay.
 * INVALID_ARGUMENT when there are fewer turns. */
bluec_status bluec_session_drop_oldest_turns(bluec_session *session, int64_t turns);

typedef struct bluec_generate_options {
  size_t struct_bytes;
  int64_t max_new_tokens; /* 0: as many as the context holds */
  float temperature;      /* 0: always the most likely token */
  float top_p;            /* (0, 1] */
  uint64_t seed;
  int32_t top_k;            /* 0: all tokens */
  float min_p;              /* [0, 1] times the most likely token's probability */
  float repetition_penalty; /* above 0; 1: none */
} bluec_generate_options;

/* The most likely token, always, as many as the context holds: 0, 0, 1, 0, 0, 0, 1. */
void bluec_generate_options_defaults(bluec_generate_options *options);
/* What the model's authors say (generation_config.json), with seed 0. */
void bluec_bundle_generate_options(const bluec_bundle *bundle, bluec_generate_options *options);

/* Gets `bytes` bytes of text (not zero-terminated): whole UTF-8 characters, never empty. Anything
 * but 0 ends generation. */
typedef int32_t (*bluec_text_fn)(void *user, const char *text, size_t bytes);

enum bluec_stop {
  BLUEC_STOP_NONE = 0,      /* nothing was generated yet */
  BLUEC_STOP_END = 1,       /* the model ended its answer */
  BLUEC_STOP_LENGTH = 2,    /* max_new_tokens */
  BLUEC_STOP_CONTEXT = 3,   /* the context is full; the next turn will not fit */
  BLUEC_STOP_CANCELLED = 4, /* by the callback or bluec_session_cancel */
};

/* Answers the turn, or goes on with an answer that was cut short (LENGTH, CANCELLED, or CONTEXT
 * once turns were dropped). `options` may be NULL: the bundle's; so may `on_text`. OK also when the
 * callback ended it or when the context ran full (see bluec_session_stop_reason); what was
 * generated until then is part of the conversation. Pictures that were added after the turn are
 * waited for, unless both sides may be in memory. INVALID_ARGUMENT (no turn to answer, senseless
 * options), CONTEXT_FULL (an answer goes on), INTERNAL. */
bluec_status bluec_session_generate(bluec_session *session, const bluec_generate_options *options,
                                    bluec_text_fn on_text, void *user);
int32_t bluec_session_stop_reason(const bluec_session *session); /* enum bluec_stop */

/* Tokens of the last answer, with the one that ended it. Valid until the next turn or answer. */
const int32_t *bluec_session_answer_tokens(const bluec_session *session, int64_t *count);
/* Tokens of the last turn as it was fed; a picture's positions are the manifest's image_token_id.
 */
const int32_t *bluec_session_turn_tokens(const bluec_session *session, int64_t *count);

/* The logits of the last token that was computed: f32 [vocabulary]. After add_turn those of the
 * first token of the answer. NULL before the first turn; valid until the next call on the session.
 */
const float *bluec_session_logits(const bluec_session *session, int64_t *count);

/* Makes the call that another thread is in, or else the next one that waits or computes, end soon
 * with CANCELLED, or with OK and BLUEC_STOP_CANCELLED in the case of bluec_session_generate. The
 * background goes on: drop_picture ends an encoding. May be called from any thread, and from a
 * signal's handler. */
void bluec_session_cancel(bluec_session *session);

typedef struct bluec_statistics {
  size_t struct_bytes;
  /* Since the session was made or reset, seconds of wall clock. */
  double decode_picture_seconds; /* PNG or JPEG to pixels */
  double tile_seconds;           /* resizing and cutting */
  double encode_seconds;         /* image encoder */
  double tokenize_seconds;
  double prefill_seconds;  /* embedding and prefill, also in the background */
  double generate_seconds; /* decoding and sampling */
  int64_t pictures;
  int64_t tiles;
  int64_t prefill_tokens; /* with those of pictures */
  int64_t decoded_tokens; /* runs of the decode entry */
  int64_t position;       /* tokens in the KV cache */
  int64_t context;        /* tokens that it can hold */
  double ahead_seconds;   /* of prefill_seconds, in the background */
  int64_t ahead_tokens;   /* of prefill_tokens, in the background */
  double wait_seconds;    /* that calls waited for the background */
  int64_t needed_tokens;  /* of the last turn when it did not fit into the context, else 0 */
} bluec_statistics;

/* Fills at most statistics->struct_bytes bytes. */
bluec_status bluec_session_statistics(const bluec_session *session, bluec_statistics *statistics);

/* -- One entry point by name (verify, tests, own generation loops) -------------------------------
 */

/* Called after each step: its index, its description, and its output in the arena (NULL when it has
 * none). Rows past `count` of the call are garbage. Anything but 0 ends the call with CANCELLED. */
typedef int32_t (*bluec_observe_fn)(void *user, int64_t index, const struct bluec_step *step,
                                    const void *output);

/* Runs entry `name` on `count` rows with `position` tokens in the session's KV cache.
 * `inputs[i]` has entry->inputs[i]'s type and the first `count` of its rows; `outputs[i]` room for
 * the first min(count, dims[0]) rows of entry->outputs[i] (NULL: not wanted). Arrays are as long as
 * the entry's num_inputs and num_outputs. `observe` may be NULL.
 * What the conversation had in the KV cache from `position` on is prefilled again with its next
 * turn. What stands before `position` is the caller's business: with rings
 * (bluec_model::ring_positions) less of it is still there than was written.
 * Waits for pictures that are being encoded. INVALID_ARGUMENT (no such entry, count outside
 * 1..capacity, position + count beyond the context), CANCELLED. */
bluec_status bluec_session_run_entry(bluec_session *session, const char *name, int64_t count,
                                     int64_t position, const void *const *inputs,
                                     void *const *outputs, bluec_observe_fn observe, void *user);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BLUEC_RUNTIME_H */
