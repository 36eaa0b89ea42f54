/* Runs entry points of a bundle so many times, on input that is made up: what is counted or timed
 * is the difference between two numbers of times.
 *
 *   run_entry BUNDLE REPEATS ENTRY:COUNT:POSITION...
 *
 * Prints the mean and the largest magnitude of the last entry point's output; a value that is no
 * number is an error. */
#include <bluec/bluec_runtime.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[BLUEC_MESSAGE_BYTES];

static int fail(const char *what, const char *reason) {
  fprintf(stderr, "run_entry: %s: %s\n", what, reason);
  return 1;
}

static const struct bluec_entry *find(const struct bluec_model *model, const char *name) {
  for (int64_t i = 0; i < model->num_entries; ++i)
    if (strcmp(model->entries[i].name, name) == 0)
      return &model->entries[i];
  return NULL;
}

/* Numbers that look like activations, or ids that are small. */
static void *makeUp(const struct bluec_tensor *tensor) {
  void *bytes = malloc((size_t)tensor->bytes);
  uint32_t state = 1;
  for (int64_t i = 0; bytes && i < tensor->bytes / 4; ++i) {
    state = state * 1664525u + 1013904223u;
    if (tensor->dtype == BLUEC_I32)
      ((int32_t *)bytes)[i] = (int32_t)(state >> 24);
    else
      ((float *)bytes)[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
  }
  return bytes;
}

static int run(bluec_session *session, const struct bluec_model *model, char *what, int isLast) {
  char *name = strtok(what, ":"), *count = strtok(NULL, ":"), *position = strtok(NULL, ":");
  const struct bluec_entry *entry = name && count && position ? find(model, name) : NULL;
  if (!entry || entry->num_inputs != 1 || entry->num_outputs != 1)
    return fail(name ? name : "",
                "expected NAME:COUNT:POSITION of an entry point with one input and one output");
  const struct bluec_tensor *given = &entry->outputs[0];
  const void *input = makeUp(&entry->inputs[0]);
  float *output = calloc(1, (size_t)given->bytes);
  void *outputs[1] = {output};
  if (!input || !output)
    return fail(name, "expected memory, found none");
  if (bluec_session_run_entry(session, name, atoll(count), atoll(position), &input, outputs, NULL,
                              NULL) != BLUEC_OK)
    return fail(name, bluec_session_error(session));
  double sum = 0, largest = 0;
  int64_t values = given->bytes / 4 / given->dims[0] *
                   (given->dims[0] < atoll(count) ? given->dims[0] : atoll(count));
  for (int64_t i = 0; i < values; ++i) {
    if (!isfinite(output[i]))
      return fail(name, "expected finite values, found another one");
    sum += output[i];
    largest = fmax(largest, fabs(output[i]));
  }
  if (isLast)
    printf("%s: mean %.6f, largest %.6f\n", name, sum / (double)values, largest);
  free((void *)input);
  free(output);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fail("usage", "run_entry BUNDLE REPEATS ENTRY:COUNT:POSITION...");
  bluec_open_options options;
  bluec_open_options_defaults(&options);
  options.threads = 1;
  options.verify_weights = BLUEC_VERIFY_NONE;
  bluec_bundle *bundle = NULL;
  bluec_session *session = NULL;
  if (bluec_bundle_open(argv[1], &options, &bundle, why, sizeof why) != BLUEC_OK)
    return fail(argv[1], why);
  int result = 0;
  if (bluec_session_create(bundle, &session, why, sizeof why) != BLUEC_OK)
    result = fail(argv[1], why);
  for (int round = atoi(argv[2]); result == 0 && round > 0; --round)
    for (int i = 3; result == 0 && i < argc; ++i) {
      char what[256];
      snprintf(what, sizeof what, "%s", argv[i]); /* strtok writes into it */
      result = run(session, bluec_bundle_model(bundle), what, round == 1 && i + 1 == argc);
    }
  bluec_session_free(session);
  bluec_bundle_close(bundle);
  return result;
}
