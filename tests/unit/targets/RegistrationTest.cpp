#include "targets/Registration.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

using namespace bluec::targets;

namespace {

const std::string kNames =
    "x86-64-v3, x86-64-v3-vnni, x86-64-v4, aarch64-dotprod, aarch64-i8mm, cpp";

/// What "host" is while it lives; null: what the machine has.
class Host {
public:
  explicit Host(const char *target) {
    if (const char *set = std::getenv(kHostVariable))
      before = set;
    set(target);
  }
  ~Host() { set(before ? before->c_str() : nullptr); }

private:
  static void set(const char *target) {
    if (target)
      setenv(kHostVariable, target, 1);
    else
      unsetenv(kHostVariable);
  }
  std::optional<std::string> before;
};

} // namespace

TEST(TargetRegistry, FindsTargetsByName) {
  std::string error;
  const Target *target = allTargets().find("x86-64-v3", error);
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->name(), "x86-64-v3");
  EXPECT_FALSE(target->description().empty());
}

TEST(TargetRegistry, NamesWhatThereIsWhenATargetIsUnknown) {
  std::string error;
  EXPECT_EQ(allTargets().find("pdp-11", error), nullptr);
  EXPECT_EQ(error, "target: expected host or one of " + kNames + ", found 'pdp-11'");
}

TEST(TargetRegistry, HostIsTheBestThatRunsHereAndNeverAGenericOne) {
  Host isTheMachine(nullptr);
  std::string error;
  const Target *host = allTargets().find("host", error);
  EXPECT_EQ(host, allTargets().find("native", error));
  if (!host)
    EXPECT_EQ(error, "target host: none of bluec's targets runs on this machine");
  else
    EXPECT_TRUE(host->runsInProcess());
}

TEST(TargetRegistry, TheHostMayBeNamed) {
  for (const auto &target : allTargets().all()) {
    Host is(target->name().str().c_str());
    std::string error;
    const Target *host = allTargets().host(error);
    EXPECT_EQ(host, target->canBeHostHere() ? target.get() : nullptr);
    EXPECT_EQ(host, allTargets().find("host", error));
    if (!host)
      EXPECT_EQ(error, "BLUEC_HOST: expected a target that can be host on this machine, found '" +
                           target->name().str() + "'");
  }
}

TEST(TargetRegistry, AHostThatIsNoTargetIsAnErrorAndAnEmptyOneIsNone) {
  std::string error;
  Host isTheMachine(nullptr);
  const Target *host = allTargets().host(error);
  {
    Host isEmpty("");
    EXPECT_EQ(allTargets().host(error), host);
  }
  for (const char *name : {"host", "native", "pdp-11"}) {
    Host isNone(name);
    EXPECT_EQ(allTargets().find("native", error), nullptr);
    EXPECT_EQ(error,
              "BLUEC_HOST: expected one of " + kNames + ", found '" + std::string(name) + "'");
    EXPECT_EQ(allTargets().find("x86-64-v4", error)->name(), "x86-64-v4") << "a name is a name";
  }
}

TEST(TargetRegistry, NamesStandForNoOtherTarget) {
  EXPECT_EQ(allTargets().names(), kNames);
  EXPECT_EQ(allTargets().named("x86-64-v3")->name(), "x86-64-v3");
  for (const char *name : {"host", "native", "", "pdp-11"})
    EXPECT_EQ(allTargets().named(name), nullptr) << name;
}

TEST(TargetRegistry, FactsNameTheTarget) {
  mlir::MLIRContext context;
  context.loadDialect<bluec::plan::PlanDialect>();
  for (const auto &target : allTargets().all()) {
    bluec::plan::TargetAttr facts = target->facts(&context);
    EXPECT_EQ(facts.getName(), target->name());
    EXPECT_EQ(facts.getTriple(), target->triple());
    EXPECT_GE(facts.getVectorBits(), 128);
    EXPECT_GE(facts.getVectorRegisters(), 8);
    EXPECT_GE(facts.getAlignment(), facts.getVectorBits() / 8);
    for (unsigned bits : {8, 16}) {
      auto storage = mlir::IntegerType::get(&context, bits);
      EXPECT_TRUE(bluec::plan::hasDot(facts, bluec::plan::dotFor(facts, storage)));
    }
  }
}
