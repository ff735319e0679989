#!/bin/sh
# Gives a new etcd its users, once: root, and trama, who may read and write the keys under trama/. From then on nobody gets
# in without a password. Their passwords are made up and written into files of the directory:
#
#   sh users.sh DIRECTORY https://10.0.0.1:2379     a member; DIRECTORY is that of members.sh
#
#   DIRECTORY/trama/password      of every host with a trama server, in /etc/trama/etcd
#   DIRECTORY/root-password       for whoever looks after the etcd, in nobody else's hands
set -eu
umask 077

[ $# = 2 ] || {
  echo 'usage: sh users.sh DIRECTORY https://MEMBER:2379' >&2
  exit 2
}
cd "$1"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS="$2" ETCDCTL_CACERT=ca.crt ETCDCTL_CERT=trama/trama.crt ETCDCTL_KEY=trama/trama.key

refuse() {
  echo "users.sh: $*" >&2
  exit 1
}

# Without a deadline etcdctl waits for ever for a member that is not there.
timeout 20 etcdctl endpoint health >/dev/null 2>&1 ||
  refuse "nobody answers at $2: see that etcd runs there with the files of members.sh (journalctl -u etcd), and that a second member does"
said=$(timeout 20 etcdctl user list 2>&1) || case $said in
  *'user name is empty'*) refuse "the etcd at $2 has its users already, and their passwords are as they were" ;;
  *) refuse "the etcd at $2 does not tell its users: $said" ;;
esac

# user NAME FILE; one of an earlier run that was interrupted gets another password
user() {
  openssl rand -hex 24 >"$2.new"
  if timeout 20 etcdctl user get "$1" >/dev/null 2>&1; then
    timeout 20 etcdctl user passwd "$1" --interactive=false <"$2.new"
  else
    timeout 20 etcdctl user add "$1" --interactive=false <"$2.new"
  fi
  mv "$2.new" "$2"
}

user root root-password
etcdctl user grant-role root root
user trama trama/password
etcdctl role get trama >/dev/null 2>&1 || etcdctl role add trama
etcdctl role grant-permission trama readwrite trama/ --prefix=true
etcdctl user grant-role trama trama
etcdctl auth enable
