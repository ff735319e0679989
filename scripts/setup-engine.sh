# A second Docker Engine for the tests, Debian 13's, beside the machine's own: its programs only, in .cache. Part of setup.sh.

engine_suite=trixie
engine=.cache/docker-$engine_suite

setup_engine() {
  [ ! -x $engine/dockerd ] || return 0
  say "fetching docker.io and docker-cli of Debian $engine_suite, another Docker Engine for tests; they are not installed"
  fetch_engine >"$scratch/engine.log" 2>&1 || {
    tail -n 5 "$scratch/engine.log" >&2
    fail "the Docker Engine of Debian $engine_suite could not be fetched. The last lines are above. Is there a network? Otherwise put dockerd, docker-proxy and docker of its packages docker.io and docker-cli into $engine and run it again."
  }
}

# Called where `set -e` does not hold.
fetch_engine() {
  # Whatever mirror this machine has.
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian Debian //p' | head -n 1)
  [ -n "$mirror" ] || { echo "apt knows no mirror of Debian" && return 1; }
  mkdir -p "$scratch/apt/lists/partial" "$scratch/apt/cache/archives/partial" "$scratch/apt/unpacked"
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $mirror $engine_suite main" >"$scratch/apt/sources.list"
  # apt's own user cannot read a directory of root's.
  set -- -q -o Dir::Etc::SourceList="$scratch/apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$scratch/apt/lists" \
    -o Dir::Cache="$scratch/apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2
  apt-get "$@" -o APT::Update::Error-Mode=any update &&
    (cd "$scratch/apt" && apt-get "$@" download docker.io docker-cli) &&
    for package in "$scratch"/apt/*.deb; do dpkg-deb --extract "$package" "$scratch/apt/unpacked" || return 1; done &&
    rm -rf $engine.new $engine &&
    mkdir -p $engine.new &&
    (cd "$scratch/apt/unpacked/usr" && mv sbin/dockerd sbin/docker-proxy bin/docker "$OLDPWD/$engine.new") &&
    chown -R --reference=. .cache &&
    # Only what is whole has its name.
    mv $engine.new $engine
}
