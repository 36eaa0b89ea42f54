/* Asks a bundle questions through the runtime's C interface and prints what came of it, exactly.
 *
 *   answers BUNDLE THREADS < CASES      a line is a turn: fields with tabs between, pictures and
 *                                       then the question; "+" as the first field goes on with the
 *                                       conversation of the line before
 *
 * For each turn three lines: "turn" and the ids that were fed, "answer" and the ids that were
 * generated, "logits" and the bits of the first step's logits in hexadecimal. */
#include "core/bluec_runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[BLUEC_MESSAGE_BYTES];

static int fail(const char *what, const char *reason) {
  fprintf(stderr, "answers: %s: %s\n", what, reason);
  return 1;
}

static void *readFile(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*size + 1);
  if (bytes && fread(bytes, 1, *size, file) != *size) {
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  return bytes;
}

static void printIds(const char *label, const int32_t *ids, int64_t count) {
  printf("%s", label);
  for (int64_t i = 0; i < count; ++i)
    printf(" %d", (int)ids[i]);
  printf("\n");
}

static int addPicture(bluec_session *session, const char *path) {
  size_t size = 0;
  void *bytes = readFile(path, &size);
  if (!bytes)
    return fail(path, "cannot be read");
  bluec_status status = bluec_session_add_picture_file(session, bytes, size);
  free(bytes);
  return status == BLUEC_OK ? 0 : fail(path, bluec_session_error(session));
}

static int ask(bluec_session *session, char *line) {
  char *field = line, *tab = strchr(line, '\t');
  if (tab && !strncmp(line, "+\t", 2)) {
    field = tab + 1;
    tab = strchr(field, '\t');
  } else {
    bluec_session_reset(session);
  }
  for (; tab; field = tab + 1, tab = strchr(field, '\t')) {
    *tab = 0;
    if (addPicture(session, field))
      return 1;
  }
  const char *question = field;
  if (bluec_session_add_turn(session, question, SIZE_MAX) != BLUEC_OK)
    return fail(question, bluec_session_error(session));

  int64_t count = 0;
  const int32_t *turn = bluec_session_turn_tokens(session, &count);
  printIds("turn", turn, count);
  const float *logits = bluec_session_logits(session, &count);
  uint32_t *bits = malloc((size_t)count * sizeof *bits);
  if (!bits)
    return fail(question, "out of memory");
  memcpy(bits, logits, (size_t)count * sizeof *bits);
  const int64_t vocabulary = count;

  bluec_generate_options options;
  bluec_generate_options_defaults(&options);
  options.max_new_tokens = 32;
  if (bluec_session_generate(session, &options, NULL, NULL) != BLUEC_OK) {
    free(bits);
    return fail(question, bluec_session_error(session));
  }
  const int32_t *answer = bluec_session_answer_tokens(session, &count);
  printIds("answer", answer, count);
  printf("logits");
  for (int64_t i = 0; i < vocabulary; ++i)
    printf(" %08x", (unsigned)bits[i]);
  printf("\n");
  free(bits);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return fail("usage", "answers BUNDLE THREADS < CASES");
  bluec_open_options options;
  bluec_open_options_defaults(&options);
  options.threads = atoi(argv[2]);
  bluec_bundle *bundle = NULL;
  bluec_session *session = NULL;
  if (bluec_bundle_open(argv[1], &options, &bundle, why, sizeof why) != BLUEC_OK)
    return fail(argv[1], why);
  int result = 0;
  if (bluec_session_create(bundle, &session, why, sizeof why) != BLUEC_OK)
    result = fail(argv[1], why);
  char line[8192];
  while (result == 0 && fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    result = ask(session, line);
  }
  bluec_session_free(session);
  bluec_bundle_close(bundle);
  return result;
}
