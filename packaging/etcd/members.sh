#!/bin/sh
# Makes what the members of a new etcd need, and the servers that keep their cluster in it: certificates for ten years, of
# one authority for clients and of another for members, and for each member the settings that Debian's etcd.service reads.
#
#   sh members.sh DIRECTORY h1=10.0.0.1 h2=10.0.0.2 h3=10.0.0.3
#
#   DIRECTORY/h1/etcd             of host h1, as /etc/default/etcd
#   DIRECTORY/h1/*.crt, *.key     of host h1, in /etc/etcd
#   DIRECTORY/trama/*.crt, *.key  of every host with a trama server, in /etc/trama/etcd
#   DIRECTORY/ca.key, peers.key   to be kept away from all of them: whoever has these, can be anybody
set -eu
umask 077

[ $# -ge 2 ] || {
  echo 'usage: sh members.sh DIRECTORY NAME=ADDRESS...' >&2
  exit 2
}
command -v openssl >/dev/null || {
  echo 'members.sh: openssl is missing: apt-get install openssl' >&2
  exit 1
}
mkdir "$1"
cd "$1"
shift
cluster=
for member in "$@"; do cluster="${cluster:+$cluster,}${member%%=*}=https://${member#*=}:2380"; done

# new_key FILE
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# authority NAME
authority() {
  new_key "$1.key"
  openssl req -x509 -key "$1.key" -days 3650 -subj "/CN=etcd of trama, $1" -out "$1.crt"
}

# certificate PATH AUTHORITY EXTENSION: without a common name, which etcd would take for a user's
certificate() {
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/O=trama" -addext "$3" |
    openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -copy_extensions copy -days 3650 -out "$1.crt" 2>/dev/null
}

settings() {
  cat <<END
ETCD_NAME=$1
ETCD_INITIAL_CLUSTER=$cluster
ETCD_INITIAL_CLUSTER_TOKEN=trama
ETCD_LISTEN_CLIENT_URLS=https://$2:2379
ETCD_ADVERTISE_CLIENT_URLS=https://$2:2379
ETCD_LISTEN_PEER_URLS=https://$2:2380
ETCD_INITIAL_ADVERTISE_PEER_URLS=https://$2:2380
# Nobody without a certificate; a client's does not make a member.
ETCD_TRUSTED_CA_FILE=/etc/etcd/ca.crt
ETCD_CERT_FILE=/etc/etcd/member.crt
ETCD_KEY_FILE=/etc/etcd/member.key
ETCD_CLIENT_CERT_AUTH=true
ETCD_PEER_TRUSTED_CA_FILE=/etc/etcd/peers.crt
ETCD_PEER_CERT_FILE=/etc/etcd/peer.crt
ETCD_PEER_KEY_FILE=/etc/etcd/peer.key
ETCD_PEER_CLIENT_CERT_AUTH=true
# What trama needs: see server.md.
ETCD_AUTO_COMPACTION_MODE=revision
ETCD_AUTO_COMPACTION_RETENTION=10000
ETCD_QUOTA_BACKEND_BYTES=8589934592
ETCD_MAX_REQUEST_BYTES=2097152
END
}

authority ca
authority peers
for member in "$@"; do
  name=${member%%=*}
  mkdir "$name"
  cp ca.crt peers.crt "$name"
  certificate "$name/member" ca "subjectAltName=IP:${member#*=}"
  certificate "$name/peer" peers "subjectAltName=IP:${member#*=}"
  settings "$name" "${member#*=}" >"$name/etcd"
done
mkdir trama
cp ca.crt trama
certificate trama/trama ca "extendedKeyUsage=clientAuth"
rm -f ca.srl peers.srl
