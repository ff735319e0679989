# Create the network namespace trama.nat.host: the host host, with a network of its own.
ip netns add trama.nat.host
# Create the network namespace trama.nat.p1: the container p1, with a network of its own.
ip netns add trama.nat.p1
# Create the network namespace trama.nat.p2: the container p2, with a network of its own.
ip netns add trama.nat.p2
# Create the network namespace trama.nat.outside: the world outside outside, with a network of its own.
ip netns add trama.nat.outside
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.nat.host: host passes packets on between its interfaces.
nsenter --net=/run/netns/trama.nat.host sysctl -w net/ipv4/ip_forward=1
# Create the nft table ip trama in namespace trama.nat.host: holds host's rules.
nsenter --net=/run/netns/trama.nat.host nft 'add table ip trama'
# Create the nft chain postrouting of table ip trama in namespace trama.nat.host: what leaves by eth0 carries host's own address, and answers find back.
nsenter --net=/run/netns/trama.nat.host nft 'add chain ip trama postrouting { type nat hook postrouting priority 100; policy accept; }; flush chain ip trama postrouting; add rule ip trama postrouting oifname "eth0" masquerade comment "trama:bea7e5133ed6b8ed"'
# Create the nft chain prerouting of table ip trama in namespace trama.nat.host: published ports lead to containers: 8000 to p1's 80, 8080 to p2's 80.
nsenter --net=/run/netns/trama.nat.host nft 'add chain ip trama prerouting { type nat hook prerouting priority -100; policy accept; }; flush chain ip trama prerouting; add rule ip trama prerouting iifname "eth0" tcp dport 8000 dnat to 192.168.2.2:80 comment "trama:16268a5d2e0c6d24"; add rule ip trama prerouting iifname "eth0" tcp dport 8080 dnat to 192.168.2.3:80 comment "trama:2f18111908161843"'
# Create the nft chain forward of table ip trama in namespace trama.nat.host: from eth0 only answers and what goes to a published port are passed on.
nsenter --net=/run/netns/trama.nat.host nft 'add chain ip trama forward { type filter hook forward priority 0; policy accept; }; flush chain ip trama forward; add rule ip trama forward iifname "eth0" ct state established,related accept comment "trama:adabf771c00bc678"; add rule ip trama forward iifname "eth0" ct status dnat accept comment "trama:d4477b826b9e3c6c"; add rule ip trama forward iifname "eth0" drop comment "trama:0f39d05650d65400"'
# Create the bridge br0 in namespace trama.nat.host: the switch in host that its containers are plugged into.
ip -n trama.nat.host link add name br0 mtu 1500 address 02:00:c0:a8:02:01 type bridge
ip -n trama.nat.host link set dev br0 up
# Create the veth pair eth0 in namespace trama.nat.host and eth0 in namespace trama.nat.outside: a cable from host:eth0 to outside:eth0.
ip -n trama.nat.host link add name eth0 index 1000 mtu 1500 address 02:00:c6:33:64:01 type veth peer name eth0 mtu 1500 address 02:00:c6:33:64:fe netns trama.nat.outside
ip -n trama.nat.host link set dev eth0 up
# Create the veth pair eth0 in namespace trama.nat.p1 and p1 in namespace trama.nat.host: a cable from p1:eth0 to host:p1.
ip -n trama.nat.p1 link add name eth0 index 1001 mtu 1500 address 02:00:c0:a8:02:02 type veth peer name p1 mtu 1500 netns trama.nat.host
ip -n trama.nat.p1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.nat.p2 and p2 in namespace trama.nat.host: a cable from p2:eth0 to host:p2.
ip -n trama.nat.p2 link add name eth0 index 1002 mtu 1500 address 02:00:c0:a8:02:03 type veth peer name p2 mtu 1500 netns trama.nat.host
ip -n trama.nat.p2 link set dev eth0 up
# Set up the loopback in namespace trama.nat.host: so that it reaches its own addresses.
ip -n trama.nat.host link set dev lo up
# Create the second end p1 in namespace trama.nat.host of veth eth0, a port of br0: the other end, plugged into host's bridge.
ip -n trama.nat.host link set dev p1 mtu 1500 master br0
ip -n trama.nat.host link set dev p1 up
# Create the second end p2 in namespace trama.nat.host of veth eth0, a port of br0: the other end, plugged into host's bridge.
ip -n trama.nat.host link set dev p2 mtu 1500 master br0
ip -n trama.nat.host link set dev p2 up
# Set up the loopback in namespace trama.nat.outside: so that it reaches its own addresses.
ip -n trama.nat.outside link set dev lo up
# Create the second end eth0 in namespace trama.nat.outside of veth eth0: the other end of that cable.
ip -n trama.nat.outside link set dev eth0 mtu 1500 address 02:00:c6:33:64:fe
ip -n trama.nat.outside link set dev eth0 up
# Set up the loopback in namespace trama.nat.p1: so that it reaches its own addresses.
ip -n trama.nat.p1 link set dev lo up
# Set up the loopback in namespace trama.nat.p2: so that it reaches its own addresses.
ip -n trama.nat.p2 link set dev lo up
# Create the address 192.168.2.1/24 of br0 in namespace trama.nat.host: host itself in its containers' network, and their way out of it.
ip -n trama.nat.host addr replace 192.168.2.1/24 dev br0
# Create the address 198.51.100.1/24 of eth0 in namespace trama.nat.host: by which host is reached.
ip -n trama.nat.host addr replace 198.51.100.1/24 dev eth0
# Create the address 198.51.100.254/24 of eth0 in namespace trama.nat.outside: by which outside is reached.
ip -n trama.nat.outside addr replace 198.51.100.254/24 dev eth0
# Create the address 192.168.2.2/24 of eth0 in namespace trama.nat.p1: by which p1 is reached.
ip -n trama.nat.p1 addr replace 192.168.2.2/24 dev eth0
# Create the address 192.168.2.3/24 of eth0 in namespace trama.nat.p2: by which p2 is reached.
ip -n trama.nat.p2 addr replace 192.168.2.3/24 dev eth0
# Create the route to default by way of 198.51.100.254 through eth0 in namespace trama.nat.host: everything else goes by way of 198.51.100.254.
ip -n trama.nat.host route add default via 198.51.100.254 dev eth0 proto 84
# Create the route to default by way of 192.168.2.1 through eth0 in namespace trama.nat.p1: everything else goes by way of 192.168.2.1.
ip -n trama.nat.p1 route add default via 192.168.2.1 dev eth0 proto 84
# Create the route to default by way of 192.168.2.1 through eth0 in namespace trama.nat.p2: everything else goes by way of 192.168.2.1.
ip -n trama.nat.p2 route add default via 192.168.2.1 dev eth0 proto 84
