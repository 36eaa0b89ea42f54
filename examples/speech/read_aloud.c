/* Asks a bundle about pictures and reads the answers aloud while they are being written.
 *
 *   read_aloud BUNDLE [SPEAKER] < LINES
 *
 * A line "/image FILE" hands a picture over, every other line is a question: from the keyboard, or
 * from a program that recognises speech. The picture is encoded while the question is spoken.
 * Answers go to standard output as they come, and sentence by sentence, one a line, to the standard
 * input of SPEAKER, a shell command: "espeak-ng" unless it is said otherwise. */
#define _POSIX_C_SOURCE 200809L /* popen */

#include <bluec/bluec_runtime.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What of an answer was not spoken yet. */
typedef struct Reader {
  FILE *speaker;
  char sentence[4096];
  size_t length;
} Reader;

static void speak(Reader *reader) {
  if (reader->length == 0)
    return;
  fwrite(reader->sentence, 1, reader->length, reader->speaker);
  fputc('\n', reader->speaker);
  fflush(reader->speaker);
  reader->length = 0;
}

static int endsSentence(const Reader *reader) {
  static const char *const marks[] = {".",           "!", "?", "\xe3\x80\x82", "\xef\xbc\x81",
                                      "\xef\xbc\x9f"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; ++i) {
    const size_t bytes = strlen(marks[i]);
    if (reader->length >= bytes &&
        memcmp(reader->sentence + reader->length - bytes, marks[i], bytes) == 0)
      return 1;
  }
  return 0;
}

/* A sentence has ended when space comes after its mark: there is none in 17.95. */
static int32_t onText(void *user, const char *text, size_t bytes) {
  Reader *reader = user;
  fwrite(text, 1, bytes, stdout);
  fflush(stdout);
  for (size_t i = 0; i < bytes; ++i) {
    const int space = text[i] == ' ' || text[i] == '\n';
    if (text[i] == '\n' || (space && endsSentence(reader)) ||
        reader->length == sizeof reader->sentence)
      speak(reader);
    if (text[i] != '\n' && !(space && reader->length == 0))
      reader->sentence[reader->length++] = text[i];
  }
  return 0;
}

static int addPicture(bluec_session *session, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "error: %s: cannot be read\n", path);
    return 0;
  }
  char *bytes = NULL;
  size_t size = 0, room = 0;
  for (size_t count = 1; count != 0; size += count) {
    if (size == room) {
      room = room == 0 ? 1 << 20 : 2 * room;
      char *larger = realloc(bytes, room);
      if (!larger)
        break;
      bytes = larger;
    }
    count = fread(bytes + size, 1, room - size, file);
  }
  fclose(file);
  const bluec_status status = bluec_session_add_picture_file(session, bytes, size);
  free(bytes);
  if (status != BLUEC_OK)
    fprintf(stderr, "error: %s: %s\n", path, bluec_session_error(session));
  return status == BLUEC_OK;
}

static int ask(bluec_session *session, const char *question, Reader *reader) {
  bluec_status status = bluec_session_add_turn(session, question, SIZE_MAX);
  if (status == BLUEC_OK)
    status = bluec_session_generate(session, NULL, onText, reader);
  if (status != BLUEC_OK) {
    fprintf(stderr, "error: %s\n", bluec_session_error(session));
    bluec_session_drop_pictures(session); /* the next question is to go without them */
    return 0;
  }
  speak(reader);
  putchar('\n');
  fflush(stdout);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: read_aloud BUNDLE [SPEAKER] < LINES\n");
    return 2;
  }
  char why[BLUEC_MESSAGE_BYTES];
  bluec_bundle *bundle = NULL;
  bluec_session *session = NULL;
  if (bluec_bundle_open(argv[1], NULL, &bundle, why, sizeof why) != BLUEC_OK ||
      bluec_session_create(bundle, &session, why, sizeof why) != BLUEC_OK) {
    fprintf(stderr, "error: %s\n", why);
    bluec_bundle_close(bundle);
    return 1;
  }
  signal(SIGPIPE, SIG_IGN); /* a speaker that is not there */
  Reader reader = {popen(argc == 3 ? argv[2] : "espeak-ng", "w"), "", 0};
  int done = reader.speaker != NULL;
  char line[4096];
  while (reader.speaker && fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\r\n")] = 0;
    if (strncmp(line, "/image ", 7) == 0)
      done &= addPicture(session, line + 7);
    else if (line[0] != 0)
      done &= ask(session, line, &reader);
  }
  if (!reader.speaker || pclose(reader.speaker) != 0) {
    fprintf(stderr, "error: the speaker failed; answers were printed only\n");
    done = 0;
  }
  bluec_session_free(session);
  bluec_bundle_close(bundle);
  return done ? 0 : 1;
}
