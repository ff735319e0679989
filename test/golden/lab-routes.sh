# Create the network namespace trama.routes.h1: the host h1, with a network of its own.
ip netns add trama.routes.h1
# Create the network namespace trama.routes.h2: the host h2, with a network of its own.
ip netns add trama.routes.h2
# Create the network namespace trama.routes.p1: the container p1, with a network of its own.
ip netns add trama.routes.p1
# Create the network namespace trama.routes.p2: the container p2, with a network of its own.
ip netns add trama.routes.p2
# Create the network namespace trama.routes.p3: the container p3, with a network of its own.
ip netns add trama.routes.p3
# Create the network namespace trama.routes.p4: the container p4, with a network of its own.
ip netns add trama.routes.p4
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.routes.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.routes.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.routes.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.routes.h2 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.routes.h1: the switch in h1 that its containers are plugged into.
ip -n trama.routes.h1 link add name br0 mtu 1500 address 02:00:c0:a8:02:01 type bridge
ip -n trama.routes.h1 link set dev br0 up
# Create the bridge br0 in namespace trama.routes.h2: the switch in h2 that its containers are plugged into.
ip -n trama.routes.h2 link add name br0 mtu 1500 address 02:00:c0:a8:03:01 type bridge
ip -n trama.routes.h2 link set dev br0 up
# Create the veth pair eth0 in namespace trama.routes.h1 and eth0 in namespace trama.routes.h2: a cable from h1:eth0 to h2:eth0.
ip -n trama.routes.h1 link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:01 type veth peer name eth0 mtu 1500 address 02:00:0a:00:00:02 netns trama.routes.h2
ip -n trama.routes.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.routes.p1 and p1 in namespace trama.routes.h1: a cable from p1:eth0 to h1:p1.
ip -n trama.routes.p1 link add name eth0 index 1001 mtu 1500 address 02:00:c0:a8:02:02 type veth peer name p1 mtu 1500 netns trama.routes.h1
ip -n trama.routes.p1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.routes.p2 and p2 in namespace trama.routes.h1: a cable from p2:eth0 to h1:p2.
ip -n trama.routes.p2 link add name eth0 index 1002 mtu 1500 address 02:00:c0:a8:02:03 type veth peer name p2 mtu 1500 netns trama.routes.h1
ip -n trama.routes.p2 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.routes.p3 and p3 in namespace trama.routes.h2: a cable from p3:eth0 to h2:p3.
ip -n trama.routes.p3 link add name eth0 index 1003 mtu 1500 address 02:00:c0:a8:03:02 type veth peer name p3 mtu 1500 netns trama.routes.h2
ip -n trama.routes.p3 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.routes.p4 and p4 in namespace trama.routes.h2: a cable from p4:eth0 to h2:p4.
ip -n trama.routes.p4 link add name eth0 index 1004 mtu 1500 address 02:00:c0:a8:03:03 type veth peer name p4 mtu 1500 netns trama.routes.h2
ip -n trama.routes.p4 link set dev eth0 up
# Set up the loopback in namespace trama.routes.h1: so that it reaches its own addresses.
ip -n trama.routes.h1 link set dev lo up
# Create the second end p1 in namespace trama.routes.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.routes.h1 link set dev p1 mtu 1500 master br0
ip -n trama.routes.h1 link set dev p1 up
# Create the second end p2 in namespace trama.routes.h1 of veth eth0, a port of br0: the other end, plugged into h1's bridge.
ip -n trama.routes.h1 link set dev p2 mtu 1500 master br0
ip -n trama.routes.h1 link set dev p2 up
# Set up the loopback in namespace trama.routes.h2: so that it reaches its own addresses.
ip -n trama.routes.h2 link set dev lo up
# Create the second end eth0 in namespace trama.routes.h2 of veth eth0: the other end of that cable.
ip -n trama.routes.h2 link set dev eth0 mtu 1500 address 02:00:0a:00:00:02
ip -n trama.routes.h2 link set dev eth0 up
# Create the second end p3 in namespace trama.routes.h2 of veth eth0, a port of br0: the other end, plugged into h2's bridge.
ip -n trama.routes.h2 link set dev p3 mtu 1500 master br0
ip -n trama.routes.h2 link set dev p3 up
# Create the second end p4 in namespace trama.routes.h2 of veth eth0, a port of br0: the other end, plugged into h2's bridge.
ip -n trama.routes.h2 link set dev p4 mtu 1500 master br0
ip -n trama.routes.h2 link set dev p4 up
# Set up the loopback in namespace trama.routes.p1: so that it reaches its own addresses.
ip -n trama.routes.p1 link set dev lo up
# Set up the loopback in namespace trama.routes.p2: so that it reaches its own addresses.
ip -n trama.routes.p2 link set dev lo up
# Set up the loopback in namespace trama.routes.p3: so that it reaches its own addresses.
ip -n trama.routes.p3 link set dev lo up
# Set up the loopback in namespace trama.routes.p4: so that it reaches its own addresses.
ip -n trama.routes.p4 link set dev lo up
# Create the address 192.168.2.1/24 of br0 in namespace trama.routes.h1: h1 itself in its containers' network, and their way out of it.
ip -n trama.routes.h1 addr replace 192.168.2.1/24 dev br0
# Create the address 10.0.0.1/30 of eth0 in namespace trama.routes.h1: by which h1 is reached.
ip -n trama.routes.h1 addr replace 10.0.0.1/30 dev eth0
# Create the address 192.168.3.1/24 of br0 in namespace trama.routes.h2: h2 itself in its containers' network, and their way out of it.
ip -n trama.routes.h2 addr replace 192.168.3.1/24 dev br0
# Create the address 10.0.0.2/30 of eth0 in namespace trama.routes.h2: by which h2 is reached.
ip -n trama.routes.h2 addr replace 10.0.0.2/30 dev eth0
# Create the address 192.168.2.2/24 of eth0 in namespace trama.routes.p1: by which p1 is reached.
ip -n trama.routes.p1 addr replace 192.168.2.2/24 dev eth0
# Create the address 192.168.2.3/24 of eth0 in namespace trama.routes.p2: by which p2 is reached.
ip -n trama.routes.p2 addr replace 192.168.2.3/24 dev eth0
# Create the address 192.168.3.2/24 of eth0 in namespace trama.routes.p3: by which p3 is reached.
ip -n trama.routes.p3 addr replace 192.168.3.2/24 dev eth0
# Create the address 192.168.3.3/24 of eth0 in namespace trama.routes.p4: by which p4 is reached.
ip -n trama.routes.p4 addr replace 192.168.3.3/24 dev eth0
# Create the route to 192.168.3.0/24 by way of 10.0.0.2 through eth0 in namespace trama.routes.h1: 192.168.3.0/24 is behind 10.0.0.2.
ip -n trama.routes.h1 route add 192.168.3.0/24 via 10.0.0.2 dev eth0 proto 84
# Create the route to 192.168.2.0/24 by way of 10.0.0.1 through eth0 in namespace trama.routes.h2: 192.168.2.0/24 is behind 10.0.0.1.
ip -n trama.routes.h2 route add 192.168.2.0/24 via 10.0.0.1 dev eth0 proto 84
# Create the route to default by way of 192.168.2.1 through eth0 in namespace trama.routes.p1: everything else goes by way of 192.168.2.1.
ip -n trama.routes.p1 route add default via 192.168.2.1 dev eth0 proto 84
# Create the route to default by way of 192.168.2.1 through eth0 in namespace trama.routes.p2: everything else goes by way of 192.168.2.1.
ip -n trama.routes.p2 route add default via 192.168.2.1 dev eth0 proto 84
# Create the route to default by way of 192.168.3.1 through eth0 in namespace trama.routes.p3: everything else goes by way of 192.168.3.1.
ip -n trama.routes.p3 route add default via 192.168.3.1 dev eth0 proto 84
# Create the route to default by way of 192.168.3.1 through eth0 in namespace trama.routes.p4: everything else goes by way of 192.168.3.1.
ip -n trama.routes.p4 route add default via 192.168.3.1 dev eth0 proto 84
