// Turns a chat turn with pictures into the sequence that the model reads.
#ifndef BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
#define BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H

#include "text/Tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bluec::runtime {

// What is left out at an end of a text: nothing, newlines, or white space as Python's str.strip()
// has it.
enum class Trim : std::uint8_t { None, Newlines, Spaces };
std::string_view trimName(Trim trim); // "none", "newlines", "spaces"
std::optional<Trim> trimByName(std::string_view name);

struct Trims {
  Trim left = Trim::None, right = Trim::None;
  bool operator==(const Trims &) const = default;
};

// Which part of an answer stays, of those between its marks.
enum class Part : std::uint8_t { Last, BehindFirst, Second };
std::string_view partName(Part part); // "last", "behind_first", "second"
std::optional<Part> partByName(std::string_view name);

// Around a format of strftime(), in what stands at a conversation's beginning: the local time then.
inline constexpr char kDateMark = '\x1a';
std::string withDates(std::string_view text, std::time_t now);

// A string where a user's turn has a text, and the one where it has a picture.
struct ByItem {
  std::string text, picture;
  bool operator==(const ByItem &) const = default;
};

// What stands before a conversation's first item when there is a system text.
struct SystemPieces {
  std::string before;
  ByItem after;
  Trims trims;
  Trims textTrims;                   // of the texts of the turn behind it
  std::vector<std::string> reserved; // texts with one of these are refused
  bool needsText = false;            // so are those of white space only
  bool operator==(const SystemPieces &) const = default;
};

// What stands around the rows of a picture's features, where the template has the image token. A
// picture of several tiles is
//   before   { { tile features } ... row_end } ...   overview features   after
// with the overview in front where its features are, and one of one tile
//   before_one features after
struct PicturePieces {
  std::string beforeOne, before;
  std::string tile; // kRowMark and kColumnMark in it are the tile's place, from 1
  std::string rowEnd, overview, after;
  bool operator==(const PicturePieces &) const = default;
};
inline constexpr std::string_view kRowMark = "{row}", kColumnMark = "{column}";

// How a picture was cut: tiles row by row, and perhaps an overview of it all.
struct PictureShape {
  enum class Overview : std::uint8_t { None, Last, First };
  std::int32_t columns = 1, rows = 1;
  Overview overview = Overview::None;
};

// The "chat" object of the manifest: a template of chats, as the strings between what is said. A
// turn of the user is a row of items, texts and pictures; a conversation is
//   begin item between item ... end answer   next item ... end answer   next item ... end ask
struct ChatTemplate {
  std::string imageToken;         // the placeholder in a prompt; empty: no pictures
  std::int32_t imageTokenId = -1; // what a picture's positions are called in listings of ids
  PicturePieces picture;
  ByItem begin;                       // before the first item, by what it is
  std::optional<SystemPieces> system; // instead of `begin`; nothing: no system text is taken
  ByItem next;                        // behind an answer, before the next turn's first item
  std::string textText, textPicture, pictureText, picturePicture; // between two items
  ByItem end;                          // behind the last item, by what it is
  std::string ask;                     // behind that, where an answer is due
  std::string answer;                  // behind that, where one has been given
  std::optional<std::string> noAnswer; // where nothing stays of it; nothing: that is refused
  // What parts an answer that is over, as the end of its reasoning does, and what stays where it is
  // found; empty: all stays.
  std::string answerMark;
  Part answerPart = Part::Last;
  Trims markedTrims;          // of what stays then
  Trims answerTrims;          // of other answers
  Trims userTrims;            // of each text
  bool trimsTurn = false;     // of the whole turn instead: of texts at its ends
  bool picturesFirst = false; // wherever the user has them
  // The template does something of its own with texts that have one of these; they are refused.
  std::vector<std::string> reservedInText, reservedInAnswer;
  bool needsText = false; // and with texts of white space only, or of nothing
  bool operator==(const ChatTemplate &) const = default;
};

// Part of a turn as it is written, before it becomes tokens.
struct TurnText {
  enum class Kind { Template, User, Picture };
  Kind kind;
  std::string text; // none of a picture
};

// Where a turn stands.
struct TurnPlace {
  bool first = true;
  const std::string *system = nullptr; // of a first turn; null: none
};

// The turn in which the user says `text` with `pictures` pictures, up to the end of what the user
// says. Each placeholder in `text` stands for the next picture; when there is none, the pictures
// come before the text. InvalidArgument when placeholders and pictures do not go together, the text
// is not valid UTF-8 or reserved, or the template takes no system text. Dates are still marks.
Result<std::vector<TurnText>> writeTurn(const ChatTemplate &chat, const TurnPlace &place,
                                        std::string_view text, int pictures);

// Begin and end of what stays of an answer once it is over. InvalidArgument when it is reserved, or
// nothing stays and the template has nothing for that.
Result<std::pair<std::size_t, std::size_t>> keptAnswer(const ChatTemplate &chat,
                                                       std::string_view answer);

// One turn, in order.
struct PromptPart {
  enum class Kind { Token, Picture };
  Kind kind;
  std::int32_t value;    // the token's id, or the picture's index in the turn
  std::int32_t tile = 0; // of a picture, whose rows stand here, in the order of its features
};

// Parts of that turn, whose pictures have these shapes, with `tail` behind it: chat.ask,
// chat.answer or chat.noAnswer.
//
// The template's own strings may contain special tokens; the user's text may not: whatever it
// spells stays text, so that a prompt cannot pretend to be the template.
Result<std::vector<PromptPart>> makeTurn(const Tokenizer &tokenizer, const ChatTemplate &chat,
                                         const TurnPlace &place, std::string_view text,
                                         std::span<const PictureShape> pictures,
                                         std::string_view tail);

// What is known of a turn while its text is being typed.
struct TurnPrefix {
  std::vector<PromptPart> parts;
  // So many of them stay as they are whatever is typed after `draft`, unless what is typed moves
  // the pictures; the others may change with the next word.
  std::size_t settled = 0;
};

// Leading parts of the turn that `draft` will become, for `pictures` pictures; of the first ones
// the shapes are known, the others are one part and no more. Without a placeholder in the draft the
// pictures come before the text. The draft's last word, which may not be whole, and what is not
// UTF-8 yet are left out; so is everything from a placeholder on that has no picture yet.
TurnPrefix makeTurnPrefix(const Tokenizer &tokenizer, const ChatTemplate &chat,
                          const TurnPlace &place, std::string_view draft,
                          std::span<const PictureShape> shapes, int pictures);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
