/* The runtime's C interface: open a bundle, talk to the model in it.
 *
 *   bluec_bundle *bundle;
 *   char why[BLUEC_MESSAGE_BYTES];
 *   if (bluec_bundle_open("out", NULL, &bundle, why, sizeof why) != BLUEC_OK)
 *     ...
 *   bluec_session *session;
 *   bluec_session_create(bundle, &session, why, sizeof why);
 *   bluec_session_add_picture_file(session, bytes, size);       (encodes at once)
 *   bluec_session_add_turn(session, "What does it say?", SIZE_MAX);
 *   bluec_session_generate(session, NULL, print, stdout);
 *
 * Threads. A bundle is immutable and may be used by any number of threads and sessions at once. A
 * session is used by one thread at a time; only bluec_session_cancel may be called while another
 * thread is inside it.
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

#include "abi/bluec_abi.h"

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
} bluec_open_options;

void bluec_open_options_defaults(bluec_open_options *options); /* 0, BLUEC_VERIFY_BLOCKS */

/* Opens the bundle in `directory`. `options` may be NULL (defaults), `message` too. On failure
 * *bundle is NULL. NOT_FOUND, BAD_BUNDLE, INCOMPATIBLE, OUT_OF_MEMORY, INVALID_ARGUMENT.
 *
 * A bundle is native code. The checks find damage and mismatch; open only what you would run. */
bluec_status bluec_bundle_open(const char *directory, const bluec_open_options *options,
                               bluec_bundle **bundle, char *message, size_t message_bytes);
void bluec_bundle_close(bluec_bundle *bundle); /* NULL is fine */

/* The descriptor of the compiled model: geometry, entry points, steps, tensors. Lives as long as
 * the bundle. */
const struct bluec_model *bluec_bundle_model(const bluec_bundle *bundle);
/* manifest.json as it is; `bytes` may be NULL. Zero-terminated; lives as long as the bundle. */
const char *bluec_bundle_manifest(const bluec_bundle *bundle, size_t *bytes);
int32_t bluec_bundle_threads(const bluec_bundle *bundle);

/* Lets the pages of a segment ("vision", "language") leave memory. They come back from the file
 * when they are read again, so this is safe at any time; it is worth it once pictures are encoded.
 * INVALID_ARGUMENT when there is no such segment. */
bluec_status bluec_bundle_release_segment(const bluec_bundle *bundle, const char *segment);

/* -- Session ----------------------------------------------------------------------------------- */

/* A conversation: KV cache (bluec_model::kv_bytes), one arena (the largest of all entry points) and
 * whatever waits for the next turn. The bundle must outlive it. OUT_OF_MEMORY. */
bluec_status bluec_session_create(bluec_bundle *bundle, bluec_session **session, char *message,
                                  size_t message_bytes);
void bluec_session_free(bluec_session *session); /* NULL is fine */

/* Why the last call on this session failed; "" when it did not. Valid until the next call on it. */
const char *bluec_session_error(const bluec_session *session);

/* Forgets the conversation: as new. */
void bluec_session_reset(bluec_session *session);

/* Adds a picture for the next turn and encodes it at once, so that this time is not spent after the
 * question is there. Its features are the session's own: the next picture leaves them as they are.
 * `bytes`: of a PNG or JPEG file, any size up to 16384 pixels a side and 64 Mi pixels.
 * BAD_PICTURE, UNSUPPORTED (a text model), OUT_OF_MEMORY, CANCELLED. */
bluec_status bluec_session_add_picture_file(bluec_session *session, const void *bytes, size_t size);
/* The same for pixels: 8-bit RGB, row-major, top row first, `stride` bytes from row to row (at
 * least 3 * width). Width and height within the limits above. */
bluec_status bluec_session_add_picture_rgb(bluec_session *session, const uint8_t *rgb,
                                           int32_t width, int32_t height, int64_t stride);

/* Pictures that wait for the next turn, oldest first, and the features of one of them:
 * f32 [tiles * tokens_per_tile, hidden]. Valid until the next call that adds, uses or drops
 * pictures. NULL when there is no picture `index`. */
int32_t bluec_session_picture_count(const bluec_session *session);
const float *bluec_session_picture_features(const bluec_session *session, int32_t index,
                                            int64_t *tiles);

/* Feeds one turn of the user: the template around `text`, with the waiting pictures where the
 * manifest's placeholder ("<image>") stands in it, in order, or before the text when there is no
 * placeholder. `bytes` SIZE_MAX: `text` ends with a zero. The text is UTF-8; special tokens that it
 * spells stay text.
 * INVALID_ARGUMENT (placeholders and pictures differ in number, not UTF-8), CONTEXT_FULL (says how
 * many tokens are needed and left), UNSUPPORTED, CANCELLED. After a failure pictures still wait and
 * the conversation is as before. */
bluec_status bluec_session_add_turn(bluec_session *session, const char *text, size_t bytes);

typedef struct bluec_generate_options {
  size_t struct_bytes;
  int64_t max_new_tokens; /* 0: as many as the context holds */
  float temperature;      /* 0: always the most likely token */
  float top_p;            /* (0, 1] */
  uint64_t seed;
} bluec_generate_options;

void bluec_generate_options_defaults(bluec_generate_options *options); /* 0, 0, 1, 0 */

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

/* Answers the turn. `options` and `on_text` may be NULL. OK also when the callback ended it or when
 * the context ran full (see bluec_session_stop_reason); what was generated until then is part of
 * the conversation. INVALID_ARGUMENT (no turn to answer, senseless options), INTERNAL. */
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

/* Makes the call that another thread is in, or else the next one, end soon with CANCELLED, or with
 * OK and BLUEC_STOP_CANCELLED in the case of bluec_session_generate. May be called from any thread.
 */
void bluec_session_cancel(bluec_session *session);

typedef struct bluec_statistics {
  size_t struct_bytes;
  /* Since the session was made or reset, seconds of wall clock. */
  double decode_picture_seconds; /* PNG or JPEG to pixels */
  double tile_seconds;           /* resizing and cutting */
  double encode_seconds;         /* image encoder */
  double tokenize_seconds;
  double prefill_seconds;  /* embedding and prefill */
  double generate_seconds; /* decoding and sampling */
  int64_t pictures;
  int64_t tiles;
  int64_t prefill_tokens; /* with those of pictures */
  int64_t decoded_tokens; /* runs of the decode entry */
  int64_t position;       /* tokens in the KV cache */
  int64_t context;        /* tokens that it can hold */
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
 * The session's conversation does not know of this: reset it before the next turn.
 * INVALID_ARGUMENT (no such entry, count outside 1..capacity, position + count beyond the context),
 * CANCELLED. */
bluec_status bluec_session_run_entry(bluec_session *session, const char *name, int64_t count,
                                     int64_t position, const void *const *inputs,
                                     void *const *outputs, bluec_observe_fn observe, void *user);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BLUEC_RUNTIME_H */
