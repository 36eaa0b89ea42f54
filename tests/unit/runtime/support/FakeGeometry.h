// What the fake model (FakeModel.c) and the tests agree on.
#ifndef BLUEC_TESTS_RUNTIME_SUPPORT_FAKEGEOMETRY_H
#define BLUEC_TESTS_RUNTIME_SUPPORT_FAKEGEOMETRY_H

#if defined(__x86_64__)
#define FAKE_TRIPLE "x86_64-unknown-linux-gnu"
#elif defined(__aarch64__)
#define FAKE_TRIPLE "aarch64-unknown-linux-gnu"
#else
#define FAKE_TRIPLE "riscv64-unknown-linux-gnu"
#endif

#define FAKE_CONTEXT 96
#define FAKE_CHUNK 8
#define FAKE_HIDDEN 4
#define FAKE_VOCABULARY 270
#define FAKE_TOKENS_PER_TILE 2
#define FAKE_TILE 4 // pixels a side
#define FAKE_LOADED_VARIABLE "BLUEC_FAKE_MODEL_LOADED"

// Ids 0 to 255 are the bytes.
#define FAKE_END 256
#define FAKE_USER 257
#define FAKE_ASSISTANT 258
#define FAKE_IMAGE 259
#define FAKE_BEGIN 260

// What the model that keeps a ring answers with when that has lost what it has to see.
#define FAKE_LOST '!'

// Pixels that a stage of the encoder refuses.
#define FAKE_BAD_PATCHES 1000
#define FAKE_BAD_BLOCKS 2000

// weights.bin is all zeros.
#define FAKE_WEIGHTS_BYTES 8192
#define FAKE_WEIGHTS_SHA256                                                                        \
  0x9f, 0x1d, 0xcb, 0xc3, 0x5c, 0x35, 0x0d, 0x60, 0x27, 0xf9, 0x8b, 0xe0, 0xf5, 0xc8, 0xb4, 0x3b,  \
      0x42, 0xca, 0x52, 0xb7, 0x60, 0x44, 0x59, 0xc0, 0xc4, 0x2b, 0xe3, 0xaa, 0x88, 0x91, 0x3d,    \
      0x47

#endif // BLUEC_TESTS_RUNTIME_SUPPORT_FAKEGEOMETRY_H
