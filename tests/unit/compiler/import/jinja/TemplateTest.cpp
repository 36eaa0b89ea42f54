#include "compiler/import/jinja/Template.h"

#include "compiler/base/JsonValue.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace bluec;
using namespace bluec::jinja;

namespace {

Value valueOf(const JsonValue &json) {
  if (const bool *truth = json.boolean())
    return *truth;
  if (json.integer())
    return *json.integer();
  if (json.number())
    return *json.number();
  if (json.string())
    return *json.string();
  if (const JsonValue::Array *values = json.array()) {
    std::vector<Value> list;
    for (const JsonValue &value : *values)
      list.push_back(valueOf(value));
    return Value::list(std::move(list));
  }
  if (const JsonValue::Object *members = json.object()) {
    std::vector<std::pair<std::string, Value>> dict;
    for (const JsonMember &member : *members)
      dict.emplace_back(member.name, valueOf(member.value));
    return Value::dict(std::move(dict));
  }
  return Value::none();
}

RenderOptions withClock() {
  return {[](std::string_view format) { return "<" + std::string(format) + ">"; }};
}

struct Answer {
  std::optional<std::string> text;
  std::string fault;
};

Answer answerOf(std::string_view text, const Value &variables = Value::dict({}),
                const Limits &limits = {}, const RenderOptions &options = withClock()) {
  Answer answer;
  if (const std::optional<Template> parsed = Template::parse(text, answer.fault, limits))
    answer.text = parsed->render(variables, answer.fault, options);
  return answer;
}

std::string faultOf(std::string_view text, const Value &variables = Value::dict({}),
                    const Limits &limits = {}) {
  const Answer answer = answerOf(text, variables, limits);
  EXPECT_EQ(answer.text, std::nullopt) << text;
  return answer.fault;
}

// What Jinja itself prints, and where it raises an exception.
TEST(TemplateTest, PrintsWhatJinjaPrints) {
  std::ifstream file(BLUEC_SOURCE_DIR "/tests/golden/jinja/expressions.json");
  std::stringstream text;
  text << file.rdbuf();
  std::string fault;
  const std::optional<JsonValue> goldens =
      parseJson(text.str(), "expressions.json", JsonLimits(), fault);
  ASSERT_TRUE(goldens) << fault;
  const Value variables = valueOf(*goldens->find("variables"));
  const JsonValue::Array &cases = *goldens->find("cases")->array();
  ASSERT_GT(cases.size(), 900u);
  for (const JsonValue &one : cases) {
    const std::string &source = *one.find("template")->string();
    const Answer answer = answerOf(source, variables);
    if (const JsonValue *output = one.find("output"))
      EXPECT_EQ(answer.text.value_or("fault: " + answer.fault), *output->string()) << source;
    else
      EXPECT_EQ(answer.text, std::nullopt) << source;
  }
}

TEST(TemplateTest, SaysWhereAndWhyThereIsNoTemplate) {
  EXPECT_EQ(faultOf("a\n{% if x %}\nb"), "line 3: expected {% endif %}, found the end");
  EXPECT_EQ(faultOf("{{ 1 + }}"), "line 1: expected an expression, found '}}'");
  EXPECT_EQ(faultOf("\n\n{{ (1] }}"), "line 3: expected ')', found ']'");
  EXPECT_EQ(faultOf("{{ 'a }}"), "line 1: expected a string's closing quote, found the end");
  EXPECT_EQ(faultOf("{{ $ }}"), "line 1: expected an expression, found '$'");
  EXPECT_EQ(faultOf("a\n{# b"), "line 2: expected #} after a comment, found the end");
  EXPECT_EQ(faultOf("\n{% break %}"), "line 2: expected {% break %} in a loop, found it outside");
  EXPECT_EQ(faultOf("a\n\xff"), "line 2: expected UTF-8, found other bytes");
}

TEST(TemplateTest, NamesWhatItDoesNotEvaluate) {
  EXPECT_EQ(faultOf("{% include 'x' %}"),
            "line 1: expected a tag that bluec evaluates, found 'include'");
  for (const char *tag : {"extends", "import", "from", "block", "autoescape", "trans", "do"})
    EXPECT_EQ(faultOf("{% " + std::string(tag) + " x %}"),
              "line 1: expected a tag that bluec evaluates, found '" + std::string(tag) + "'");
  EXPECT_EQ(faultOf("{% for x in y recursive %}{% endfor %}"),
            "line 1: expected a loop that bluec evaluates, found 'recursive'");
  EXPECT_EQ(faultOf("\n{{ 'a'|urlize }}"),
            "line 2: expected a filter that bluec evaluates, found 'urlize'");
  EXPECT_EQ(faultOf("{{ 'a' is good }}"),
            "line 1: expected a test that bluec evaluates, found 'good'");
  EXPECT_EQ(faultOf("{{ 'a'.encode() }}"),
            "line 1: expected an attribute that bluec evaluates, found 'encode' of str");
  EXPECT_EQ(faultOf("{{ f(*x) }}"),
            "line 1: expected arguments without '*', as bluec evaluates them, found '*'");
  EXPECT_EQ(faultOf("{{ '%g' % 1 }}"),
            "line 1: expected a conversion s, r, d, i, f, x or % in a format, found 'g'");
  EXPECT_EQ(faultOf("{{ '{0.x}'.format(1) }}"), "line 1: expected a plain name in a format, found "
                                                "'0.x', which bluec does not evaluate");
  EXPECT_EQ(faultOf("{{ cycler(1) }}"),
            "line 1: expected a function that bluec evaluates, found 'cycler'");
  EXPECT_EQ(faultOf("{{ '\xc3\xa9'|upper }}"), "line 1: expected letters of ASCII where upper and "
                                               "lower case matter, found '\xc3\xa9'");
  EXPECT_EQ(faultOf("{{ 9223372036854775807 + 1 }}"),
            "line 1: expected whole numbers of 64 bits, found a larger one");
  EXPECT_EQ(faultOf("{{ [1]|map('abs') }}"),
            "line 1: expected a value that can be printed, found iterator");
}

TEST(TemplateTest, SaysWhereAndWhyTheTemplateRaises) {
  EXPECT_EQ(faultOf("\n{{ raise_exception('roles must\nalternate') }}"),
            "line 2: the template raises 'roles must alternate'");
  EXPECT_EQ(faultOf("{{ a.b }}"), "line 1: expected a value, found undefined 'a'");
  const Value message = Value::dict({{"m", Value::dict({{"role", "user"}})}});
  EXPECT_EQ(faultOf("{{ m.content + 'x' }}", message),
            "line 1: expected a value, found undefined 'content' of dict");
  EXPECT_EQ(faultOf("{{ m + 'x' }}", message),
            "line 1: expected operands of '+' that fit, found dict and str");
  EXPECT_EQ(faultOf("{{ [].append(1) }}"),
            "line 1: expected a value, found undefined 'append' of list, which would change it");
  EXPECT_EQ(faultOf("{{ 'a'|replace('b') }}"),
            "line 1: filter 'replace': expected an argument 'new', found none");
  EXPECT_EQ(faultOf("{{ x }}", Value(1)), "line 1: expected a dict of variables, found int");
}

// Behind an {% if %} Jinja asks for a filter when it comes to it.
TEST(TemplateTest, AFilterThatIsNotReachedNeedNotExist) {
  EXPECT_EQ(answerOf("{% if false %}{{ 1|from_json }}{% endif %}a").text, "a");
  EXPECT_EQ(faultOf("{% if true %}{{ 1|from_json }}{% endif %}a"),
            "line 1: expected a filter that bluec evaluates, found 'from_json'");
}

TEST(TemplateTest, TheClockIsTheCallers) {
  EXPECT_EQ(answerOf("{{ strftime_now('%d %b') }}").text, "<%d %b>");
  const std::string_view asks = "{{ strftime_now is defined }}";
  EXPECT_EQ(answerOf(asks).text, "True");
  EXPECT_EQ(answerOf(asks, Value::dict({}), {}, {}).text, "False");
}

TEST(TemplateTest, VariablesGoBeforeGlobals) {
  EXPECT_EQ(answerOf("{{ range }}", Value::dict({{"range", 5}})).text, "5");
}

TEST(TemplateTest, ListsTheConstantsOfItsExpressions) {
  std::string fault;
  const std::optional<Template> parsed =
      Template::parse("'text' {% if m.role == 'user' %}{{ 'a' 'b' ~ 'user' }}{% endif %}", fault);
  ASSERT_TRUE(parsed) << fault;
  EXPECT_EQ(parsed->literals(), (std::vector<std::string>{"user", "ab"}));
}

//===------------------------------------------------------------------------------------------===//
// Hostile templates
//===------------------------------------------------------------------------------------------===//

std::string repeated(const std::string &text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i)
    result += text;
  return result;
}

TEST(TemplateTest, NestingIsLimited) {
  const std::string fault = "line 1: expected at most 200 levels of nesting, found more";
  EXPECT_EQ(faultOf("{{ " + repeated("(", 100'000)), fault);
  EXPECT_EQ(faultOf("{{ " + repeated("not ", 100'000) + "1 }}"), fault);
  EXPECT_EQ(faultOf("{{ " + repeated("-", 100'000) + "1 }}"), "line 1: expected at most 200 levels "
                                                              "of nesting, found more");
  EXPECT_EQ(faultOf("{{ " + repeated("[", 100'000)), fault);
  EXPECT_EQ(faultOf("{{ 1" + repeated(" + 1", 100'000) + " }}"), fault);
  EXPECT_EQ(faultOf("{{ x" + repeated(".a", 100'000) + " }}"), fault);
  EXPECT_EQ(faultOf("{{ x" + repeated("|trim", 100'000) + " }}"), fault);
  EXPECT_EQ(faultOf("{{ x" + repeated("()", 100'000) + " }}"), fault);
  EXPECT_EQ(faultOf("{{ 1" + repeated(" if 1 else 1", 80'000) + " }}"), fault);
  EXPECT_EQ(faultOf(repeated("{% if 1 %}", 100'000)), fault);
  EXPECT_EQ(faultOf(repeated("{% for x in y %}", 50'000)), fault);
  EXPECT_EQ(faultOf("{% set " + repeated("(", 100'000)), fault);
  // What has many parts is not deep.
  EXPECT_EQ(answerOf("{{ (1" + repeated(" ~ 1", 1000) + ")|length }}").text, "1001");
}

TEST(TemplateTest, RecursionIsLimited) {
  EXPECT_NE(faultOf("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").find("found more"),
            std::string::npos);
  EXPECT_NE(faultOf("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}"
                    "{{ m() }}")
                .find("found more"),
            std::string::npos);
  const std::string around = repeated("(", 90) + "m()" + repeated(",)", 90);
  EXPECT_NE(
      faultOf("{% macro m() %}{{ " + around + " }}{% endmacro %}{{ m() }}").find("found more"),
      std::string::npos);
}

TEST(TemplateTest, DataIsNotDeep) {
  const std::string_view loop = "{% for i in range(1000) %}";
  for (const char *grows :
       {"{% set n.x = [n.x] %}", "{% set n.x = {'a': n.x} %}", "{% set n.x = (n.x,) %}",
        "{% set n.x = [n.x]|map('string') %}", "{% set n.x = [n.x].count %}",
        "{% set n.x = {'a': n.x}.items() %}", "{% set n.x = [1]|map('default', n.x) %}",
        "{% set n.x = [n.x]|reverse %}", "{% set n.x = [n.x]|batch(1) %}",
        "{% set n.x = [[n.x]]|unique(attribute=5) %}"}) {
    const std::string fault =
        faultOf("{% set n = namespace(x=1) %}" + std::string(loop) + grows + "{% endfor %}");
    EXPECT_EQ(fault, "line 1: expected at most 200 levels of nesting, found more") << grows;
  }
  // Chains of loops, macros and namespaces are taken apart without recursion.
  for (const char *grows :
       {"{% set n.x = namespace(x=n.x) %}", "{% set n.n = n %}", "{% set n.x = n %}",
        "{% set p = n.x %}{% macro g() %}{{ p }}{% endmacro %}{% set n.x = g %}"}) {
    const std::string text = "{% set n = namespace(x=1) %}{% for i in range(50000) %}" +
                             std::string(grows) + "{% endfor %}a";
    EXPECT_EQ(answerOf(text).text, "a") << grows;
  }
  EXPECT_NE(faultOf("{% set n = namespace(x=1) %}{% for i in range(1000) %}{% for j in [n.l] %}"
                    "{% set n.l = loop %}{% endfor %}{% endfor %}")
                .find("levels of nesting"),
            std::string::npos);
  EXPECT_NE(faultOf("{% set n = namespace() %}{% set n.n = n %}{{ n }}").find("levels of nesting"),
            std::string::npos);
}

TEST(TemplateTest, WorkIsLimited) {
  for (const char *text :
       {"{{ 'x' * 10**9 }}",
        "{{ [0] * 10**9 }}",
        "{{ 'x' * 10**18 }}",
        "{{ [0, 1] * 10**18 }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for a in range(100) %}{% set n.s = n.s + n.s %}"
        "{% endfor %}",
        "{{ ('a' * 100000)|replace('a', 'b' * 10000) }}",
        "{{ ('a' * 100000)|replace('', 'b' * 10000) }}",
        "{{ ('b' * 10000).join('a' * 100000) }}",
        "{{ range(100000)|join('b' * 10000) }}",
        "{{ 'a'|indent(10**12) }}",
        "{{ ('\n' * 100000)|indent(10000, blank=true) }}",
        "{{ 'a'.center(10**12) }}",
        "{{ 'a'.zfill(10**12) }}",
        "{{ '%1000000000s' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '%.1000000f' % 1 }}",
        "{{ [1]|tojson(indent=10**12) }}",
        "{{ range(0, 10**18)|list }}",
        "{{ [1]|batch(10**12, 0)|list }}",
        "{{ [1]|slice(10**12)|list }}",
        "{{ 2 ** 10**9 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{% set n = namespace(l=[]) %}{% for a in range(150) %}{% set n.l = [n.l, n.l] %}"
        "{% endfor %}{{ n.l == 1 }}{{ n.l }}",
        "{% set n = namespace(a=[], b=[]) %}{% for a in range(150) %}{% set n.a = [n.a, n.a] %}"
        "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
        "{% set n = namespace(a=()) %}{% for a in range(150) %}{% set n.a = (n.a, n.a) %}"
        "{% endfor %}{{ {n.a: 1} }}",
        "{% set n = namespace(a=[]) %}{% for a in range(150) %}{% set n.a = [n.a, n.a] %}"
        "{% endfor %}{{ n.a|tojson }}",
        "{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(1) }}",
        "{% set a = 'a' * 4000000 %}{% for i in range(100000) %}{{ a.islower() }}{% endfor %}",
        "{% set a = 'a' * 4000000 %}{{ range(100000)|map(attribute=a)|list }}",
        "{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}"})
    EXPECT_NE(faultOf(text).find("line "), std::string::npos) << text;
  EXPECT_EQ(faultOf("{{ 'x' * 10**9 }}"),
            "line 1: expected at most 4194304 bytes of text, found more");
  EXPECT_EQ(
      faultOf("{% for a in range(100000) %}{% for b in range(100) %}{% endfor %}{% endfor %}"),
      "line 1: expected at most 2000000 steps, found more");
  EXPECT_EQ(faultOf("{{ range(100001) }}"),
            "line 1: expected at most 100000 values of 'range', found more");
}

// Texts for which looking at each place anew takes the product of their lengths.
TEST(TemplateTest, SearchingIsLinear) {
  const std::string begin = "{% set a = 'a' * 4000000 %}{% set b = 'a' * 2000000 ~ 'b' %}"
                            "{% set c = 'b' ~ 'a' * 2000000 %}";
  EXPECT_EQ(answerOf(begin + "{{ b in a }}{{ a.find(b) }}{{ a.rfind(c) }}{{ a.count(b) }}"
                             "{{ a.split(b)|length }}{{ a.rsplit(c)|length }}{{ b in b ~ b }}"
                             "{{ (b ~ c).rfind(c) }}{{ (c ~ b).find(b) }}")
                .text,
            "False-1-1011True20000012000001");
  EXPECT_NE(faultOf("{{ f(" + repeated("a=1,", 200'000) + ") }}").find("twice"), std::string::npos);
  EXPECT_EQ(faultOf("{{ f(" + repeated("1,", 1000) + ") }}"),
            "line 1: expected at most 256 arguments, found more");
  EXPECT_EQ(faultOf("{{ " + repeated("a", 1000) + " }}"),
            "line 1: expected names of at most 256 bytes, found a longer one");
}

TEST(TemplateTest, LimitsAreTheCallers) {
  Limits limits;
  limits.templateBytes = 4;
  EXPECT_EQ(faultOf("12345", Value::dict({}), limits),
            "line 1: expected at most 4 bytes of template, found 5");
  limits = {};
  limits.outputBytes = 4;
  EXPECT_EQ(faultOf("12{{ 345 }}", Value::dict({}), limits),
            "line 1: expected at most 4 bytes of text, found more");
  limits = {};
  limits.depth = 2;
  const Value deep = Value::list({Value::list({Value::list({})})});
  EXPECT_EQ(faultOf("a", Value::dict({{"x", deep}}), limits),
            "line 1: expected at most 2 levels of nesting, found more");
}

// Each prefix, and each text with one character less.
TEST(TemplateTest, BrokenTemplatesAreRefusedOrRendered) {
  const std::string text =
      "{%- macro m(a, b='x') -%}{{ a ~ b|upper }}{% endmacro %}{% for k, v in d.items() if v is "
      "defined %}{% set n.x = [v, {'k': k[::-1]}] %}{% raw %}{{{% endraw %}{# c #}{% call(q) m(1) "
      "%}{{ '%s' % (q,) }}\\{% endcall %}{{ loop.index ** 2 // 1.5e1 if not k else '\\u00e9' }}"
      "{% else %}{% filter trim %} \xe6\xbc\xa2 {% endfilter %}{% endfor %}";
  const Value variables = Value::dict({{"d", Value::dict({{"a", 1}})}});
  for (size_t i = 0; i <= text.size(); ++i) {
    const Answer prefix = answerOf(text.substr(0, i), variables);
    EXPECT_EQ(prefix.text.has_value(), prefix.fault.empty());
    const Answer without =
        answerOf(text.substr(0, i) + text.substr(std::min(i + 1, text.size())), variables);
    EXPECT_EQ(without.text.has_value(), without.fault.empty());
  }
}

} // namespace
