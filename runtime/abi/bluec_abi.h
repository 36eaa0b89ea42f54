// The contract between a compiled bundle and whatever runs it.
//
// This header is the only thing that compiler-made code and the runtime share. It is plain C99
// without includes beyond <stdint.h>, and versioned: a reader refuses a model whose magic, version
// or struct size it does not know.
//
// Who owns what: the caller owns every byte. It allocates the arena and the KV cache, maps
// weights.bin, and keeps all of them alive while a call runs. Compiled code allocates nothing,
// keeps no state of its own, calls nothing but the caller's parallel_for and on_step, and throws
// nothing. Two calls may run at the same time when they share neither arena nor KV cache.
#ifndef BLUEC_ABI_H
#define BLUEC_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLUEC_ABI_MAGIC 0x43554c42u // "BLUC" read as a little-endian word
#define BLUEC_ABI_VERSION 4u
#define BLUEC_ALIGNMENT 64 // bytes; of arena, KV cache, weights and every tensor in them
#define BLUEC_MAX_RANK 4

// Element types of tensors that cross the contract.
enum bluec_dtype {
  BLUEC_F32 = 1,
  BLUEC_I32 = 2,
  BLUEC_F16 = 3,
  BLUEC_I8 = 4,
};

// Names of the tensors that entry points take and give.
#define BLUEC_PIXELS "pixels"
#define BLUEC_FEATURES "features"
#define BLUEC_IDS "ids"
#define BLUEC_EMBEDDINGS "embeddings"
#define BLUEC_POSITIONS "positions"
#define BLUEC_LOGITS "logits"

// What an entry point computes. A caller asks for an entry by its role and for a tensor by its
// name. The first dim of every tensor is the capacity unless something else is said.
enum bluec_role {
  // Tiles to the features of pictures.
  //   in:  "pixels" f32 [capacity, 3, H, W]
  //   out: "features" f32 [capacity, tokens_per_tile, hidden]
  // An encoder may be several entry points, stages. The first takes "pixels", the last gives
  // "features"; what a stage gives, the next one takes under the same names. Stages share no
  // memory,
  // so that one may work on the next tiles while another works on these.
  BLUEC_ROLE_ENCODE = 1,
  // Tokens to embeddings.
  //   in:  "ids" i32 [capacity]
  //   out: "embeddings" f32 [capacity, hidden]
  BLUEC_ROLE_EMBED = 2,
  // Rows into the KV cache, from `position` on, and logits out.
  //   in:  "ids" i32 [capacity], or "embeddings" f32 [capacity, hidden]
  //   in, where rotary embeddings ask more of a row than its number in the cache:
  //        "positions" i32 [capacity], or [capacity, axes]; values in 0 .. context - 1
  //   out: "logits" f32 [1, vocabulary] of the last valid row, or [capacity, vocabulary] of each
  BLUEC_ROLE_DECODE = 3,
};

struct bluec_call;

// A kernel works on tasks [begin, end) of the step it belongs to, or of several steps that do not
// depend on each other, one behind the other. Tasks are independent: any split over any number of
// threads gives the same bits.
typedef void (*bluec_kernel_fn)(const struct bluec_call *call, int64_t begin, int64_t end);

// Runs kernel(call, b, e) over disjoint ranges that cover [0, tasks), returns when all are done,
// and makes their writes visible to the caller and to every later kernel.
typedef void (*bluec_parallel_for_fn)(void *pool, bluec_kernel_fn kernel,
                                      const struct bluec_call *call, int64_t tasks);

// Called after each step with its index in bluec_entry::steps, in order; steps that shared a
// parallel_for are all behind it then. A non-zero answer ends the call, which then returns that
// value (this is how a caller cancels or inspects).
typedef int32_t (*bluec_on_step_fn)(void *observer, int64_t step);

struct bluec_call {
  uint8_t *arena;         // bluec_entry::arena_bytes; contents undefined between calls
  const uint8_t *weights; // bluec_model::weights_bytes, as in weights.bin
  uint8_t *kv;            // bluec_model::kv_bytes; kept by the caller from call to call
  int64_t count;          // valid leading rows (tokens, or tiles), 1 <= count <= capacity
  int64_t position;       // tokens already in the KV cache; position + count <= context
  void *pool;             // handed to parallel_for
  bluec_parallel_for_fn parallel_for; // never null
  void *observer;                     // handed to on_step
  bluec_on_step_fn on_step;           // may be null
};

// Returns 0, or what on_step answered. Preconditions are the caller's to hold; nothing is checked.
typedef int32_t (*bluec_entry_fn)(const struct bluec_call *call);

// A tensor in an arena: row-major, dense, `offset` bytes from the arena's start. Quantized rows,
// which stand between steps only, are bytes (BLUEC_I8): the last dim is the bytes of a row with its
// scales.
struct bluec_tensor {
  const char *name;             // never null
  uint32_t dtype;               // enum bluec_dtype
  uint32_t rank;                // at most BLUEC_MAX_RANK
  int64_t dims[BLUEC_MAX_RANK]; // elements; dims[0] is the capacity, rows past `count` are garbage
  int64_t offset;               // bytes
  int64_t bytes;
};

// One step of an entry point, in order of execution. Its output is in the arena right after it
// has run, and may be overwritten by any later step.
struct bluec_step {
  const char *name;           // the layer it came from, e.g. "decoder/layers.0/mlp/down_proj"
  const char *kernel;         // symbol of the kernel that runs it, e.g. "linear_128x192x480_..."
  int64_t tasks;              // at full capacity
  struct bluec_tensor output; // rank 0 and bytes 0 when it only writes the KV cache
};

struct bluec_entry {
  const char *name;  // for people: "encode", "encode_1", "embed", "prefill", "decode"
  uint32_t role;     // enum bluec_role
  uint32_t stage;    // in 0 .. stages - 1
  uint32_t stages;   // that an encoder of this capacity is in; 1 for all else
  uint32_t segment;  // index into bluec_model::segments: the weights it reads
  uint32_t device;   // index into bluec_model::devices: what runs it
  uint32_t reserved; // 0
  int64_t capacity;  // rows it was compiled for: tiles or tokens
  int64_t arena_bytes;
  bluec_entry_fn run; // what its device calls
  int64_t num_inputs;
  const struct bluec_tensor *inputs;
  int64_t num_outputs;
  const struct bluec_tensor *outputs;
  int64_t num_steps;
  const struct bluec_step *steps;
};

// A part of weights.bin that can be dropped on its own (the vision side, once pictures are
// encoded).
struct bluec_segment {
  const char *name; // "vision", "language"
  int64_t offset;   // bytes from the start of weights.bin, a multiple of the page size (4096)
  int64_t bytes;
};

// A bundle has one or more code files, each with code for one target and a descriptor of its own.
// A descriptor is complete, but it lists the devices of its code only, and their entry points.
// Weights, segments, geometry and the KV cache are the same in all descriptors of a bundle; names
// of entry points differ, and together they are the model.
struct bluec_model {
  uint32_t magic;        // BLUEC_ABI_MAGIC
  uint32_t abi_version;  // BLUEC_ABI_VERSION
  uint32_t struct_bytes; // sizeof(struct bluec_model)
  uint32_t alignment;    // BLUEC_ALIGNMENT
  const char *producer;  // "bluec 0.1.0"
  const char *target;    // name of the target, e.g. "x86-64-v4"
  const char *triple;
  // Comma-separated CPU features that the code uses, by LLVM's names ("avx2,fma,avx512f").
  const char *cpu_features;
  int64_t weights_bytes;
  uint8_t weights_sha256[32]; // of weights.bin
  int64_t kv_bytes;           // 0 for a model without a decoder
  int64_t context;            // tokens a conversation may have
  // Layers that see a window only may keep fewer positions of the KV cache, as rings: what is
  // written at a position overwrites an older one. Once a call has reached beyond position
  // ring_positions, a call begins at most ring_back positions before the furthest one written, or
  // anew at 0; elsewhere it would read what is not there any more. Both are 0 where all is kept.
  int64_t ring_positions;
  int64_t ring_back;
  int64_t hidden; // width of an embedding; also of an image feature
  int64_t vocabulary;
  int64_t tokens_per_tile; // 0 without a vision side
  int64_t tile_height;     // pixels
  int64_t tile_width;
  int64_t num_segments;
  const struct bluec_segment *segments;
  int64_t num_entries;
  const struct bluec_entry *entries;
  // Names of the devices that this code is for, at least one, as the bundle's manifest has them
  // ("cpu", "npu"). What a device is on a machine, the manifest says. An entry point that runs on
  // the CPU does so on the calling thread and its parallel_for. Two of different devices are worth
  // running at the same time.
  int64_t num_devices;
  const char *const *devices;
};

// The one symbol that a code file exports, of type `const struct bluec_model`.
#define BLUEC_MODEL_SYMBOL "bluec_model"

#ifdef __cplusplus
} // extern "C"
#endif

#endif // BLUEC_ABI_H
