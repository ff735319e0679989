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

# user NAME FILE
user() {
  openssl rand -hex 24 >"$2"
  etcdctl user add "$1" --interactive=false <"$2"
}

user root root-password
etcdctl user grant-role root root
user trama trama/password
etcdctl role add trama
etcdctl role grant-permission trama readwrite trama/ --prefix=true
etcdctl user grant-role trama trama
etcdctl auth enable
