# Create the network namespace trama.bridge.sw: the switch sw, with a network of its own.
ip netns add trama.bridge.sw
# Create the network namespace trama.bridge.p1: the container p1, with a network of its own.
ip netns add trama.bridge.p1
# Create the network namespace trama.bridge.p2: the container p2, with a network of its own.
ip netns add trama.bridge.p2
# Create the bridge br0 in namespace trama.bridge.sw: what makes it a switch.
ip -n trama.bridge.sw link add name br0 mtu 1500 type bridge
ip -n trama.bridge.sw link set dev br0 up
# Create the veth pair eth0 in namespace trama.bridge.p1 and p1 in namespace trama.bridge.sw: a cable from p1:eth0 to sw:p1.
ip -n trama.bridge.p1 link add name eth0 index 1000 mtu 1500 address 02:00:c0:a8:02:01 type veth peer name p1 mtu 1500 netns trama.bridge.sw
ip -n trama.bridge.p1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.bridge.p2 and p2 in namespace trama.bridge.sw: a cable from p2:eth0 to sw:p2.
ip -n trama.bridge.p2 link add name eth0 index 1001 mtu 1500 address 02:00:c0:a8:02:02 type veth peer name p2 mtu 1500 netns trama.bridge.sw
ip -n trama.bridge.p2 link set dev eth0 up
# Set up the loopback in namespace trama.bridge.p1: so that it reaches its own addresses.
ip -n trama.bridge.p1 link set dev lo up
# Set up the loopback in namespace trama.bridge.p2: so that it reaches its own addresses.
ip -n trama.bridge.p2 link set dev lo up
# Set up the loopback in namespace trama.bridge.sw: so that it reaches its own addresses.
ip -n trama.bridge.sw link set dev lo up
# Create the second end p1 in namespace trama.bridge.sw of veth eth0, a port of br0: the other end, plugged into sw's bridge.
ip -n trama.bridge.sw link set dev p1 mtu 1500 master br0
ip -n trama.bridge.sw link set dev p1 up
# Create the second end p2 in namespace trama.bridge.sw of veth eth0, a port of br0: the other end, plugged into sw's bridge.
ip -n trama.bridge.sw link set dev p2 mtu 1500 master br0
ip -n trama.bridge.sw link set dev p2 up
# Create the address 192.168.2.1/24 of eth0 in namespace trama.bridge.p1: by which p1 is reached.
ip -n trama.bridge.p1 addr replace 192.168.2.1/24 dev eth0
# Create the address 192.168.2.2/24 of eth0 in namespace trama.bridge.p2: by which p2 is reached.
ip -n trama.bridge.p2 addr replace 192.168.2.2/24 dev eth0
