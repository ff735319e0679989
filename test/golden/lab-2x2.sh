# Create the network namespace trama.hosts-2x2.internet: the switch internet, with a network of its own.
ip netns add trama.hosts-2x2.internet
# Create the network namespace trama.hosts-2x2.h0: the host h0, with a network of its own.
ip netns add trama.hosts-2x2.h0
# Create the network namespace trama.hosts-2x2.h1: the host h1, with a network of its own.
ip netns add trama.hosts-2x2.h1
# Create the network namespace trama.hosts-2x2.p0: the container p0, with a network of its own.
ip netns add trama.hosts-2x2.p0
# Create the network namespace trama.hosts-2x2.p1: the container p1, with a network of its own.
ip netns add trama.hosts-2x2.p1
# Create the network namespace trama.hosts-2x2.p2: the container p2, with a network of its own.
ip netns add trama.hosts-2x2.p2
# Create the network namespace trama.hosts-2x2.p3: the container p3, with a network of its own.
ip netns add trama.hosts-2x2.p3
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.hosts-2x2.h0: h0 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.hosts-2x2.h0 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.hosts-2x2.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.hosts-2x2.h1 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.hosts-2x2.h0: the switch in h0 that its containers are plugged into.
ip -n trama.hosts-2x2.h0 link add name br0 mtu 1500 address 02:00:0a:00:00:01 type bridge
ip -n trama.hosts-2x2.h0 link set dev br0 up
# Create the bridge br0 in namespace trama.hosts-2x2.h1: the switch in h1 that its containers are plugged into.
ip -n trama.hosts-2x2.h1 link add name br0 mtu 1500 address 02:00:0a:00:01:01 type bridge
ip -n trama.hosts-2x2.h1 link set dev br0 up
# Create the bridge br0 in namespace trama.hosts-2x2.internet: what makes it a switch.
ip -n trama.hosts-2x2.internet link add name br0 mtu 1500 address 02:00:0b:00:00:01 type bridge
ip -n trama.hosts-2x2.internet link set dev br0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.h0 and h0 in namespace trama.hosts-2x2.internet: a cable from h0:eth0 to internet:h0.
ip -n trama.hosts-2x2.h0 link add name eth0 index 1000 mtu 1500 address 02:00:0b:00:00:02 type veth peer name h0 mtu 1500 netns trama.hosts-2x2.internet
ip -n trama.hosts-2x2.h0 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.h1 and h1 in namespace trama.hosts-2x2.internet: a cable from h1:eth0 to internet:h1.
ip -n trama.hosts-2x2.h1 link add name eth0 index 1001 mtu 1500 address 02:00:0b:00:00:03 type veth peer name h1 mtu 1500 netns trama.hosts-2x2.internet
ip -n trama.hosts-2x2.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.p0 and p0 in namespace trama.hosts-2x2.h0: a cable from p0:eth0 to h0:p0.
ip -n trama.hosts-2x2.p0 link add name eth0 index 1002 mtu 1500 address 02:00:0a:00:00:02 type veth peer name p0 mtu 1500 netns trama.hosts-2x2.h0
ip -n trama.hosts-2x2.p0 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.p1 and p1 in namespace trama.hosts-2x2.h0: a cable from p1:eth0 to h0:p1.
ip -n trama.hosts-2x2.p1 link add name eth0 index 1003 mtu 1500 address 02:00:0a:00:00:03 type veth peer name p1 mtu 1500 netns trama.hosts-2x2.h0
ip -n trama.hosts-2x2.p1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.p2 and p2 in namespace trama.hosts-2x2.h1: a cable from p2:eth0 to h1:p2.
ip -n trama.hosts-2x2.p2 link add name eth0 index 1004 mtu 1500 address 02:00:0a:00:01:02 type veth peer name p2 mtu 1500 netns trama.hosts-2x2.h1
ip -n trama.hosts-2x2.p2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.hosts-2x2.p3 and p3 in namespace trama.hosts-2x2.h1: a cable from p3:eth0 to h1:p3.
ip -n trama.hosts-2x2.p3 link add name eth0 index 1005 mtu 1500 address 02:00:0a:00:01:03 type veth peer name p3 mtu 1500 netns trama.hosts-2x2.h1
ip -n trama.hosts-2x2.p3 link set dev eth0 up
# Set up the loopback in namespace trama.hosts-2x2.h0: so that it reaches its own addresses.
ip -n trama.hosts-2x2.h0 link set dev lo up
# Create the second end p0 in namespace trama.hosts-2x2.h0 of veth eth0, a port of br0: the other end, plugged into h0's bridge.
ip -n trama.hosts-2x2.h0 link set dev p0 mtu 1500 master br0
ip -n trama.hosts-2x2.h0 link set dev p0 up
# Create the second end p1 in namespace trama.hosts-2x2.h0 of veth eth0, a port of br0: the other end, plugged into h0's bridge.
ip -n trama.hosts-2x2.h0 link set dev p1 mtu 1500 master br0
ip -n trama.hosts-2x2.h0 link set dev p1 up
# Set up the loopback in namespace trama.hosts-2x2.h1: so that it reaches its own addresses.
ip -n trama.hosts-2x2.h1 link set dev lo up
# Create the second end p2 in namespace trama.hosts-2x2.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.hosts-2x2.h1 link set dev p2 mtu 1500 master br0
ip -n trama.hosts-2x2.h1 link set dev p2 up
# Create the second end p3 in namespace trama.hosts-2x2.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.hosts-2x2.h1 link set dev p3 mtu 1500 master br0
ip -n trama.hosts-2x2.h1 link set dev p3 up
# Set up the loopback in namespace trama.hosts-2x2.internet: so that it reaches its own addresses.
ip -n trama.hosts-2x2.internet link set dev lo up
# Create the second end h0 in namespace trama.hosts-2x2.internet of veth eth0, a port of br0: the other end, plugged into internet's bridge.
ip -n trama.hosts-2x2.internet link set dev h0 mtu 1500 master br0
ip -n trama.hosts-2x2.internet link set dev h0 up
# Create the second end h1 in namespace trama.hosts-2x2.internet of veth eth0, a port of br0: the other end, plugged into internet's bridge.
ip -n trama.hosts-2x2.internet link set dev h1 mtu 1500 master br0
ip -n trama.hosts-2x2.internet link set dev h1 up
# Set up the loopback in namespace trama.hosts-2x2.p0: so that it reaches its own addresses.
ip -n trama.hosts-2x2.p0 link set dev lo up
# Set up the loopback in namespace trama.hosts-2x2.p1: so that it reaches its own addresses.
ip -n trama.hosts-2x2.p1 link set dev lo up
# Set up the loopback in namespace trama.hosts-2x2.p2: so that it reaches its own addresses.
ip -n trama.hosts-2x2.p2 link set dev lo up
# Set up the loopback in namespace trama.hosts-2x2.p3: so that it reaches its own addresses.
ip -n trama.hosts-2x2.p3 link set dev lo up
# Create the address 10.0.0.1/24 of br0 in namespace trama.hosts-2x2.h0: h0 itself in its containers' network, and their way out of it.
ip -n trama.hosts-2x2.h0 addr replace 10.0.0.1/24 dev br0
# Create the address 11.0.0.2/8 of eth0 in namespace trama.hosts-2x2.h0: by which h0 is reached.
ip -n trama.hosts-2x2.h0 addr replace 11.0.0.2/8 dev eth0
# Create the address 10.0.1.1/24 of br0 in namespace trama.hosts-2x2.h1: h1 itself in its containers' network, and their way out of it.
ip -n trama.hosts-2x2.h1 addr replace 10.0.1.1/24 dev br0
# Create the address 11.0.0.3/8 of eth0 in namespace trama.hosts-2x2.h1: by which h1 is reached.
ip -n trama.hosts-2x2.h1 addr replace 11.0.0.3/8 dev eth0
# Create the address 11.0.0.1/8 of br0 in namespace trama.hosts-2x2.internet: by which internet is reached.
ip -n trama.hosts-2x2.internet addr replace 11.0.0.1/8 dev br0
# Create the address 10.0.0.2/24 of eth0 in namespace trama.hosts-2x2.p0: by which p0 is reached.
ip -n trama.hosts-2x2.p0 addr replace 10.0.0.2/24 dev eth0
# Create the address 10.0.0.3/24 of eth0 in namespace trama.hosts-2x2.p1: by which p1 is reached.
ip -n trama.hosts-2x2.p1 addr replace 10.0.0.3/24 dev eth0
# Create the address 10.0.1.2/24 of eth0 in namespace trama.hosts-2x2.p2: by which p2 is reached.
ip -n trama.hosts-2x2.p2 addr replace 10.0.1.2/24 dev eth0
# Create the address 10.0.1.3/24 of eth0 in namespace trama.hosts-2x2.p3: by which p3 is reached.
ip -n trama.hosts-2x2.p3 addr replace 10.0.1.3/24 dev eth0
# Create the route to 10.0.1.0/24 by way of 11.0.0.3 through eth0 in namespace trama.hosts-2x2.h0: 10.0.1.0/24 is behind 11.0.0.3.
ip -n trama.hosts-2x2.h0 route add 10.0.1.0/24 via 11.0.0.3 dev eth0 proto 84
# Create the route to 10.0.0.0/24 by way of 11.0.0.2 through eth0 in namespace trama.hosts-2x2.h1: 10.0.0.0/24 is behind 11.0.0.2.
ip -n trama.hosts-2x2.h1 route add 10.0.0.0/24 via 11.0.0.2 dev eth0 proto 84
# Create the route to default by way of 10.0.0.1 through eth0 in namespace trama.hosts-2x2.p0: everything else goes by way of 10.0.0.1.
ip -n trama.hosts-2x2.p0 route add default via 10.0.0.1 dev eth0 proto 84
# Create the route to default by way of 10.0.0.1 through eth0 in namespace trama.hosts-2x2.p1: everything else goes by way of 10.0.0.1.
ip -n trama.hosts-2x2.p1 route add default via 10.0.0.1 dev eth0 proto 84
# Create the route to default by way of 10.0.1.1 through eth0 in namespace trama.hosts-2x2.p2: everything else goes by way of 10.0.1.1.
ip -n trama.hosts-2x2.p2 route add default via 10.0.1.1 dev eth0 proto 84
# Create the route to default by way of 10.0.1.1 through eth0 in namespace trama.hosts-2x2.p3: everything else goes by way of 10.0.1.1.
ip -n trama.hosts-2x2.p3 route add default via 10.0.1.1 dev eth0 proto 84
