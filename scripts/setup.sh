#!/bin/sh
# Makes a Debian machine ready for this checkout: programs, a Docker Engine where there is none, Node modules.
# Says one line per thing that it installs, and nothing when everything is there. Starts no service.
#
#   sudo sh scripts/setup.sh demo|test|bench     what simulated hosts need too
#   sudo sh scripts/setup.sh host                what an agent or a server on this host needs
#   sh scripts/setup.sh package                  what it takes to build the package: Node modules only, without root
set -eu

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}
say() { printf 'setup: %s\n' "$*"; }

profile=${1-demo}
case $profile in
  demo | test | bench | host | package) ;;
  *) printf 'usage: sudo sh scripts/setup.sh demo|test|bench|host|package\n' >&2 && exit 2 ;;
esac
[ "$profile" = package ] || [ "$(id -u)" = 0 ] || fail "this needs root: run it with sudo, for example 'sudo npm run $([ "$profile" = host ] && echo setup || echo "$profile")'."
cd "$(dirname "$0")/.."
# A shell that su gave has no sbin.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

. scripts/setup-packages.sh
. scripts/setup-engine.sh
. scripts/setup-modules.sh
[ "$profile" = package ] || setup_packages "$profile"
[ "$profile" != test ] || setup_engine
setup_modules
