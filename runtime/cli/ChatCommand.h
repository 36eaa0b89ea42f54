// `bluec chat`: a conversation, line by line.
#ifndef BLUEC_RUNTIME_CLI_CHATCOMMAND_H
#define BLUEC_RUNTIME_CLI_CHATCOMMAND_H

#include "cli/OptionTable.h"
#include "cli/RunCommand.h"

#include <iosfwd>
#include <string>

namespace bluec::runtime {

struct ChatOptions : AnswerOptions {
  std::string bundle; // directory
  bool json = false;
  bool prefillAhead = true;
  bool prefillWhileEncoding = false; // both sides of the model are in memory then
  // False: nothing of a picture begins before the question is there, to measure what that costs.
  bool decoupled = true;
  // Above 0: questions are typed at so many characters a second, as far as the session can tell.
  double typingRate = 0;
  // Not empty: what is in memory over time goes there, as CSV (see MemoryLog.h).
  std::string memoryLog;
};

OptionTable optionTable(ChatOptions &options);

// Reads lines from the descriptor `in` to its end or to "/quit": "/image FILE" hands a picture
// over, other commands are in "/help", all else is a question ("//..." one that begins with a
// slash). Answers go to `out` as they come, everything else to `err`. With `json` all goes to
// `out`, one object a line with an "event": "ready", "picture", "text", "answer", "error",
// "context_full", "stats", and so on.
//
// An interrupt (SIGINT) ends the answer, the waiting or the encoding that is under way; a second
// one within a second ends the chat. A line that fails ends nothing.
//
// Returns an ExitCode: ExitInputAtFault also when `in` is no terminal and one of its lines failed.
int chatCommand(const ChatOptions &options, int in, std::ostream &out, std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_CHATCOMMAND_H
