# The hosts' disks and logs. Each host is a process tree with mounts and processes of its own; all else is this machine's.
disks=/var/tmp/trama-labs/$lab
# Whoever is first may make that directory, and what is in it is run as root.
[ -e "${disks%/*}" ] || mkdir -m 700 "${disks%/*}"
[ -n "$(find "${disks%/*}" -maxdepth 0 -type d -uid 0 ! -perm /022)" ] || {
  echo "${disks%/*} is no directory that root alone may write to, and what hosts have there is run as root: remove it" >&2
  exit 1
}
# Tries again until it is so, for a minute.
until_so() {
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "in vain: $*" >&2; exit 1; }
    sleep 0.1
  done
}
# powered HOST: whether its first process runs.
powered() {
  first=$(cat "$disks/$1/ready" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$first/ns/net")" = "net:[$(stat -c %i "/run/netns/trama.$lab.$1")]" ]
}
# on HOST COMMAND…: runs it there, in all of the host's namespaces.
on() {
  where=$1
  shift
  env TRAMA_TOPOLOGY="$lab" DOCKER_HOST=unix:///var/run/docker.sock \
    nsenter --target "$(cat "$disks/$where/ready")" --mount --net --uts --pid -- "$@"
}
# daemon HOST LOG COMMAND…: starts it there, and goes on.
daemon() {
  {
    exec </dev/null >>"$disks/$1/log/$2.log" 2>&1
    where=$1
    shift 2
    on "$where" "$@"
  } &
}
# power HOST ADDRESS [DIRECTORY…]: gives it a disk, and starts its first process.
power() {
  host=$1 address=$2 disk=$disks/$1
  shift 2
  mkdir -p "$disk/cgroup" "$disk/var-lib" "$disk/log"
  cp -a /etc "$disk/etc"
  (cd "$disk/etc" && rm -rf docker trama hosts hostname resolv.conf)
  printf '127.0.0.1 localhost\n::1 localhost\n%s %s\n' "$address" "$host" >"$disk/etc/hosts"
  echo "$host" >"$disk/etc/hostname"
  printf 'nameserver 198.51.100.1\noptions timeout:1 attempts:1\n' >"$disk/etc/resolv.conf"
  env TRAMA_TOPOLOGY="$lab" setsid nsenter "--net=/run/netns/trama.$lab.$host" \
    unshare --mount --uts --pid --fork --kill-child -- bash "$disks/init.sh" "$host" "$disk" "$@" </dev/null >"$disk/log/init.log" 2>&1 &
  until_so test -s "$disk/ready"
}
# An image of busybox alone: all of its applets, and a page in /www.
busybox_image() {
  [ -e "$disks/image/www/index.html" ] || {
    (cd "$disks" && mkdir -p image/bin image/etc image/tmp image/www)
    cp /bin/busybox "$disks/image/bin/busybox"
    for applet in $(/bin/busybox --list); do
      [ "$applet" = busybox ] || ln -sf busybox "$disks/image/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$disks/image/etc/passwd"
    chmod 1777 "$disks/image/tmp"
    echo hello >"$disks/image/www/index.html"
  }
  tar -C "$disks/image" --owner=0 --group=0 --mtime=@0 -c .
}
# nodes_ready HOST NUMBER: whether its server has heard of so many.
nodes_ready() { [ "$(on "$1" trama node ls --filter status=ready -o '{{.name}}' | wc -l)" -ge "$2" ]; }
# attach HOST CONTAINER: its network namespace, under a name that ip knows.
attach() {
  netns=/run/netns/trama.$lab.$2
  [ ! -e "$netns" ] || umount --lazy "$netns"
  touch "$netns"
  mount --bind "/proc/$(cat "$disks/$1/ready")/root/proc/$(on "$1" docker inspect -f '{{.State.Pid}}' "$2")/ns/net" "$netns"
}
