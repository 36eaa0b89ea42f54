// llama.cpp's image encoder on tiles from a file, timed: prints one JSON object.
//
//   clip_encode MMPROJ TILES.f32 WIDTH HEIGHT THREADS REPEATS FEATURES.f32
//
// TILES.f32: tiles of HEIGHT x WIDTH x 3 floats, normalised; FEATURES.f32 gets their features. It
// is built against the library's own headers, as its public interface wants a language model too.
#include "clip-impl.h"
#include "clip.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

static int fail(const char *what) {
  std::fprintf(stderr, "clip_encode: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 8)
    return fail("expected MMPROJ TILES WIDTH HEIGHT THREADS REPEATS FEATURES");
  const int width = std::atoi(argv[3]), height = std::atoi(argv[4]), threads = std::atoi(argv[5]),
            repeats = std::atoi(argv[6]);
  std::ifstream in(argv[2], std::ios::binary);
  std::vector<float> pixels(size_t(width) * size_t(height) * 3);
  std::vector<clip_image_f32> tiles;
  while (in.read(reinterpret_cast<char *>(pixels.data()), std::streamsize(pixels.size() * 4))) {
    tiles.emplace_back();
    tiles.back().set_size({width, height}, false, false);
    tiles.back().cpy_buf(pixels);
  }
  if (tiles.empty())
    return fail("expected at least one tile");

  clip_context_params params{};
  params.use_gpu = false;
  params.flash_attn_type = CLIP_FLASH_ATTN_TYPE_AUTO;
  params.warmup = true;
  clip_ctx *context = clip_init(argv[1], params).ctx_v;
  if (!context)
    return fail("the file could not be loaded");
  std::ofstream out(argv[7], std::ios::binary);
  std::printf("{\"batched\": %s, \"seconds\": [", clip_support_batch(context) ? "true" : "false");
  for (int round = 0; round < repeats; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (const clip_image_f32 &tile : tiles) {
      std::vector<float> features(size_t(clip_n_output_tokens(context, &tile)) *
                                  size_t(clip_n_mmproj_embd(context)));
      if (!clip_image_encode(context, threads, &tile, features))
        return fail("a tile could not be encoded");
      if (round == 0)
        out.write(reinterpret_cast<const char *>(features.data()),
                  std::streamsize(features.size() * 4));
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    std::printf("%s%.6f", round ? ", " : "", passed.count());
  }
  std::printf("], \"tiles\": %zu}\n", tiles.size());
  clip_free(context);
  return out.flush() ? 0 : fail("the features could not be written");
}
