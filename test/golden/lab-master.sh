# Create the network namespace trama.master.lan: the switch lan, with a network of its own.
ip netns add trama.master.lan
# Create the network namespace trama.master.master: the host master, with a network of its own.
ip netns add trama.master.master
# Create the network namespace trama.master.h1: the host h1, with a network of its own.
ip netns add trama.master.h1
# Create the network namespace trama.master.h2: the host h2, with a network of its own.
ip netns add trama.master.h2
# Create the network namespace trama.master.h3: the host h3, with a network of its own.
ip netns add trama.master.h3
# Power on master: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered master || power master 10.0.0.254 /trama /node
# Power on h1: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h1 || power h1 10.0.0.1 /trama /node
# Start the Docker Engine of h1, and wait until it answers.
on h1 docker version >/dev/null 2>&1 || { daemon h1 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-master/h1; until_so on h1 docker version; }
# Give it the images that it is to have.
on h1 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h1 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Power on h2: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h2 || power h2 10.0.0.2 /trama /node
# Start the Docker Engine of h2, and wait until it answers.
on h2 docker version >/dev/null 2>&1 || { daemon h2 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-master/h2; until_so on h2 docker version; }
# Give it the images that it is to have.
on h2 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h2 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Power on h3: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h3 || power h3 10.0.0.3 /trama /node
# Start the Docker Engine of h3, and wait until it answers.
on h3 docker version >/dev/null 2>&1 || { daemon h3 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-master/h3; until_so on h3 docker version; }
# Give it the images that it is to have.
on h3 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h3 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.master.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.master.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.master.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.master.h2 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.master.h3: h3 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.master.h3 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.master.master: master passes packets on between its interfaces.
nsenter --net=/run/netns/trama.master.master sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.master.lan: what makes it a switch.
ip -n trama.master.lan link add name br0 mtu 1500 type bridge
ip -n trama.master.lan link set dev br0 up
# Create the veth pair eth0 in namespace trama.master.h1 and h1 in namespace trama.master.lan: a cable from h1:eth0 to lan:h1.
ip -n trama.master.h1 link add name eth0 index 1001 mtu 1500 address 02:00:0a:00:00:01 type veth peer name h1 mtu 1500 netns trama.master.lan
ip -n trama.master.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.master.h2 and h2 in namespace trama.master.lan: a cable from h2:eth0 to lan:h2.
ip -n trama.master.h2 link add name eth0 index 1002 mtu 1500 address 02:00:0a:00:00:02 type veth peer name h2 mtu 1500 netns trama.master.lan
ip -n trama.master.h2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.master.h3 and h3 in namespace trama.master.lan: a cable from h3:eth0 to lan:h3.
ip -n trama.master.h3 link add name eth0 index 1003 mtu 1500 address 02:00:0a:00:00:03 type veth peer name h3 mtu 1500 netns trama.master.lan
ip -n trama.master.h3 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.master.master and h0 in namespace trama.master.lan: a cable from master:eth0 to lan:h0.
ip -n trama.master.master link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:fe type veth peer name h0 mtu 1500 netns trama.master.lan
ip -n trama.master.master link set dev eth0 up
# Set up the loopback in namespace trama.master.h1: so that it reaches its own addresses.
ip -n trama.master.h1 link set dev lo up
# Set up the loopback in namespace trama.master.h2: so that it reaches its own addresses.
ip -n trama.master.h2 link set dev lo up
# Set up the loopback in namespace trama.master.h3: so that it reaches its own addresses.
ip -n trama.master.h3 link set dev lo up
# Set up the loopback in namespace trama.master.lan: so that it reaches its own addresses.
ip -n trama.master.lan link set dev lo up
# Create the second end h0 in namespace trama.master.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.master.lan link set dev h0 mtu 1500 master br0
ip -n trama.master.lan link set dev h0 up
# Create the second end h1 in namespace trama.master.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.master.lan link set dev h1 mtu 1500 master br0
ip -n trama.master.lan link set dev h1 up
# Create the second end h2 in namespace trama.master.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.master.lan link set dev h2 mtu 1500 master br0
ip -n trama.master.lan link set dev h2 up
# Create the second end h3 in namespace trama.master.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.master.lan link set dev h3 mtu 1500 master br0
ip -n trama.master.lan link set dev h3 up
# Set up the loopback in namespace trama.master.master: so that it reaches its own addresses.
ip -n trama.master.master link set dev lo up
# Create the address 10.0.0.1/24 of eth0 in namespace trama.master.h1: by which h1 is reached.
ip -n trama.master.h1 addr replace 10.0.0.1/24 dev eth0
# Create the address 10.0.0.2/24 of eth0 in namespace trama.master.h2: by which h2 is reached.
ip -n trama.master.h2 addr replace 10.0.0.2/24 dev eth0
# Create the address 10.0.0.3/24 of eth0 in namespace trama.master.h3: by which h3 is reached.
ip -n trama.master.h3 addr replace 10.0.0.3/24 dev eth0
# Create the address 10.0.0.254/24 of eth0 in namespace trama.master.master: by which master is reached.
ip -n trama.master.master addr replace 10.0.0.254/24 dev eth0
# Start the server on master, over a store of its own.
on master test -S /run/trama/server.sock || { daemon master server trama server; until_so on master test -S /run/trama/server.sock; }
# Make a token by which agents join.
token=$(on master trama token create --uses 3)
# Start the agent on h1: it joins, and takes care of the host's networks and containers.
on h1 test -S /run/docker/plugins/trama.sock || { daemon h1 agent trama agent --join "$token"@10.0.0.254 --address 10.0.0.1; until_so on h1 test -S /run/docker/plugins/trama.sock; }
# Start the agent on h2: it joins, and takes care of the host's networks and containers.
on h2 test -S /run/docker/plugins/trama.sock || { daemon h2 agent trama agent --join "$token"@10.0.0.254 --address 10.0.0.2; until_so on h2 test -S /run/docker/plugins/trama.sock; }
# Start the agent on h3: it joins, and takes care of the host's networks and containers.
on h3 test -S /run/docker/plugins/trama.sock || { daemon h3 agent trama agent --join "$token"@10.0.0.254 --address 10.0.0.3; until_so on h3 test -S /run/docker/plugins/trama.sock; }
# Wait until the server has heard of all agents.
until_so nodes_ready master 3
# Make the network fast on master, driver routed.
on master trama network inspect fast >/dev/null 2>&1 || on master trama network create fast --driver routed --subnet 10.60.0.0/16
# Run the container c1 on h1, in the network fast.
on master trama inspect c1 >/dev/null 2>&1 || on master trama run -d --node h1 --name c1 --network fast trama/busybox:1 sh -c 'httpd -f'
attach h1 c1
# Run the container c2 on h1, in the network fast.
on master trama inspect c2 >/dev/null 2>&1 || on master trama run -d --node h1 --name c2 --network fast trama/busybox:1 sh -c 'httpd -f'
attach h1 c2
# Run the container c3 on h2, in the network fast.
on master trama inspect c3 >/dev/null 2>&1 || on master trama run -d --node h2 --name c3 --network fast trama/busybox:1 sh -c 'httpd -f'
attach h2 c3
# Run the container c4 on h3, in the network fast.
on master trama inspect c4 >/dev/null 2>&1 || on master trama run -d --node h3 --name c4 --network fast trama/busybox:1 sh -c 'httpd -f'
attach h3 c4
