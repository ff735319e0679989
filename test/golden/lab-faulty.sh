# Create the network namespace trama.faulty.a: the router a, with a network of its own.
ip netns add trama.faulty.a
# Create the network namespace trama.faulty.b: the router b, with a network of its own.
ip netns add trama.faulty.b
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.faulty.a: a passes packets on between its interfaces.
nsenter --net=/run/netns/trama.faulty.a sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.faulty.b: b passes packets on between its interfaces.
nsenter --net=/run/netns/trama.faulty.b sysctl -w net/ipv4/ip_forward=1
# Create the nft table netdev trama in namespace trama.faulty.a: holds the rules that lose frames.
nsenter --net=/run/netns/trama.faulty.a nft 'add table netdev trama'
# Create the nft table netdev trama in namespace trama.faulty.b: holds the rules that lose frames.
nsenter --net=/run/netns/trama.faulty.b nft 'add table netdev trama'
# Create the veth pair eth0 in namespace trama.faulty.a and eth0 in namespace trama.faulty.b: a cable from a:eth0 to b:eth0.
ip -n trama.faulty.a link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:01 type veth peer name eth0 mtu 1500 address 02:00:0a:00:00:02 netns trama.faulty.b
ip -n trama.faulty.a link set dev eth0 up
# Set up the loopback in namespace trama.faulty.a: so that it reaches its own addresses.
ip -n trama.faulty.a link set dev lo up
# Set up the loopback in namespace trama.faulty.b: so that it reaches its own addresses.
ip -n trama.faulty.b link set dev lo up
# Create the second end eth0 in namespace trama.faulty.b of veth eth0: the other end of that cable.
ip -n trama.faulty.b link set dev eth0 mtu 1500 address 02:00:0a:00:00:02
ip -n trama.faulty.b link set dev eth0 up
# Create the address 10.0.0.1/30 of eth0 in namespace trama.faulty.a: by which a is reached.
ip -n trama.faulty.a addr replace 10.0.0.1/30 dev eth0
# Create the address 10.0.0.2/30 of eth0 in namespace trama.faulty.b: by which b is reached.
ip -n trama.faulty.b addr replace 10.0.0.2/30 dev eth0
# Create the rate limit of 10000000 bit/s on eth0 in namespace trama.faulty.a: a:eth0 sends no faster.
tc -n trama.faulty.a qdisc replace dev eth0 root tbf rate 10000000bit burst 16000 latency 50ms
# Create the rate limit of 10000000 bit/s on eth0 in namespace trama.faulty.b: b:eth0 sends no faster.
tc -n trama.faulty.b qdisc replace dev eth0 root tbf rate 10000000bit burst 16000 latency 50ms
# Create the nft chain loss-eth0 of table netdev trama in namespace trama.faulty.a: 12.5% of what comes to a:eth0 is lost.
nsenter --net=/run/netns/trama.faulty.a nft 'add chain netdev trama loss-eth0 { type filter hook ingress device "eth0" priority 0; policy accept; }; flush chain netdev trama loss-eth0; add rule netdev trama loss-eth0 numgen random mod 1000 < 125 drop comment "trama:207e157d6103269a"'
# Create the nft chain loss-eth0 of table netdev trama in namespace trama.faulty.b: 12.5% of what comes to b:eth0 is lost.
nsenter --net=/run/netns/trama.faulty.b nft 'add chain netdev trama loss-eth0 { type filter hook ingress device "eth0" priority 0; policy accept; }; flush chain netdev trama loss-eth0; add rule netdev trama loss-eth0 numgen random mod 1000 < 125 drop comment "trama:207e157d6103269a"'
