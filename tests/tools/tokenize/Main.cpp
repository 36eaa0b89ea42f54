// tokenize TOKENIZER.json [TOKENIZER_CONFIG.json]: texts from the standard input as u32 bytes and
// bytes; for each, to the standard output: u32 count and the ids, then what they read without and
// with special tokens, each as u32 bytes and bytes. Special tokens are found in the texts.
//
// tokenize --time TOKENIZER.json: microseconds for the standard input as one text, the best of
// some.
#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <limits>

using namespace bluec::runtime;

namespace {

void put(std::uint32_t value) { std::fwrite(&value, sizeof value, 1, stdout); }

void put(const std::string &text) {
  put(std::uint32_t(text.size()));
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int fail(const Status &status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return 1;
}

int measure(const Tokenizer &tokenizer) {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  constexpr int kRounds = 20;
  double best = std::numeric_limits<double>::infinity();
  std::size_t count = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto ids = tokenizer.encode(text, Trust::User);
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - start;
    if (!ids.ok())
      return fail(ids.status());
    count = ids->size();
    best = std::min(best, spent.count());
  }
  std::printf("%.0f us, %zu bytes, %zu tokens\n", best, text.size(), count);
  return 0;
}

int answer(const Tokenizer &tokenizer) {
  std::uint32_t bytes = 0;
  while (std::fread(&bytes, sizeof bytes, 1, stdin) == 1) {
    std::string text(bytes, '\0');
    if (std::fread(text.data(), 1, bytes, stdin) != bytes)
      return 1;
    const auto ids = tokenizer.encode(text, Trust::Template);
    if (!ids.ok())
      return fail(ids.status());
    put(std::uint32_t(ids->size()));
    for (std::int32_t id : *ids)
      put(std::uint32_t(id));
    put(tokenizer.decode(*ids));
    put(tokenizer.decode(*ids, true));
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  const bool measures = argc > 1 && std::string_view(argv[1]) == "--time";
  const int first = measures ? 2 : 1;
  if (argc <= first)
    return 2;
  const auto table = bluec::tokenizer::convertTokenizer(
      argv[first], argc > first + 1 ? argv[first + 1] : "", std::numeric_limits<int>::max());
  if (!table.ok())
    return fail(table.status());
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table->table);
  if (!tokenizer.ok())
    return fail(tokenizer.status());
  return measures ? measure(*tokenizer) : answer(*tokenizer);
}
