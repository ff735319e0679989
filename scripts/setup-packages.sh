# Debian packages: which are missing, and how they are installed. Part of setup.sh.

# PACKAGE:PROGRAM, the program by which it is known to be there, whoever installed it.
packages_of() {
  if [ "$1" = host ]; then
    echo iproute2:ip nftables:nft iptables:iptables procps:sysctl util-linux:nsenter
    return
  fi
  echo iproute2:ip nftables:nft iptables:iptables iputils-ping:ping conntrack:conntrack procps:sysctl util-linux:nsenter
  # Not known by a program: the image of the simulated hosts needs the static one.
  echo busybox-static:
  # Ten thousand pings of a lab's matrix in seconds.
  echo fping:fping
  # An engine that is there, from wherever, is left alone.
  echo docker.io:dockerd
  [ "$1" != bench ] || echo sockperf:sockperf dnsperf:dnsperf wrk:wrk mininet:mn bridge-utils:brctl
  [ "$1" = demo ] || echo ethtool:ethtool iperf3:iperf3 tcpdump:tcpdump arping:arping bind9-dnsutils:dig python3-scapy: docker-registry:docker-registry docker-compose:docker-compose etcd-server:etcd etcd-client:etcdctl zsh:zsh fish:fish openssl:openssl curl:curl man-db:man systemd:systemd-analyze tmux:tmux
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

is_there() {
  case $1 in
    busybox-static) is_installed busybox-static || { ! command -v dpkg-query && [ -x /bin/busybox ]; } ;;
    python3-scapy) is_installed python3-scapy || python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("scapy") is None)' ;;
    *) command -v "$2" ;;
  esac >/dev/null 2>&1
}

setup_packages() {
  missing=
  for entry in $(packages_of "$1"); do
    is_there "${entry%%:*}" "${entry#*:}" || missing="$missing ${entry%%:*}"
  done
  [ -z "$missing" ] || install_packages $missing
  if [ "$1" = host ]; then
    command -v dockerd >/dev/null || say 'there is no Docker Engine on this host: install one, or "apt-get install docker.io"; the agent waits for it'
    return
  fi
  # From Debian 13 on, the client is a package of its own.
  command -v docker >/dev/null || install_packages docker-cli
}

install_packages() {
  [ -e /etc/debian_version ] && command -v apt-get >/dev/null ||
    fail "this is not Debian, so nothing was installed. Missing, by their Debian names: $*. Install them and run it again."
  for package in "$@"; do
    case $package in
      docker.io) say "installing docker.io: a Docker Engine, since there is no dockerd; it is not started" ;;
      etcd-server) say "installing etcd-server, for tests; its service is not started" ;;
      busybox-static) say "installing busybox-static$(! is_installed busybox || echo ', in place of busybox')" ;;
      *) say "installing $package" ;;
    esac
  done
  keep_services_stopped
  ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 && apt_install "$@" || {
    apt_get update -o APT::Update::Error-Mode=any && apt_install "$@"
  } || {
    tail -n 5 "$scratch/apt.log" >&2
    fail "apt-get could not install: $*. Its last lines are above. Is there a network? Otherwise install them by other means and run it again."
  }
  let_services_start
}

# Nothing else may be removed for it; only busybox gives way to its static self.
apt_install() {
  case " $* " in *' busybox-static '*) apt_get install busybox-static || return 1 ;; esac
  apt_get install --no-remove "$@"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 \
    -o APT::Install-Recommends=false "$@" >>"$scratch/apt.log" 2>&1 </dev/null
}

# Packages ask policy-rc.d before they start their services; see invoke-rc.d(8). One that somebody made is left as it is.
policy=/usr/sbin/policy-rc.d
policy_mark='made by the setup of trama for the time of an installation'

keep_services_stopped() {
  [ ! -e $policy ] || return 0
  trap 'let_services_start; rm -rf "$scratch"' EXIT
  printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" >$policy
  chmod 755 $policy
}

let_services_start() {
  if grep -qs "$policy_mark" $policy; then rm -f $policy; fi
}
