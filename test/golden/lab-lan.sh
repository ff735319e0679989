# Create the network namespace trama.lan.lan: the switch lan, with a network of its own.
ip netns add trama.lan.lan
# Create the network namespace trama.lan.h1: the host h1, with a network of its own.
ip netns add trama.lan.h1
# Create the network namespace trama.lan.h2: the host h2, with a network of its own.
ip netns add trama.lan.h2
# Create the network namespace trama.lan.c1: the container c1, with a network of its own.
ip netns add trama.lan.c1
# Create the network namespace trama.lan.c2: the container c2, with a network of its own.
ip netns add trama.lan.c2
# Create the network namespace trama.lan.c3: the container c3, with a network of its own.
ip netns add trama.lan.c3
# Create the network namespace trama.lan.c4: the container c4, with a network of its own.
ip netns add trama.lan.c4
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.lan.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.lan.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.lan.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.lan.h2 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.lan.h1: the switch in h1 that its containers are plugged into.
ip -n trama.lan.h1 link add name br0 mtu 1500 address 02:00:c0:a8:32:01 type bridge
ip -n trama.lan.h1 link set dev br0 up
# Create the bridge br0 in namespace trama.lan.h2: the switch in h2 that its containers are plugged into.
ip -n trama.lan.h2 link add name br0 mtu 1500 address 02:00:c0:a8:32:02 type bridge
ip -n trama.lan.h2 link set dev br0 up
# Create the bridge br0 in namespace trama.lan.lan: what makes it a switch.
ip -n trama.lan.lan link add name br0 mtu 1500 type bridge
ip -n trama.lan.lan link set dev br0 up
# Create the veth pair eth0 in namespace trama.lan.c1 and c1 in namespace trama.lan.h1: a cable from c1:eth0 to h1:c1.
ip -n trama.lan.c1 link add name eth0 index 1002 mtu 1500 address 02:00:c0:a8:32:0b type veth peer name c1 mtu 1500 netns trama.lan.h1
ip -n trama.lan.c1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.lan.c2 and c2 in namespace trama.lan.h1: a cable from c2:eth0 to h1:c2.
ip -n trama.lan.c2 link add name eth0 index 1003 mtu 1500 address 02:00:c0:a8:32:0c type veth peer name c2 mtu 1500 netns trama.lan.h1
ip -n trama.lan.c2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.lan.c3 and c3 in namespace trama.lan.h2: a cable from c3:eth0 to h2:c3.
ip -n trama.lan.c3 link add name eth0 index 1004 mtu 1500 address 02:00:c0:a8:32:15 type veth peer name c3 mtu 1500 netns trama.lan.h2
ip -n trama.lan.c3 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.lan.c4 and c4 in namespace trama.lan.h2: a cable from c4:eth0 to h2:c4.
ip -n trama.lan.c4 link add name eth0 index 1005 mtu 1500 address 02:00:c0:a8:32:16 type veth peer name c4 mtu 1500 netns trama.lan.h2
ip -n trama.lan.c4 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.lan.h1 and h1 in namespace trama.lan.lan, a port of br0: a cable from h1:eth0 to lan:h1.
ip -n trama.lan.h1 link add name eth0 index 1000 mtu 1500 master br0 type veth peer name h1 mtu 1500 netns trama.lan.lan
ip -n trama.lan.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.lan.h2 and h2 in namespace trama.lan.lan, a port of br0: a cable from h2:eth0 to lan:h2.
ip -n trama.lan.h2 link add name eth0 index 1001 mtu 1500 master br0 type veth peer name h2 mtu 1500 netns trama.lan.lan
ip -n trama.lan.h2 link set dev eth0 up
# Set up the loopback in namespace trama.lan.c1: so that it reaches its own addresses.
ip -n trama.lan.c1 link set dev lo up
# Set up the loopback in namespace trama.lan.c2: so that it reaches its own addresses.
ip -n trama.lan.c2 link set dev lo up
# Set up the loopback in namespace trama.lan.c3: so that it reaches its own addresses.
ip -n trama.lan.c3 link set dev lo up
# Set up the loopback in namespace trama.lan.c4: so that it reaches its own addresses.
ip -n trama.lan.c4 link set dev lo up
# Set up the loopback in namespace trama.lan.h1: so that it reaches its own addresses.
ip -n trama.lan.h1 link set dev lo up
# Create the second end c1 in namespace trama.lan.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.lan.h1 link set dev c1 mtu 1500 master br0
ip -n trama.lan.h1 link set dev c1 up
# Create the second end c2 in namespace trama.lan.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.lan.h1 link set dev c2 mtu 1500 master br0
ip -n trama.lan.h1 link set dev c2 up
# Set up the loopback in namespace trama.lan.h2: so that it reaches its own addresses.
ip -n trama.lan.h2 link set dev lo up
# Create the second end c3 in namespace trama.lan.h2 of veth eth0, a port of br0: the other end, plugged into h2's bridge.
ip -n trama.lan.h2 link set dev c3 mtu 1500 master br0
ip -n trama.lan.h2 link set dev c3 up
# Create the second end c4 in namespace trama.lan.h2 of veth eth0, a port of br0: the other end, plugged into h2's bridge.
ip -n trama.lan.h2 link set dev c4 mtu 1500 master br0
ip -n trama.lan.h2 link set dev c4 up
# Set up the loopback in namespace trama.lan.lan: so that it reaches its own addresses.
ip -n trama.lan.lan link set dev lo up
# Create the second end h1 in namespace trama.lan.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.lan.lan link set dev h1 mtu 1500 master br0
ip -n trama.lan.lan link set dev h1 up
# Create the second end h2 in namespace trama.lan.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.lan.lan link set dev h2 mtu 1500 master br0
ip -n trama.lan.lan link set dev h2 up
# Create the address 192.168.50.11/24 of eth0 in namespace trama.lan.c1: by which c1 is reached.
ip -n trama.lan.c1 addr replace 192.168.50.11/24 dev eth0
# Create the address 192.168.50.12/24 of eth0 in namespace trama.lan.c2: by which c2 is reached.
ip -n trama.lan.c2 addr replace 192.168.50.12/24 dev eth0
# Create the address 192.168.50.21/24 of eth0 in namespace trama.lan.c3: by which c3 is reached.
ip -n trama.lan.c3 addr replace 192.168.50.21/24 dev eth0
# Create the address 192.168.50.22/24 of eth0 in namespace trama.lan.c4: by which c4 is reached.
ip -n trama.lan.c4 addr replace 192.168.50.22/24 dev eth0
# Create the address 192.168.50.1/24 of br0 in namespace trama.lan.h1: h1 itself in its containers' network, and their way out of it.
ip -n trama.lan.h1 addr replace 192.168.50.1/24 dev br0
# Create the address 192.168.50.2/24 of br0 in namespace trama.lan.h2: h2 itself in its containers' network, and their way out of it.
ip -n trama.lan.h2 addr replace 192.168.50.2/24 dev br0
