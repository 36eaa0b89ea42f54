#include "targets/Registration.h"

#include <gtest/gtest.h>

using namespace bluec::targets;

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
  EXPECT_EQ(error,
            "target: expected host or one of x86-64-v3, x86-64-v3-vnni, x86-64-v4, found 'pdp-11'");
}

TEST(TargetRegistry, HostIsTheBestThatRunsHereAndNeverAGenericOne) {
  std::string error;
  const Target *host = allTargets().find("host", error);
  EXPECT_EQ(host, allTargets().find("native", error));
  if (!host)
    EXPECT_EQ(error, "target host: none of bluec's targets runs on this machine");
  else
    EXPECT_TRUE(host->runsHere());
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
