#!/bin/bash
# Pid 1 of a simulated host: gives it mounts of its own, says that it is ready, then only reaps orphans.
# Runs in new mount, uts and pid namespaces, with the old /proc still in sight.
# Usage: host-init.sh NAME DISK [VISIBLE…]   VISIBLE: directories that must be seen although /var/lib or /run hides them
set -euo pipefail
name=$1 disk=$2
shift 2
# Until /proc is mounted anew, it tells this process's number as the machine counts.
read -r pid _ </proc/self/stat

mount --make-rprivate /
# Handles of other hosts' namespaces would keep those alive.
umount --recursive --lazy /run/netns 2>/dev/null || true
mount -t proc proc /proc
# A fresh sysfs shows this network namespace's links; the control groups are the machine's.
if [ -d /sys/fs/cgroup ]; then mount --rbind /sys/fs/cgroup "$disk/cgroup"; fi
mount -t sysfs sysfs /sys
if mountpoint -q "$disk/cgroup"; then mount --move "$disk/cgroup" /sys/fs/cgroup; fi
for path in "$@"; do
  case $path in
    /var/lib/*) mkdir -p "$disk/var-lib/${path#/var/lib/}" && mount --rbind "$path" "$disk/var-lib/${path#/var/lib/}" ;;
  esac
done
mount --rbind "$disk/var-lib" /var/lib
mount --bind "$disk/etc" /etc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
echo "$name" >/proc/sys/kernel/hostname

echo "$pid" >"$disk/ready.new"
mv "$disk/ready.new" "$disk/ready"
# bash reaps whatever is handed to it.
sleep infinity &
wait
