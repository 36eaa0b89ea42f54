"""fastest.py FIGURE OPTION VALUE... -- COMMAND...: runs the command with each value of the option, and prints the values by the figure of their JSON, least first."""

import json
import subprocess
import sys

end = sys.argv.index("--")
figure, option, *values = sys.argv[1:end]
found = {}
for value in values:
    done = subprocess.run([*sys.argv[end + 1:], option, value, "--json"], capture_output=True, text=True, check=True)
    found[value] = json.loads(done.stdout)[figure]
print(*sorted(values, key=found.get))
