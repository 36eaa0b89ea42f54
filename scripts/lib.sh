# Shared by the scripts of this folder; sourced, not run. Needs bash.
#
# Settings, as environment variables:
#   BLUEC_JOBS=N        compile jobs at a time (default: one a core, less when memory is short)
#   BLUEC_NO_INSTALL=1  never call apt-get, only say what is missing

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Debian 12 (bookworm and bookworm-security) packages everything bluec needs.
build_packages=(
  ca-certificates git ccache cmake ninja-build python3 g++
  clang-22 clang-format-22 lld-22 liblld-22-dev libclang-rt-22-dev
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libonnx-dev libprotobuf-dev protobuf-compiler
  libfmt-dev nlohmann-json3-dev libcli11-dev libstb-dev
  libgtest-dev libbenchmark-dev
)

# For code that runs on phones: another machine's compiler, which builds the runtime, and an emulator, which checks the code.
arm_packages=(g++-aarch64-linux-gnu qemu-user)

# What the tests need besides: a browser that opens the pages which bluec writes.
test_packages=(chromium-headless-shell "${arm_packages[@]}")

say() { printf '\n== %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

missingPackages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done
}

# Installs what is missing of the named packages; quick when nothing is.
installPackages() {
  command -v dpkg-query >/dev/null ||
    fail "this is not Debian: install the equivalents of: $*"
  local missing apt=(apt-get)
  mapfile -t missing < <(missingPackages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  [ -z "${BLUEC_NO_INSTALL:-}" ] || fail "packages missing: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "not root, and no sudo: run as root: apt-get install ${missing[*]}"
    apt=(sudo apt-get)
  fi
  say "installing ${#missing[@]} packages"
  export DEBIAN_FRONTEND=noninteractive
  local log; log=$(mktemp)
  if ! { "${apt[@]}" -qq update &&
         "${apt[@]}" -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}"; } \
       >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: ${missing[*]} (expected: Debian 12 with bookworm-security)"
  fi
  rm -f "$log"
}

# Files that include MLIR take up to 1.5 GB each to compile.
jobs() {
  local cores memory
  if [ -n "${BLUEC_JOBS:-}" ]; then
    echo "$BLUEC_JOBS"
    return
  fi
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# What ccache found of the files that this script compiled, in a few words.
export CCACHE_STATSLOG=$root/build/ccache.log
cacheUse() {
  if [ -n "${CCACHE_DISABLE:-}" ] || ! command -v ccache >/dev/null; then
    echo "ccache off"
  elif [ -s "$CCACHE_STATSLOG" ]; then
    ccache --show-log-stats | awk '$1 == "Hits:" { print "ccache had " $2 " of " $4 " files"; exit }'
  else
    echo "nothing to compile"
  fi
}

# configureAndBuild PRESET [TARGET...]
configureAndBuild() {
  local preset=$1 log; shift
  say "configuring and building ($preset)"
  log=$(mktemp)
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; fail "cmake failed"; }
  rm -f "$log"
  cmake --build --preset "$preset" --parallel "$(jobs)" ${1:+--target "$@"}
}

# setUp [TARGET...]: everything when no target is named
setUp() {
  mkdir -p build
  rm -f "$CCACHE_STATSLOG"
  installPackages "${build_packages[@]}"
  configureAndBuild default "$@"
}
