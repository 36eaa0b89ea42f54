// A model that implements the contract without a compiler, to test the runtime with: it echoes.
//
// The language side keeps one number a position in its KV cache (the token's id, or a negative
// number for a row of picture features) and answers a turn with the tokens between the last
// <|user|> and the <|assistant|> after it, pictures left out, then with <|end|>. So every answer
// shows what is in the cache: a chunk at the wrong place, a picture's row taken for a token or a
// leftover of another turn changes it.
//
// The vision side answers with rows (2, mean of the tile's pixels, index in the call, capacity of
// the entry), which shows how tiles were handed out. With FAKE_STAGES its encoders are pairs of
// stages, of which the first gives the means. With FAKE_POSITIONS its rows are told where they
// stand, on two axes, and every row of a chunk gets logits: the last one's are right, the others'
// are not. A stage answers with an error to pixels that are FAKE_BAD_PATCHES or FAKE_BAD_BLOCKS in
// the mean.
//
// With FAKE_RING its cache is a ring of so many positions and it sees the last FAKE_WINDOW of them.
// It answers with FAKE_LOST where one of these is not in the ring any more.
//
// With FAKE_PART its stages are two code files: FIRST is the encoder's first stages, on "cpu", and
// REST is all else, on "npu".
#include "abi/bluec_abi.h"
#include "support/FakeGeometry.h"

#include <stddef.h>
#include <stdlib.h>

#define FIRST 1
#define REST 2
#ifdef FAKE_PART
#define HAS(part) (FAKE_PART == part)
#define NPU 0 // of the devices of its file
#else
#define HAS(part) 1
#define NPU 1
#endif

// Tells the tests that the object was loaded.
__attribute__((constructor)) static void loaded(void) { setenv(FAKE_LOADED_VARIABLE, "1", 1); }

enum {
  pixelBytes = 3 * FAKE_TILE * FAKE_TILE * 4,
  featureBytes = FAKE_TOKENS_PER_TILE * FAKE_HIDDEN * 4
};

// Offsets in the arenas.
enum { positionsOffset = 2048, outputOffset = 4096, arenaBytes = 16384 };

static float *at(const struct bluec_call *call, int64_t offset) {
  return (float *)(call->arena + offset);
}

static int32_t runStep(const struct bluec_call *call, bluec_kernel_fn kernel, int64_t tasks,
                       int64_t step) {
  call->parallel_for(call->pool, kernel, call, tasks);
  return call->on_step ? call->on_step(call->observer, step) : 0;
}

static float meanOf(const float *pixels) {
  float sum = 0;
  for (int i = 0; i < 3 * FAKE_TILE * FAKE_TILE; ++i)
    sum += pixels[i];
  return sum / (3 * FAKE_TILE * FAKE_TILE);
}

static void writeFeatures(const struct bluec_call *call, int64_t tile, float mean, float capacity) {
  float *rows = at(call, outputOffset) + tile * FAKE_TOKENS_PER_TILE * FAKE_HIDDEN;
  for (int row = 0; row < FAKE_TOKENS_PER_TILE; ++row, rows += FAKE_HIDDEN) {
    rows[0] = 2;
    rows[1] = mean;
    rows[2] = (float)tile;
    rows[3] = capacity;
  }
}

#ifndef FAKE_STAGES
static void encodeTiles(const struct bluec_call *call, int64_t begin, int64_t end, float capacity) {
  for (int64_t tile = begin; tile < end; ++tile)
    writeFeatures(call, tile, meanOf(at(call, 0) + tile * 3 * FAKE_TILE * FAKE_TILE), capacity);
}

static void encodeFour(const struct bluec_call *call, int64_t begin, int64_t end) {
  encodeTiles(call, begin, end, 4);
}
static void encodeOne(const struct bluec_call *call, int64_t begin, int64_t end) {
  encodeTiles(call, begin, end, 1);
}
static int32_t runEncodeFour(const struct bluec_call *call) {
  return runStep(call, encodeFour, call->count, 0);
}
static int32_t runEncodeOne(const struct bluec_call *call) {
  return runStep(call, encodeOne, call->count, 0);
}
#else
static void patchTiles(const struct bluec_call *call, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile)
    at(call, outputOffset)[tile] = meanOf(at(call, 0) + tile * 3 * FAKE_TILE * FAKE_TILE);
}
static void blocksOfFour(const struct bluec_call *call, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile)
    writeFeatures(call, tile, at(call, 0)[tile], 4);
}
static void blocksOfOne(const struct bluec_call *call, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile)
    writeFeatures(call, tile, at(call, 0)[tile], 1);
}
// Of two steps, so that there is one to cancel in.
static int32_t runStage(const struct bluec_call *call, bluec_kernel_fn kernel, const float *means,
                        float bad) {
  for (int64_t step = 0; step < 2; ++step) {
    const int32_t answer = runStep(call, kernel, call->count, step);
    if (answer)
      return answer;
  }
  for (int64_t tile = 0; tile < call->count; ++tile)
    if (means[tile] == bad)
      return (int32_t)bad;
  return 0;
}
static int32_t runPatches(const struct bluec_call *call) {
  return runStage(call, patchTiles, at(call, outputOffset), FAKE_BAD_PATCHES);
}
static int32_t runBlocksFour(const struct bluec_call *call) {
  return runStage(call, blocksOfFour, at(call, 0), FAKE_BAD_BLOCKS);
}
static int32_t runBlocksOne(const struct bluec_call *call) {
  return runStage(call, blocksOfOne, at(call, 0), FAKE_BAD_BLOCKS);
}
#endif

static void embedTokens(const struct bluec_call *call, int64_t begin, int64_t end) {
  const int32_t *ids = (const int32_t *)call->arena;
  for (int64_t i = begin; i < end; ++i) {
    float *row = at(call, outputOffset) + i * FAKE_HIDDEN;
    row[0] = 1;
    row[1] = (float)ids[i];
    row[2] = row[3] = 0;
  }
}
static int32_t runEmbed(const struct bluec_call *call) {
  return runStep(call, embedTokens, call->count, 0);
}

// Where row `i` stands in the cache, as the caller says it if the model asks.
static int64_t placeOf(const struct bluec_call *call, int64_t i) {
#ifdef FAKE_POSITIONS
  const int32_t *places = (const int32_t *)at(call, positionsOffset) + 2 * i;
  return places[0] == places[1] ? places[0] : 0;
#else
  return call->position + i;
#endif
}

#ifdef FAKE_RING
// Each position with its number.
enum {
  cacheBytes = FAKE_RING * 8,
  ringPositions = FAKE_RING,
  ringBack = FAKE_RING - FAKE_WINDOW + 1
};
static void keep(float *cache, int64_t place, float id) {
  cache[2 * (place % FAKE_RING)] = id;
  cache[2 * (place % FAKE_RING) + 1] = (float)place;
}
static float kept(const float *cache, int64_t place) { return cache[2 * (place % FAKE_RING)]; }
static int64_t firstSeen(int64_t count) { return count < FAKE_WINDOW ? 0 : count - FAKE_WINDOW; }
static int isLost(const float *cache, int64_t place) {
  return cache[2 * (place % FAKE_RING) + 1] != (float)place;
}
#else
enum { cacheBytes = FAKE_CONTEXT * 4, ringPositions = 0, ringBack = 0 };
static void keep(float *cache, int64_t place, float id) { cache[place] = id; }
static float kept(const float *cache, int64_t place) { return cache[place]; }
static int64_t firstSeen(int64_t count) {
  (void)count;
  return 0;
}
static int isLost(const float *cache, int64_t place) {
  (void)cache, (void)place;
  return 0;
}
#endif

static void cacheRows(const struct bluec_call *call, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float *row = at(call, 0) + i * FAKE_HIDDEN;
    keep((float *)call->kv, placeOf(call, i), row[0] == 1 ? row[1] : -1);
  }
}

static void cacheToken(const struct bluec_call *call, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  keep((float *)call->kv, placeOf(call, 0), (float)*(const int32_t *)call->arena);
}

// The token that continues the cache's first `count` tokens.
static int32_t nextToken(const float *cache, int64_t count) {
  int64_t user = -1, assistant = -1;
  for (int64_t i = firstSeen(count); i < count; ++i) {
    if (isLost(cache, i))
      return FAKE_LOST;
    if (kept(cache, i) == FAKE_USER)
      user = i;
    if (kept(cache, i) == FAKE_ASSISTANT)
      assistant = i;
  }
  if (user < 0 || assistant < user)
    return FAKE_END;
  int64_t skip = count - 1 - assistant; // tokens that are answered already
  for (int64_t i = user + 1; i < assistant; ++i)
    if (kept(cache, i) >= 0 && skip-- == 0)
      return (int32_t)kept(cache, i);
  return FAKE_END;
}

static void computeLogits(const struct bluec_call *call, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  float *logits = at(call, outputOffset);
#ifdef FAKE_POSITIONS
  for (int64_t row = 0; row + 1 < call->count; ++row, logits += FAKE_VOCABULARY)
    for (int i = 0; i < FAKE_VOCABULARY; ++i)
      logits[i] = (float)i;
#endif
  for (int i = 0; i < FAKE_VOCABULARY; ++i)
    logits[i] = 0;
  logits[nextToken((const float *)call->kv, call->position + call->count)] = 8;
}

static int32_t runPrefill(const struct bluec_call *call) {
  const int32_t answer = runStep(call, cacheRows, call->count, 0);
  return answer ? answer : runStep(call, computeLogits, 1, 1);
}
static int32_t runDecode(const struct bluec_call *call) {
  const int32_t answer = runStep(call, cacheToken, 1, 0);
  return answer ? answer : runStep(call, computeLogits, 1, 1);
}

#define TENSOR(n, type, offset, bytes, rank, ...) {n, type, rank, {__VA_ARGS__}, offset, bytes}
#define NO_TENSOR {"", BLUEC_F32, 0, {0}, 0, 0}
#define PIXELS(n) TENSOR("pixels", BLUEC_F32, 0, (n) * pixelBytes, 4, n, 3, FAKE_TILE, FAKE_TILE)
#define FEATURES(n)                                                                                \
  TENSOR("features", BLUEC_F32, outputOffset, (n) * featureBytes, 3, n, FAKE_TOKENS_PER_TILE,      \
         FAKE_HIDDEN)
#define IDS(n) TENSOR("ids", BLUEC_I32, 0, (n) * 4, 1, n)
#define ROWS(offset, n)                                                                            \
  TENSOR("embeddings", BLUEC_F32, offset, (n) * FAKE_HIDDEN * 4, 2, n, FAKE_HIDDEN)
#define LOGITS(n)                                                                                  \
  TENSOR("logits", BLUEC_F32, outputOffset, (n) * FAKE_VOCABULARY * 4, 2, n, FAKE_VOCABULARY)
#define PLACES(n) TENSOR("positions", BLUEC_I32, positionsOffset, (n) * 8, 2, n, 2)

static const struct bluec_tensor fourPixels[] = {PIXELS(4)}, fourFeatures[] = {FEATURES(4)};
static const struct bluec_tensor onePixels[] = {PIXELS(1)}, oneFeatures[] = {FEATURES(1)};
static const struct bluec_tensor embedIds[] = {IDS(FAKE_CHUNK)};
static const struct bluec_tensor embedRows[] = {ROWS(outputOffset, FAKE_CHUNK)};
#ifndef FAKE_POSITIONS
static const struct bluec_tensor prefillRows[] = {ROWS(0, FAKE_CHUNK)}, decodeId[] = {IDS(1)};
static const struct bluec_tensor chunkLogits[] = {LOGITS(1)};
enum { numInputs = 1 };
#else
static const struct bluec_tensor prefillRows[] = {ROWS(0, FAKE_CHUNK), PLACES(FAKE_CHUNK)},
                                 decodeId[] = {PLACES(1), IDS(1)};
static const struct bluec_tensor chunkLogits[] = {LOGITS(FAKE_CHUNK)};
enum { numInputs = 2 };
#endif
static const struct bluec_tensor logits[] = {LOGITS(1)};

#ifndef FAKE_STAGES
static const struct bluec_step fourSteps[] = {{"vision/tiles", "encode_4", 4, FEATURES(4)}};
static const struct bluec_step oneSteps[] = {{"vision/tiles", "encode_1", 1, FEATURES(1)}};
#else
#define MEANS(offset, n) TENSOR("patches", BLUEC_F32, offset, (n) * 4, 2, n, 1)
static const struct bluec_tensor fourMeans[] = {MEANS(outputOffset, 4)},
                                 fourTaken[] = {MEANS(0, 4)};
static const struct bluec_tensor oneMean[] = {MEANS(outputOffset, 1)}, oneTaken[] = {MEANS(0, 1)};
static const struct bluec_step fourPatchSteps[] = {
    {"vision/patches", "patches_4", 4, MEANS(outputOffset, 4)},
    {"vision/again", "patches_4", 4, MEANS(outputOffset, 4)}};
static const struct bluec_step onePatchSteps[] = {
    {"vision/patches", "patches_1", 1, MEANS(outputOffset, 1)},
    {"vision/again", "patches_1", 1, MEANS(outputOffset, 1)}};
static const struct bluec_step fourSteps[] = {{"vision/tiles", "blocks_4", 4, FEATURES(4)},
                                              {"vision/again", "blocks_4", 4, FEATURES(4)}};
static const struct bluec_step oneSteps[] = {{"vision/tiles", "blocks_1", 1, FEATURES(1)},
                                             {"vision/again", "blocks_1", 1, FEATURES(1)}};
#endif
static const struct bluec_step embedSteps[] = {
    {"embed", "embed_8", FAKE_CHUNK, ROWS(outputOffset, FAKE_CHUNK)}};
static const struct bluec_step prefillSteps[] = {
    {"decoder/cache", "cache_8", FAKE_CHUNK, NO_TENSOR}, {"decoder/head", "logits", 1, LOGITS(1)}};
static const struct bluec_step decodeSteps[] = {{"decoder/cache", "cache_1", 1, NO_TENSOR},
                                                {"decoder/head", "logits", 1, LOGITS(1)}};

static const struct bluec_segment segments[] = {{"vision", 0, 4096}, {"language", 4096, 4096}};

static const struct bluec_entry entries[] = {
#ifdef FAKE_STAGES
#if HAS(FIRST)
    {"encode_patches", BLUEC_ROLE_ENCODE, 0, 2, 0, 0, 0, 4, arenaBytes, runPatches, 1, fourPixels,
     1, fourMeans, 2, fourPatchSteps},
    {"encode_patches_1", BLUEC_ROLE_ENCODE, 0, 2, 0, 0, 0, 1, arenaBytes, runPatches, 1, onePixels,
     1, oneMean, 2, onePatchSteps},
#endif
#if HAS(REST)
    {"encode_blocks", BLUEC_ROLE_ENCODE, 1, 2, 0, NPU, 0, 4, arenaBytes, runBlocksFour, 1,
     fourTaken, 1, fourFeatures, 2, fourSteps},
    {"encode_blocks_1", BLUEC_ROLE_ENCODE, 1, 2, 0, NPU, 0, 1, arenaBytes, runBlocksOne, 1,
     oneTaken, 1, oneFeatures, 2, oneSteps},
#endif
#else
    {"encode", BLUEC_ROLE_ENCODE, 0, 1, 0, 0, 0, 1, arenaBytes, runEncodeOne, 1, onePixels, 1,
     oneFeatures, 1, oneSteps},
    {"encode_batch", BLUEC_ROLE_ENCODE, 0, 1, 0, 0, 0, 4, arenaBytes, runEncodeFour, 1, fourPixels,
     1, fourFeatures, 1, fourSteps},
#endif
#if HAS(REST)
    {"embed", BLUEC_ROLE_EMBED, 0, 1, 1, 0, 0, FAKE_CHUNK, arenaBytes, runEmbed, 1, embedIds, 1,
     embedRows, 1, embedSteps},
    {"prefill", BLUEC_ROLE_DECODE, 0, 1, 1, 0, 0, FAKE_CHUNK, arenaBytes, runPrefill, numInputs,
     prefillRows, 1, chunkLogits, 2, prefillSteps},
    {"decode", BLUEC_ROLE_DECODE, 0, 1, 1, 0, 0, 1, arenaBytes, runDecode, numInputs, decodeId, 1,
     logits, 2, decodeSteps},
#endif
};

static const char *const devices[] = {
#if HAS(FIRST)
    "cpu",
#endif
#if defined(FAKE_STAGES) && HAS(REST)
    "npu",
#endif
};

#ifndef FAKE_MODEL_SYMBOL
#define FAKE_MODEL_SYMBOL bluec_model
#endif

__attribute__((visibility("default"))) const struct bluec_model FAKE_MODEL_SYMBOL = {
    .magic = BLUEC_ABI_MAGIC,
    .abi_version = BLUEC_ABI_VERSION,
    .struct_bytes = sizeof(struct bluec_model),
    .alignment = BLUEC_ALIGNMENT,
    .producer = "a test",
    .target = "fake",
    .triple = FAKE_TRIPLE,
    .cpu_features = "",
    .weights_bytes = FAKE_WEIGHTS_BYTES,
    .weights_sha256 = {FAKE_WEIGHTS_SHA256},
    .kv_bytes = cacheBytes,
    .context = FAKE_CONTEXT,
    .ring_positions = ringPositions,
    .ring_back = ringBack,
    .hidden = FAKE_HIDDEN,
    .vocabulary = FAKE_VOCABULARY,
    .tokens_per_tile = FAKE_TOKENS_PER_TILE,
    .tile_height = FAKE_TILE,
    .tile_width = FAKE_TILE,
    .num_segments = 2,
    .segments = segments,
    .num_entries = sizeof(entries) / sizeof(entries[0]),
    .entries = entries,
    .num_devices = sizeof(devices) / sizeof(devices[0]),
    .devices = devices,
};
