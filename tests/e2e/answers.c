/* Asks a bundle questions through the runtime's C interface and prints what came of it, exactly.
 *
 *   answers BUNDLE THREADS [AHEAD [CANCELS]] < CASES
 *
 * A line of CASES is a turn: fields with tabs between, pictures and then the question; "+" as the
 * first field goes on with the conversation of the line before. AHEAD is an enum
 * bluec_prefill_ahead; above 0 a question comes when all is prefilled that can be. With CANCELS
 * each first turn is asked so many times more, and cancelled by another thread, each time later,
 * wherever that finds it; what was cut short is taken up again, and has to end in the same.
 *
 * For each turn three lines: "turn" and the ids that were fed, "answer" and the ids that were
 * generated, "logits" and the bits of the first step's logits in hexadecimal. */
#include <bluec/bluec_runtime.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static struct {
  bluec_session *session;
  long microseconds;
} interruption;

static void *interrupt(void *unused) {
  const struct timespec delay = {0, interruption.microseconds * 1000};
  nanosleep(&delay, NULL);
  bluec_session_cancel(interruption.session);
  return unused;
}

enum { mostTokens = 64 };

typedef struct Outcome {
  int32_t turn[4096], answer[mostTokens];
  int64_t turnLength, answerLength;
  uint32_t *bits; /* of the logits */
  int64_t vocabulary;
} Outcome;

/* A turn: pictures and the question. Calls that were cancelled are made again; what was handed over
 * still waits then. */
static int ask(bluec_session *session, char *const *fields, int count, int ahead,
               Outcome *outcome) {
  for (int i = 0; i + 1 < count; ++i)
    if (addPicture(session, fields[i]) != 0)
      return 1;
  const char *question = fields[count - 1];
  bluec_status status;
  do
    status = ahead ? bluec_session_wait(session, BLUEC_WAIT_PREFILLED) : BLUEC_OK;
  while (status == BLUEC_CANCELLED);
  if (status != BLUEC_OK)
    return fail(question, bluec_session_error(session));
  do
    status = bluec_session_add_turn(session, question, SIZE_MAX);
  while (status == BLUEC_CANCELLED);
  if (status != BLUEC_OK)
    return fail(question, bluec_session_error(session));

  const int32_t *turn = bluec_session_turn_tokens(session, &outcome->turnLength);
  if (outcome->turnLength > (int64_t)(sizeof outcome->turn / sizeof *turn))
    return fail(question, "the turn is too long for this test");
  memcpy(outcome->turn, turn, (size_t)outcome->turnLength * sizeof *turn);
  const float *logits = bluec_session_logits(session, &outcome->vocabulary);
  outcome->bits = malloc((size_t)outcome->vocabulary * sizeof *outcome->bits);
  if (!outcome->bits)
    return fail(question, "out of memory");
  memcpy(outcome->bits, logits, (size_t)outcome->vocabulary * sizeof *outcome->bits);

  outcome->answerLength = 0;
  do {
    bluec_generate_options options;
    bluec_generate_options_defaults(&options);
    options.max_new_tokens = 32 - outcome->answerLength;
    if (bluec_session_generate(session, &options, NULL, NULL) != BLUEC_OK)
      return fail(question, bluec_session_error(session));
    int64_t length = 0;
    const int32_t *answer = bluec_session_answer_tokens(session, &length);
    memcpy(outcome->answer + outcome->answerLength, answer, (size_t)length * sizeof *answer);
    outcome->answerLength += length;
  } while (bluec_session_stop_reason(session) == BLUEC_STOP_CANCELLED &&
           outcome->answerLength < 32);
  return 0;
}

static int same(const Outcome *one, const Outcome *other) {
  return one->answerLength == other->answerLength && one->vocabulary == other->vocabulary &&
         memcmp(one->answer, other->answer, (size_t)one->answerLength * sizeof *one->answer) == 0 &&
         memcmp(one->bits, other->bits, (size_t)one->vocabulary * sizeof *one->bits) == 0;
}

static int runLine(bluec_session *session, char *line, int ahead, int cancels) {
  static Outcome outcome, cut;
  char *fields[16];
  int count = 0;
  for (char *field = strtok(line, "\t"); field && count < 16; field = strtok(NULL, "\t"))
    fields[count++] = field;
  const int goesOn = count > 0 && strcmp(fields[0], "+") == 0;
  char *const *turn = fields + goesOn;
  count -= goesOn;
  if (count < 1)
    return fail(line, "expected a question");
  if (!goesOn)
    bluec_session_reset(session);
  int result = ask(session, turn, count, ahead, &outcome);
  for (int i = 0; i < cancels && result == 0 && !goesOn; ++i) {
    bluec_session_reset(session);
    interruption.session = session;
    interruption.microseconds = 20L * i;
    pthread_t thread;
    if (pthread_create(&thread, NULL, interrupt, NULL) != 0)
      return fail(line, "no thread");
    result = ask(session, turn, count, ahead, &cut);
    pthread_join(thread, NULL);
    if (result == 0 && !same(&outcome, &cut))
      result = fail(line, "another answer after it was cancelled");
    free(cut.bits);
    cut.bits = NULL;
  }
  if (result == 0) {
    printIds("turn", outcome.turn, outcome.turnLength);
    printIds("answer", outcome.answer, outcome.answerLength);
    printf("logits");
    for (int64_t i = 0; i < outcome.vocabulary; ++i)
      printf(" %08x", (unsigned)outcome.bits[i]);
    printf("\n");
  }
  free(outcome.bits);
  outcome.bits = NULL;
  return result;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 5)
    return fail("usage", "answers BUNDLE THREADS [AHEAD [CANCELS]] < CASES");
  const int cancels = argc > 4 ? atoi(argv[4]) : 0;
  bluec_session_options waiting;
  bluec_session_options_defaults(&waiting);
  waiting.prefill_ahead = argc > 3 ? atoi(argv[3]) : BLUEC_AHEAD_OFF;
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
  if (result == 0 && bluec_session_set_options(session, &waiting) != BLUEC_OK)
    result = fail("ahead", bluec_session_error(session));
  char line[8192];
  while (result == 0 && fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    result = runLine(session, line, waiting.prefill_ahead, cancels);
  }
  bluec_session_free(session);
  bluec_bundle_close(bundle);
  return result;
}
