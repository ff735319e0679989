# Create the network namespace trama.p2p.lan: the switch lan, with a network of its own.
ip netns add trama.p2p.lan
# Create the network namespace trama.p2p.h1: the host h1, with a network of its own.
ip netns add trama.p2p.h1
# Create the network namespace trama.p2p.h2: the host h2, with a network of its own.
ip netns add trama.p2p.h2
# Create the network namespace trama.p2p.c1: the container c1, with a network of its own.
ip netns add trama.p2p.c1
# Create the network namespace trama.p2p.c2: the container c2, with a network of its own.
ip netns add trama.p2p.c2
# Create the network namespace trama.p2p.c3: the container c3, with a network of its own.
ip netns add trama.p2p.c3
# Create the network namespace trama.p2p.c4: the container c4, with a network of its own.
ip netns add trama.p2p.c4
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.p2p.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.p2p.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.p2p.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.p2p.h2 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.p2p.h1: the switch in h1 that its containers are plugged into.
ip -n trama.p2p.h1 link add name br0 mtu 1500 address 02:00:0a:00:01:01 type bridge
ip -n trama.p2p.h1 link set dev br0 up
# Create the bridge br0 in namespace trama.p2p.lan: what makes it a switch.
ip -n trama.p2p.lan link add name br0 mtu 1500 type bridge
ip -n trama.p2p.lan link set dev br0 up
# Create the veth pair eth0 in namespace trama.p2p.c1 and c1 in namespace trama.p2p.h1: a cable from c1:eth0 to h1:c1.
ip -n trama.p2p.c1 link add name eth0 index 1002 mtu 1500 address 02:00:0a:00:01:02 type veth peer name c1 mtu 1500 netns trama.p2p.h1
ip -n trama.p2p.c1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.p2p.c2 and c2 in namespace trama.p2p.h1: a cable from c2:eth0 to h1:c2.
ip -n trama.p2p.c2 link add name eth0 index 1003 mtu 1500 address 02:00:0a:00:01:03 type veth peer name c2 mtu 1500 netns trama.p2p.h1
ip -n trama.p2p.c2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.p2p.c3 and c3 in namespace trama.p2p.h2: a cable from c3:eth0 to h2:c3.
ip -n trama.p2p.c3 link add name eth0 index 1004 mtu 1500 address 02:00:0a:00:02:02 type veth peer name c3 mtu 1500 address 02:00:0a:00:02:01 netns trama.p2p.h2
ip -n trama.p2p.c3 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.p2p.c4 and c4 in namespace trama.p2p.h2: a cable from c4:eth0 to h2:c4.
ip -n trama.p2p.c4 link add name eth0 index 1005 mtu 1500 address 02:00:0a:00:02:06 type veth peer name c4 mtu 1500 address 02:00:0a:00:02:05 netns trama.p2p.h2
ip -n trama.p2p.c4 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.p2p.h1 and h1 in namespace trama.p2p.lan: a cable from h1:eth0 to lan:h1.
ip -n trama.p2p.h1 link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:01 type veth peer name h1 mtu 1500 netns trama.p2p.lan
ip -n trama.p2p.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.p2p.h2 and h2 in namespace trama.p2p.lan: a cable from h2:eth0 to lan:h2.
ip -n trama.p2p.h2 link add name eth0 index 1001 mtu 1500 address 02:00:0a:00:00:02 type veth peer name h2 mtu 1500 netns trama.p2p.lan
ip -n trama.p2p.h2 link set dev eth0 up
# Set up the loopback in namespace trama.p2p.c1: so that it reaches its own addresses.
ip -n trama.p2p.c1 link set dev lo up
# Set up the loopback in namespace trama.p2p.c2: so that it reaches its own addresses.
ip -n trama.p2p.c2 link set dev lo up
# Set up the loopback in namespace trama.p2p.c3: so that it reaches its own addresses.
ip -n trama.p2p.c3 link set dev lo up
# Set up the loopback in namespace trama.p2p.c4: so that it reaches its own addresses.
ip -n trama.p2p.c4 link set dev lo up
# Set up the loopback in namespace trama.p2p.h1: so that it reaches its own addresses.
ip -n trama.p2p.h1 link set dev lo up
# Create the second end c1 in namespace trama.p2p.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.p2p.h1 link set dev c1 mtu 1500 master br0
ip -n trama.p2p.h1 link set dev c1 up
# Create the second end c2 in namespace trama.p2p.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.p2p.h1 link set dev c2 mtu 1500 master br0
ip -n trama.p2p.h1 link set dev c2 up
# Set up the loopback in namespace trama.p2p.h2: so that it reaches its own addresses.
ip -n trama.p2p.h2 link set dev lo up
# Create the second end c3 in namespace trama.p2p.h2 of veth eth0: the other end of that cable.
ip -n trama.p2p.h2 link set dev c3 mtu 1500 address 02:00:0a:00:02:01
ip -n trama.p2p.h2 link set dev c3 up
# Create the second end c4 in namespace trama.p2p.h2 of veth eth0: the other end of that cable.
ip -n trama.p2p.h2 link set dev c4 mtu 1500 address 02:00:0a:00:02:05
ip -n trama.p2p.h2 link set dev c4 up
# Set up the loopback in namespace trama.p2p.lan: so that it reaches its own addresses.
ip -n trama.p2p.lan link set dev lo up
# Create the second end h1 in namespace trama.p2p.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.p2p.lan link set dev h1 mtu 1500 master br0
ip -n trama.p2p.lan link set dev h1 up
# Create the second end h2 in namespace trama.p2p.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.p2p.lan link set dev h2 mtu 1500 master br0
ip -n trama.p2p.lan link set dev h2 up
# Create the address 10.0.1.2/24 of eth0 in namespace trama.p2p.c1: by which c1 is reached.
ip -n trama.p2p.c1 addr replace 10.0.1.2/24 dev eth0
# Create the address 10.0.1.3/24 of eth0 in namespace trama.p2p.c2: by which c2 is reached.
ip -n trama.p2p.c2 addr replace 10.0.1.3/24 dev eth0
# Create the address 10.0.2.2/30 of eth0 in namespace trama.p2p.c3: by which c3 is reached.
ip -n trama.p2p.c3 addr replace 10.0.2.2/30 dev eth0
# Create the address 10.0.2.6/30 of eth0 in namespace trama.p2p.c4: by which c4 is reached.
ip -n trama.p2p.c4 addr replace 10.0.2.6/30 dev eth0
# Create the address 10.0.1.1/24 of br0 in namespace trama.p2p.h1: h1 itself in its containers' network, and their way out of it.
ip -n trama.p2p.h1 addr replace 10.0.1.1/24 dev br0
# Create the address 10.0.0.1/24 of eth0 in namespace trama.p2p.h1: by which h1 is reached.
ip -n trama.p2p.h1 addr replace 10.0.0.1/24 dev eth0
# Create the address 10.0.0.2/24 of eth0 in namespace trama.p2p.h2: by which h2 is reached.
ip -n trama.p2p.h2 addr replace 10.0.0.2/24 dev eth0
# Create the address 10.0.2.1/30 of c3 in namespace trama.p2p.h2: by which h2 is reached.
ip -n trama.p2p.h2 addr replace 10.0.2.1/30 dev c3
# Create the address 10.0.2.5/30 of c4 in namespace trama.p2p.h2: by which h2 is reached.
ip -n trama.p2p.h2 addr replace 10.0.2.5/30 dev c4
# Create the route to default by way of 10.0.1.1 through eth0 in namespace trama.p2p.c1: everything else goes by way of 10.0.1.1.
ip -n trama.p2p.c1 route add default via 10.0.1.1 dev eth0 proto 84
# Create the route to default by way of 10.0.1.1 through eth0 in namespace trama.p2p.c2: everything else goes by way of 10.0.1.1.
ip -n trama.p2p.c2 route add default via 10.0.1.1 dev eth0 proto 84
# Create the route to default by way of 10.0.2.1 through eth0 in namespace trama.p2p.c3: everything else goes by way of 10.0.2.1.
ip -n trama.p2p.c3 route add default via 10.0.2.1 dev eth0 proto 84
# Create the route to default by way of 10.0.2.5 through eth0 in namespace trama.p2p.c4: everything else goes by way of 10.0.2.5.
ip -n trama.p2p.c4 route add default via 10.0.2.5 dev eth0 proto 84
# Create the route to default by way of 10.0.0.2 through eth0 in namespace trama.p2p.h1: everything else goes by way of 10.0.0.2.
ip -n trama.p2p.h1 route add default via 10.0.0.2 dev eth0 proto 84
# Create the route to default by way of 10.0.0.1 through eth0 in namespace trama.p2p.h2: everything else goes by way of 10.0.0.1.
ip -n trama.p2p.h2 route add default via 10.0.0.1 dev eth0 proto 84
