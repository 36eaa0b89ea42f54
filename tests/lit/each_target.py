"""lit's shell tests, by what they ask of the machine that they run on.

- A file with %target in it is run once for each of bluec's targets, whether or not the machine has it: it may compile
  for the target, but runs nothing.
- A file that says `REQUIRES: host` runs what it compiles. `host` is what BLUEC_HOST says, or the best that runs here.
- In all others, as in those with %target, there is no host: bluec fails when it is asked for it.
"""

import copy
import os
import re

import lit.formats
import lit.Test

# No target's name, so that TargetRegistry::host finds none.
NO_HOST = "none-in-this-test"


class TargetTest(lit.Test.Test):
    """A file, for one target. It has scratch paths of its own."""

    def __init__(self, suite, path, config, target):
        config = copy.copy(config)
        config.substitutions = [("%target", target), *config.substitutions]
        super().__init__(suite, path, config)
        self.target = target

    def getExecPath(self):
        return f"{super().getExecPath()}.{self.target}"

    def getFullName(self):
        return f"{super().getFullName()} ({self.target})"


class EachTarget(lit.formats.ShTest):
    """`targets`: names of bluec's targets, empty when there is no bluec to ask."""

    def __init__(self, targets):
        super().__init__(execute_external=False)
        self.targets = targets

    def getTestsForPath(self, suite, path, lit_config, config):
        for test in super().getTestsForPath(suite, path, lit_config, config):
            with open(test.getSourcePath(), encoding="utf-8", errors="replace") as file:
                text = file.read()
            if re.search(r"REQUIRES:.*\bhost\b", text):
                yield test
                continue
            config = copy.copy(config)
            config.environment = dict(config.environment, BLUEC_HOST=NO_HOST)
            if re.search(r"RUN:.*%target\b", text):
                if not self.targets:
                    lit_config.fatal(f"{test.getFullName()}: expected bluec to be built, for its targets")
                for target in self.targets:
                    yield TargetTest(suite, path, config, target)
            else:
                yield lit.Test.Test(suite, path, config)
