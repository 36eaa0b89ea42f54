#include "compiler/import/chat/ChatPieces.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "core/Conversation.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace bluec;
using namespace bluec::chat;
using namespace bluec::runtime;
using Json = nlohmann::ordered_json;

namespace {

const std::string folder = BLUEC_SOURCE_DIR "/tests/golden/chat/";
constexpr std::time_t kNoon = 1'721'995'200; // 2024-07-26, 12:00 UTC

std::string readWhole(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const Json &templates() {
  static const Json json = Json::parse(readWhole(folder + "templates.json"));
  return json;
}
const Json &goldens() {
  static const Json json = Json::parse(readWhole(folder + "goldens.json"));
  return json;
}

TemplateSource sourceOf(const std::string &name) {
  const Json &facts = templates()[name];
  TemplateSource source{
      readWhole(folder + "templates/" + name + ".jinja"), {}, facts["image_token"]};
  for (const char *key : {"bos_token", "eos_token"})
    if (const std::string text = facts[key]; !text.empty())
      source.tokens.emplace_back(key, text);
  return source;
}

// Published templates that are refused, and why; those that take no system text, because they raise
// or put it elsewhere than at the beginning.
const std::map<std::string, std::string> refused = {
    {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
     "line 38: expected something to iterate over, found None"}, // it needs tools
    {"fireworks-ai-llama-3-firefunction-v2",
     "line 21: expected a value, found undefined 'functions'"}};
const std::set<std::string> withoutSystem = {"google-gemma-2-2b-it",
                                             "mistralai-Mistral-Nemo-Instruct-2407"};

chat::Conversation conversationOf(const Json &json) {
  chat::Conversation result;
  for (const Json &message : json) {
    const std::string role = message[0];
    Message &to = result.emplace_back();
    to.role = role == "user" ? Role::User : role == "system" ? Role::System : Role::Assistant;
    for (const Json &item : message[1])
      to.items.push_back(item.is_null() ? picture() : text(item.get<std::string>()));
  }
  return result;
}

// Found once for all tests of a template.
struct Found {
  std::vector<std::string> warnings;
  std::string fault;
  std::optional<ChatTemplate> pieces;
};
const Found &foundFor(const std::string &name) {
  static std::map<std::string, Found> all;
  const auto [at, isNew] = all.try_emplace(name);
  if (isNew)
    at->second.pieces = findPieces(sourceOf(name), at->second.warnings, at->second.fault);
  return at->second;
}

class PublishedTemplate : public ::testing::TestWithParam<std::string> {
protected:
  const std::string &fault = foundFor(GetParam()).fault;
  std::optional<ChatTemplate> pieces = foundFor(GetParam()).pieces;
};

// The text that transformers' apply_chat_template gives, from the pieces.
TEST_P(PublishedTemplate, GivesTheSameText) {
  if (const auto found = refused.find(GetParam()); found != refused.end()) {
    EXPECT_FALSE(pieces);
    EXPECT_EQ(fault.substr(0, found->second.size()), found->second);
    return;
  }
  ASSERT_TRUE(pieces) << fault;
  EXPECT_EQ(!pieces->system, withoutSystem.contains(GetParam()));
  for (const Json &golden : goldens()[GetParam()]["cases"]) {
    const chat::Conversation conversation = conversationOf(golden["conversation"]);
    const std::optional<std::string> written = write(*pieces, conversation);
    if (conversation.front().role == Role::System && !pieces->system) {
      EXPECT_FALSE(written);
      continue;
    }
    ASSERT_TRUE(written) << describe(conversation);
    EXPECT_EQ(withDates(*written, kNoon), golden["text"].get<std::string>());
  }
}

// The same as ids, by the runtime's own conversation: those of the tokenizers package.
TEST_P(PublishedTemplate, GivesTheSameIds) {
  if (!pieces)
    return;
  const Json &golden = goldens()[GetParam()];
  Json tokenizer =
      Json::parse(readWhole(BLUEC_SOURCE_DIR "/examples/tiny-bluelm-v/tokenizer.json"));
  constexpr std::int64_t kVocabulary = 384;
  std::int64_t next = kVocabulary;
  for (const Json &text : golden["added"])
    tokenizer["added_tokens"].push_back({{"id", next++},
                                         {"content", text},
                                         {"special", true},
                                         {"normalized", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"single_word", false}});
  const auto converted = tokenizer::convertTokenizerText(tokenizer.dump(), "", next);
  ASSERT_TRUE(converted.ok()) << converted.status().message();
  const Result<Tokenizer> tokens = Tokenizer::fromTable(converted->table);
  ASSERT_TRUE(tokens.ok());
  pieces->imageTokenId = tokens->findAdded(pieces->imageToken);
  for (const Json &each : golden["cases"]) {
    const chat::Conversation said = conversationOf(each["conversation"]);
    if (said.front().role == Role::System && !pieces->system)
      continue;
    runtime::Conversation conversation(*tokens, *pieces, 1, 1);
    bool inTokens = true;
    for (const Message &message : said) {
      std::string text;
      std::vector<EncodedPicture> pictures;
      for (const Item &item : message.items) {
        text += item.isPicture ? pieces->imageToken : item.text;
        if (!item.isPicture)
          continue;
        auto features = std::make_shared<Features>();
        features->tiles = 1;
        features->rows.resize(1);
        pictures.push_back({std::int64_t(pictures.size()), std::move(features), {}});
      }
      if (message.role == Role::System) {
        ASSERT_TRUE(conversation.setSystem(text).ok());
      } else if (message.role == Role::Assistant) {
        // What the model says it says in tokens; what the template writes around it is apart.
        const auto ids = tokens->encode(text, Trust::User);
        ASSERT_TRUE(ids.ok());
        for (std::int32_t id : *ids)
          conversation.addAnswerToken(id);
        inTokens = tokens->encode(pieces->next.text, Trust::Template)->front() >= kVocabulary;
      } else {
        conversation = *conversation.asHistory();
        const std::vector<PictureShape> shapes(pictures.size());
        const auto parts = conversation.nextTurn(text, shapes);
        ASSERT_TRUE(parts.ok()) << parts.status().message();
        conversation.addTurn(text, *parts, pictures);
      }
    }
    const std::string expected = each["text"];
    if (!inTokens || expected.find("2024") != expected.npos)
      continue;
    std::vector<std::int64_t> ids;
    for (const Row &row : conversation.rows())
      ids.push_back(row.isToken() ? row.id : pieces->imageTokenId);
    EXPECT_EQ(ids, each["ids"].get<std::vector<std::int64_t>>()) << expected;
  }
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto &entry : templates().items())
    result.push_back(entry.key());
  return result;
}

INSTANTIATE_TEST_SUITE_P(All, PublishedTemplate, ::testing::ValuesIn(names()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

class ChatPieces : public ::testing::Test {
protected:
  std::optional<ChatTemplate> find(const std::string &text, const std::string &imageToken = "") {
    warnings.clear();
    fault.clear();
    return findPieces({.text = text,
                       .tokens = {{"bos_token", "<s>"}},
                       .imageToken = imageToken,
                       .budget = budget},
                      warnings, fault);
  }

  std::vector<std::string> warnings;
  std::string fault;
  size_t budget = TemplateSource().budget;
};

TEST_F(ChatPieces, AreStringsBetweenWhatIsSaid) {
  const auto pieces = find("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}|"
                           "{% endfor %}[assistant]");
  ASSERT_TRUE(pieces) << fault;
  EXPECT_EQ(pieces->begin.text, "<s>[user]");
  EXPECT_EQ(pieces->next.text, "|[user]");
  EXPECT_EQ(pieces->end.text, "|[assistant]");
  ASSERT_TRUE(pieces->system);
  EXPECT_EQ(pieces->system->before, "<s>[system]");
  EXPECT_EQ(pieces->system->after.text, "|[user]");
  EXPECT_EQ(pieces->ask + pieces->answer + *pieces->noAnswer + pieces->answerMark, "");
  EXPECT_EQ(warnings, std::vector<std::string>());
}

TEST_F(ChatPieces, OfPictures) {
  const std::string begin = "{% for m in messages %}{{ '<u>' if m.role == 'user' else '<a>' }}";
  const std::string end = "{% endfor %}<a>";
  // In place, wrapped, and otherwise behind an opening.
  auto pieces = find(begin +
                         "{% for c in m.content %}{% if c.type == 'image' %}[<img>]"
                         "{% else %}{{ c.text | trim }}{% endif %}{% endfor %};" +
                         end,
                     "<img>");
  ASSERT_TRUE(pieces) << fault;
  EXPECT_EQ(pieces->begin, (ByItem{"<u>", "<u>["}));
  EXPECT_EQ(pieces->next, (ByItem{";<u>", ";<u>["}));
  EXPECT_EQ(pieces->end, (ByItem{";<a>", "];<a>"}));
  EXPECT_EQ(pieces->picturePicture, "][");
  EXPECT_EQ(pieces->textPicture, "[");
  EXPECT_EQ(pieces->userTrims, (Trims{Trim::Spaces, Trim::Spaces}));
  EXPECT_FALSE(pieces->trimsTurn);
  EXPECT_FALSE(pieces->picturesFirst);
  // All of a turn's pictures before its texts.
  pieces = find(begin +
                    "{% for c in m.content | selectattr('type', 'equalto', 'image') %}<img>"
                    "{% endfor %}{{ m.content | selectattr('type', 'equalto', 'text') | "
                    "map(attribute='text') | join('+') }}" +
                    end,
                "<img>");
  ASSERT_TRUE(pieces) << fault;
  EXPECT_TRUE(pieces->picturesFirst);
  EXPECT_EQ(pieces->textText, "+");
  // A template of texts only.
  pieces = find(begin + "{{ m.content | trim }}" + end, "<img>");
  ASSERT_TRUE(pieces) << fault;
  EXPECT_EQ(pieces->begin, (ByItem{"<u>", "<u>"}));
  EXPECT_EQ(warnings, (std::vector<std::string>{"it takes no pictures: they stand where a question "
                                                "has '<img>', or before it"}));
}

TEST_F(ChatPieces, RefuseWhatTheyDoNotExplain) {
  const auto faultOf = [&](const std::string &text, const std::string &imageToken = "") {
    EXPECT_FALSE(find(text, imageToken));
    return fault;
  };
  EXPECT_EQ(faultOf("{% if %}").substr(0, 7), "line 1:");
  EXPECT_EQ(faultOf("{{ raise_exception('no') }}"), "line 1: the template raises 'no'");
  EXPECT_EQ(faultOf("hello"), "expected the user's text once, found 'hello'");
  EXPECT_EQ(faultOf("{% for m in messages %}{{ m.content | upper }}{% endfor %}"),
            "expected the user's text once, found 'XQ1?ZY'");
  // Turns that are counted.
  EXPECT_EQ(faultOf("{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}"),
            "no pieces explain user 'Xq1Zy', assistant 'Xq4Zy', user 'Xq2Zy', assistant 'Xq5Zy', "
            "user 'Xq3Zy': expected '..q1Zy2Xq4Zy3Xq2Zy2Xq5Zy3Xq3Zy', found "
            "'..q1Zy2Xq4Zy3Xq2Zy4Xq5Zy5Xq3Zy'");
  EXPECT_EQ(
      faultOf("{% for m in messages %}{{ m.content }}{{ raise_exception('alone') if "
              "messages | length > 1 }}{% endfor %}"),
      "line 1: the template raises 'alone' (of user 'Xq1Zy', assistant 'Xq4Zy', user 'Xq2Zy', "
      "assistant 'Xq5Zy', user 'Xq3Zy')");
  EXPECT_EQ(faultOf("{% for m in messages %}{% for c in m.content %}{{ c.text or '<other>' }}"
                    "{% endfor %}|{% endfor %}",
                    "<img>"),
            "expected a picture as '<img>', found '<other>Xq1Zy|'");
  EXPECT_EQ(faultOf("{% for m in messages %}{{ m.content | replace(' ', '_') }}{% endfor %}"),
            "no pieces explain user ' Xq7 Zy ': expected ' Xq7 Zy ', found '_Xq7_Zy_'");
  EXPECT_EQ(faultOf("{% for m in messages %}{{ m.content }}{{ strftime_now('%H') }}{% endfor %}"),
            "expected a date in the conversation's beginning only, found one in '?%H?'");
}

// Templates that look into what is said, in ways that a probe shows.
TEST_F(ChatPieces, OddTemplates) {
  const auto of = [](const std::string &content) {
    return "{% for m in messages %}<" + content + ">{% endfor %}";
  };
  const auto reservedIn = [&](const std::string &content) {
    const auto pieces = find(of(content));
    return pieces ? pieces->reservedInText : std::vector<std::string>{fault};
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(reservedIn("{{ 'G' if m.content == 'go' else m.content }}"), (Words{"go"}));
  EXPECT_EQ(reservedIn("{{ 'Q' if '/q' in m.content.split() }}{{ m.content }}"), (Words{"/q"}));
  EXPECT_EQ(reservedIn("{{ 'Q' if '/q' in m.content.split('\\n') }}{{ m.content }}"),
            (Words{"/q"}));
  const auto pieces = find(of("{{ m.content if m.content | trim else 'nothing' }}"));
  ASSERT_TRUE(pieces) << fault;
  EXPECT_TRUE(pieces->needsText);
  for (const char *content :
       {"{{ m.content | e }}", "{{ m.content | replace('  ', ' ') }}",
        "{{ m.content | truncate(40) }}", "{{ m.content if loop.index < 100 }}",
        "{{ m.content }}{{ '!' if m.content | length > 100 }}"})
    EXPECT_FALSE(find(of(content))) << content;
  for (const char *date : {"strftime_now('%d %B') | upper", "strftime_now('%Y') | int > 2020",
                           "strftime_now('%d %b')[:3]", "strftime_now('%f')", "strftime_now('%')"})
    EXPECT_FALSE(find("{{ " + std::string(date) + " }}" + of("{{ m.content }}"))) << date;
  EXPECT_TRUE(find("{{ strftime_now('%-d %B %Y') }}" + of("{{ m.content }}"))) << fault;
  EXPECT_FALSE(find("\x1a%Y" + of("{{ m.content }}")));
}

TEST_F(ChatPieces, ASystemTextMayBeRefused) {
  // It is moved to the last turn.
  const auto pieces = find("{% for m in messages %}{% if m.role != 'system' %}{% if loop.last %}"
                           "{{ messages[0].content if messages[0].role == 'system' }}{% endif %}"
                           "({{ m.content }}){% endif %}{% endfor %}");
  ASSERT_TRUE(pieces) << fault;
  EXPECT_FALSE(pieces->system);
  EXPECT_EQ(warnings, (std::vector<std::string>{"it writes a system text in a way that bluec does "
                                                "not: --system is refused"}));
}

// Of a stranger's templates, none takes long.
TEST_F(ChatPieces, EndSoon) {
  budget = 1'000'000;
  EXPECT_FALSE(find("{% for i in range(1000000000) %}{{ messages[0].content }}{% endfor %}"));
  EXPECT_FALSE(find("{% for i in range(600) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
                    "{% for m in messages %}{{ m.content }}{% endfor %}"));
  EXPECT_FALSE(find("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"));
  std::string many = "{% for m in messages %}{{ m.content }}{% endfor %}";
  for (int i = 0; i < 3000; ++i)
    many += "{% if 'w" + std::to_string(i) + "' == messages[0].content %}{% endif %}";
  EXPECT_FALSE(find(many));
  EXPECT_EQ(fault,
            "expected a template that is soon evaluated, found one that takes too many steps");
}

} // namespace
