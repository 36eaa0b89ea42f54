"""expect_code.py CODE COMMAND...: runs the command, passes its output on, and fails when its exit code is another one."""

import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
if code != int(sys.argv[1]):
    sys.exit(f"expected exit code {sys.argv[1]}, found {code}")
