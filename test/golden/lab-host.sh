# Create the network namespace trama.host.sw: the switch sw, with a network of its own.
ip netns add trama.host.sw
# Create the network namespace trama.host.host: the host host, with a network of its own.
ip netns add trama.host.host
# Create the network namespace trama.host.p1: the container p1, with a network of its own.
ip netns add trama.host.p1
# Create the network namespace trama.host.p2: the container p2, with a network of its own.
ip netns add trama.host.p2
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.host.host: host passes packets on between its interfaces.
nsenter --net=/run/netns/trama.host.host sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.host.sw: what makes it a switch.
ip -n trama.host.sw link add name br0 mtu 1500 type bridge
ip -n trama.host.sw link set dev br0 up
# Create the veth pair veth0 in namespace trama.host.host and host in namespace trama.host.sw: a cable from host:veth0 to sw:host.
ip -n trama.host.host link add name veth0 index 1000 mtu 1500 address 02:00:c0:a8:02:fe type veth peer name host mtu 1500 netns trama.host.sw
ip -n trama.host.host link set dev veth0 up
# Create the veth pair eth0 in namespace trama.host.p1 and p1 in namespace trama.host.sw: a cable from p1:eth0 to sw:p1.
ip -n trama.host.p1 link add name eth0 index 1001 mtu 1500 address 02:00:c0:a8:02:01 type veth peer name p1 mtu 1500 netns trama.host.sw
ip -n trama.host.p1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.host.p2 and p2 in namespace trama.host.sw: a cable from p2:eth0 to sw:p2.
ip -n trama.host.p2 link add name eth0 index 1002 mtu 1500 address 02:00:c0:a8:02:02 type veth peer name p2 mtu 1500 netns trama.host.sw
ip -n trama.host.p2 link set dev eth0 up
# Set up the loopback in namespace trama.host.host: so that it reaches its own addresses.
ip -n trama.host.host link set dev lo up
# Set up the loopback in namespace trama.host.p1: so that it reaches its own addresses.
ip -n trama.host.p1 link set dev lo up
# Set up the loopback in namespace trama.host.p2: so that it reaches its own addresses.
ip -n trama.host.p2 link set dev lo up
# Set up the loopback in namespace trama.host.sw: so that it reaches its own addresses.
ip -n trama.host.sw link set dev lo up
# Create the second end host in namespace trama.host.sw of veth veth0, a port of br0: the other end, plugged into sw's bridge.
ip -n trama.host.sw link set dev host mtu 1500 master br0
ip -n trama.host.sw link set dev host up
# Create the second end p1 in namespace trama.host.sw of veth eth0, a port of br0: the other end, plugged into sw's bridge.
ip -n trama.host.sw link set dev p1 mtu 1500 master br0
ip -n trama.host.sw link set dev p1 up
# Create the second end p2 in namespace trama.host.sw of veth eth0, a port of br0: the other end, plugged into sw's bridge.
ip -n trama.host.sw link set dev p2 mtu 1500 master br0
ip -n trama.host.sw link set dev p2 up
# Create the address 192.168.2.254/24 of veth0 in namespace trama.host.host: by which host is reached.
ip -n trama.host.host addr replace 192.168.2.254/24 dev veth0
# Create the address 192.168.2.1/24 of eth0 in namespace trama.host.p1: by which p1 is reached.
ip -n trama.host.p1 addr replace 192.168.2.1/24 dev eth0
# Create the address 192.168.2.2/24 of eth0 in namespace trama.host.p2: by which p2 is reached.
ip -n trama.host.p2 addr replace 192.168.2.2/24 dev eth0
