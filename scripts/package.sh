#!/bin/sh
# Builds trama_VERSION_ARCH.deb in a directory, dist unless another is named, and prints its path. From the same commit the same file, byte for byte: its times are
# SOURCE_DATE_EPOCH, or else the commit's. Needs no root. scripts/setup.sh package has made the checkout ready.
#
#   DEBFULLNAME, DEBEMAIL      who maintains this package
#   TRAMA_PACKAGE_PACKED=xz    or another word that dpkg-deb's -Z takes: "none" for a package that is only tried
set -eu

fail() {
  printf 'package: %s\n' "$*" >&2
  exit 1
}
checkout=$(dirname "$0")/..
mkdir -p "${1-$checkout/dist}"
directory=$(cd "${1-$checkout/dist}" && pwd -P)
cd "$checkout"
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing, without which no .deb is made. It is in Debian's package dpkg; build on Debian."
architecture=$(dpkg --print-architecture)
[ "$architecture" = amd64 ] || fail "this is $architecture: the Node.js of package-lock.json is for amd64, and so is the package. Build on amd64."

umask 022
# Sorting and filling are the same everywhere.
export LC_ALL=C.UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
node=node_modules/.bin/node

. scripts/package-time.sh
SOURCE_DATE_EPOCH=$(source_time)
export SOURCE_DATE_EPOCH
version=$($node -p 'require("./package.json").version')
# 1.0.0-rc.1 comes before 1.0.0.
debian_version=$(printf '%s' "$version" | sed 's/-/~/')
maintainer="${DEBFULLNAME:-Trama maintainers} <${DEBEMAIL:-maintainers@trama.invalid}>"

. scripts/package-tree.sh
. scripts/package-control.sh
program_tree
system_tree
document_tree
control_tree

package=$directory/trama_${debian_version}_$architecture.deb
# Only what is whole has its name.
dpkg-deb --root-owner-group -Z"${TRAMA_PACKAGE_PACKED:-xz}" --build "$root" "$work/trama.deb" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  fail "dpkg-deb could not build the package."
}
mv "$work/trama.deb" "$package"
printf '%s\n' "$package"
