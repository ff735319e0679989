# Create the network namespace trama.cluster-etcd.lan: the switch lan, with a network of its own.
ip netns add trama.cluster-etcd.lan
# Create the network namespace trama.cluster-etcd.h1: the host h1, with a network of its own.
ip netns add trama.cluster-etcd.h1
# Create the network namespace trama.cluster-etcd.h2: the host h2, with a network of its own.
ip netns add trama.cluster-etcd.h2
# Create the network namespace trama.cluster-etcd.h3: the host h3, with a network of its own.
ip netns add trama.cluster-etcd.h3
# Power on h1: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h1 || power h1 10.0.0.1 /trama /node
# Start the Docker Engine of h1, and wait until it answers.
on h1 docker version >/dev/null 2>&1 || { daemon h1 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-cluster-etcd/h1; until_so on h1 docker version; }
# Give it the images that it is to have.
on h1 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h1 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Power on h2: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h2 || power h2 10.0.0.2 /trama /node
# Start the Docker Engine of h2, and wait until it answers.
on h2 docker version >/dev/null 2>&1 || { daemon h2 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-cluster-etcd/h2; until_so on h2 docker version; }
# Give it the images that it is to have.
on h2 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h2 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Power on h3: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h3 || power h3 10.0.0.3 /trama /node
# Start the Docker Engine of h3, and wait until it answers.
on h3 docker version >/dev/null 2>&1 || { daemon h3 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-cluster-etcd/h3; until_so on h3 docker version; }
# Give it the images that it is to have.
on h3 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h3 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.cluster-etcd.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.cluster-etcd.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.cluster-etcd.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.cluster-etcd.h2 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.cluster-etcd.h3: h3 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.cluster-etcd.h3 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.cluster-etcd.lan: what makes it a switch.
ip -n trama.cluster-etcd.lan link add name br0 mtu 1500 type bridge
ip -n trama.cluster-etcd.lan link set dev br0 up
# Create the veth pair eth0 in namespace trama.cluster-etcd.h1 and h1 in namespace trama.cluster-etcd.lan: a cable from h1:eth0 to lan:h1.
ip -n trama.cluster-etcd.h1 link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:01 type veth peer name h1 mtu 1500 netns trama.cluster-etcd.lan
ip -n trama.cluster-etcd.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.cluster-etcd.h2 and h2 in namespace trama.cluster-etcd.lan: a cable from h2:eth0 to lan:h2.
ip -n trama.cluster-etcd.h2 link add name eth0 index 1001 mtu 1500 address 02:00:0a:00:00:02 type veth peer name h2 mtu 1500 netns trama.cluster-etcd.lan
ip -n trama.cluster-etcd.h2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.cluster-etcd.h3 and h3 in namespace trama.cluster-etcd.lan: a cable from h3:eth0 to lan:h3.
ip -n trama.cluster-etcd.h3 link add name eth0 index 1002 mtu 1500 address 02:00:0a:00:00:03 type veth peer name h3 mtu 1500 netns trama.cluster-etcd.lan
ip -n trama.cluster-etcd.h3 link set dev eth0 up
# Set up the loopback in namespace trama.cluster-etcd.h1: so that it reaches its own addresses.
ip -n trama.cluster-etcd.h1 link set dev lo up
# Set up the loopback in namespace trama.cluster-etcd.h2: so that it reaches its own addresses.
ip -n trama.cluster-etcd.h2 link set dev lo up
# Set up the loopback in namespace trama.cluster-etcd.h3: so that it reaches its own addresses.
ip -n trama.cluster-etcd.h3 link set dev lo up
# Set up the loopback in namespace trama.cluster-etcd.lan: so that it reaches its own addresses.
ip -n trama.cluster-etcd.lan link set dev lo up
# Create the second end h1 in namespace trama.cluster-etcd.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster-etcd.lan link set dev h1 mtu 1500 master br0
ip -n trama.cluster-etcd.lan link set dev h1 up
# Create the second end h2 in namespace trama.cluster-etcd.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster-etcd.lan link set dev h2 mtu 1500 master br0
ip -n trama.cluster-etcd.lan link set dev h2 up
# Create the second end h3 in namespace trama.cluster-etcd.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster-etcd.lan link set dev h3 mtu 1500 master br0
ip -n trama.cluster-etcd.lan link set dev h3 up
# Create the address 10.0.0.1/24 of eth0 in namespace trama.cluster-etcd.h1: by which h1 is reached.
ip -n trama.cluster-etcd.h1 addr replace 10.0.0.1/24 dev eth0
# Create the address 10.0.0.2/24 of eth0 in namespace trama.cluster-etcd.h2: by which h2 is reached.
ip -n trama.cluster-etcd.h2 addr replace 10.0.0.2/24 dev eth0
# Create the address 10.0.0.3/24 of eth0 in namespace trama.cluster-etcd.h3: by which h3 is reached.
ip -n trama.cluster-etcd.h3 addr replace 10.0.0.3/24 dev eth0
# Start the member of etcd on h1.
on h1 pgrep -x etcd >/dev/null 2>&1 || daemon h1 etcd etcd --name h1 --data-dir /var/lib/etcd-of-lab --log-level error --listen-client-urls http://10.0.0.1:2379 --advertise-client-urls http://10.0.0.1:2379 --listen-peer-urls http://10.0.0.1:2380 --initial-advertise-peer-urls http://10.0.0.1:2380 --initial-cluster h1=http://10.0.0.1:2380,h2=http://10.0.0.2:2380,h3=http://10.0.0.3:2380 --auto-compaction-mode revision --auto-compaction-retention 10000
# Start the member of etcd on h2.
on h2 pgrep -x etcd >/dev/null 2>&1 || daemon h2 etcd etcd --name h2 --data-dir /var/lib/etcd-of-lab --log-level error --listen-client-urls http://10.0.0.2:2379 --advertise-client-urls http://10.0.0.2:2379 --listen-peer-urls http://10.0.0.2:2380 --initial-advertise-peer-urls http://10.0.0.2:2380 --initial-cluster h1=http://10.0.0.1:2380,h2=http://10.0.0.2:2380,h3=http://10.0.0.3:2380 --auto-compaction-mode revision --auto-compaction-retention 10000
# Start the member of etcd on h3.
on h3 pgrep -x etcd >/dev/null 2>&1 || daemon h3 etcd etcd --name h3 --data-dir /var/lib/etcd-of-lab --log-level error --listen-client-urls http://10.0.0.3:2379 --advertise-client-urls http://10.0.0.3:2379 --listen-peer-urls http://10.0.0.3:2380 --initial-advertise-peer-urls http://10.0.0.3:2380 --initial-cluster h1=http://10.0.0.1:2380,h2=http://10.0.0.2:2380,h3=http://10.0.0.3:2380 --auto-compaction-mode revision --auto-compaction-retention 10000
# Wait until they have a leader.
until_so on h1 env ETCDCTL_API=3 etcdctl --endpoints http://10.0.0.1:2379 --command-timeout=2s get x
# Start the server on h1, over that etcd.
on h1 test -S /run/trama/server.sock || { daemon h1 server trama server --store etcd://10.0.0.1,10.0.0.2,10.0.0.3; until_so on h1 test -S /run/trama/server.sock; }
# Start the server on h2, over that etcd.
on h2 test -S /run/trama/server.sock || { daemon h2 server trama server --store etcd://10.0.0.1,10.0.0.2,10.0.0.3; until_so on h2 test -S /run/trama/server.sock; }
# Start the server on h3, over that etcd.
on h3 test -S /run/trama/server.sock || { daemon h3 server trama server --store etcd://10.0.0.1,10.0.0.2,10.0.0.3; until_so on h3 test -S /run/trama/server.sock; }
# Make a token by which agents join.
token=$(on h1 trama token create --uses 3)
# Start the agent on h1: it joins, and takes care of the host's networks and containers.
on h1 test -S /run/docker/plugins/trama.sock || { daemon h1 agent trama agent --join "$token"@10.0.0.1,10.0.0.2,10.0.0.3 --address 10.0.0.1; until_so on h1 test -S /run/docker/plugins/trama.sock; }
# Start the agent on h2: it joins, and takes care of the host's networks and containers.
on h2 test -S /run/docker/plugins/trama.sock || { daemon h2 agent trama agent --join "$token"@10.0.0.1,10.0.0.2,10.0.0.3 --address 10.0.0.2; until_so on h2 test -S /run/docker/plugins/trama.sock; }
# Start the agent on h3: it joins, and takes care of the host's networks and containers.
on h3 test -S /run/docker/plugins/trama.sock || { daemon h3 agent trama agent --join "$token"@10.0.0.1,10.0.0.2,10.0.0.3 --address 10.0.0.3; until_so on h3 test -S /run/docker/plugins/trama.sock; }
# Wait until the server has heard of all agents.
until_so nodes_ready h1 3
# Make the network app on h1, driver overlay.
on h1 trama network inspect app >/dev/null 2>&1 || on h1 trama network create app --driver overlay --subnet 10.42.0.0/16
# Run the container web on h1, in the network app.
on h1 trama inspect web >/dev/null 2>&1 || on h1 trama run -d --node h1 --name web --network app --ip 10.42.200.1 trama/busybox:1 sh -c 'httpd -f'
attach h1 web
# Run the container api on h2, in the network app.
on h1 trama inspect api >/dev/null 2>&1 || on h1 trama run -d --node h2 --name api --network app --ip 10.42.200.2 trama/busybox:1 sh -c 'httpd -f'
attach h2 api
# Run the container db on h3, in the network app.
on h1 trama inspect db >/dev/null 2>&1 || on h1 trama run -d --node h3 --name db --network app --ip 10.42.200.3 trama/busybox:1 sh -c 'httpd -f'
attach h3 db
