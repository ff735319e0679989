# Create the network namespace trama.modes.host: the host host, with a network of its own.
ip netns add trama.modes.host
# Create the network namespace trama.modes.outside: the world outside outside, with a network of its own.
ip netns add trama.modes.outside
# Power on host: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered host || power host 198.51.100.1
# Start the Docker Engine of host, and wait until it answers.
on host docker version >/dev/null 2>&1 || { daemon host dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-modes/host; until_so on host docker version; }
# Give it the images that it is to have.
on host docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on host docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.modes.host: host passes packets on between its interfaces.
nsenter --net=/run/netns/trama.modes.host sysctl -w net/ipv4/ip_forward=1
# Create the veth pair eth0 in namespace trama.modes.host and eth0 in namespace trama.modes.outside: a cable from host:eth0 to outside:eth0.
ip -n trama.modes.host link add name eth0 index 1000 mtu 1500 address 02:00:c6:33:64:01 type veth peer name eth0 mtu 1500 address 02:00:c6:33:64:fe netns trama.modes.outside
ip -n trama.modes.host link set dev eth0 up
# Set up the loopback in namespace trama.modes.host: so that it reaches its own addresses.
ip -n trama.modes.host link set dev lo up
# Set up the loopback in namespace trama.modes.outside: so that it reaches its own addresses.
ip -n trama.modes.outside link set dev lo up
# Create the second end eth0 in namespace trama.modes.outside of veth eth0: the other end of that cable.
ip -n trama.modes.outside link set dev eth0 mtu 1500 address 02:00:c6:33:64:fe
ip -n trama.modes.outside link set dev eth0 up
# Create the address 198.51.100.1/24 of eth0 in namespace trama.modes.host: by which host is reached.
ip -n trama.modes.host addr replace 198.51.100.1/24 dev eth0
# Create the address 198.51.100.254/24 of eth0 in namespace trama.modes.outside: by which outside is reached.
ip -n trama.modes.outside addr replace 198.51.100.254/24 dev eth0
# Create the route to default by way of 198.51.100.254 through eth0 in namespace trama.modes.host: everything else goes by way of 198.51.100.254.
ip -n trama.modes.host route add default via 198.51.100.254 dev eth0 proto 84
# Make the network mynet on host, driver bridge.
on host docker network inspect mynet >/dev/null 2>&1 || on host docker network create --subnet 172.28.0.0/16 mynet
# Make the network othernet on host, driver bridge.
on host docker network inspect othernet >/dev/null 2>&1 || on host docker network create --subnet 172.29.0.0/16 othernet
# Run the container web on host, in the network bridge.
on host docker inspect web >/dev/null 2>&1 || on host docker run -d --name web --network bridge -p 8080:80 trama/busybox:1 sh -c 'httpd -f'
attach host web
# Run the container db on host, in the network bridge.
on host docker inspect db >/dev/null 2>&1 || on host docker run -d --name db --network bridge trama/busybox:1 sh -c 'sleep 1000000'
attach host db
# Run the container shop on host, in the network mynet.
on host docker inspect shop >/dev/null 2>&1 || on host docker run -d --name shop --network mynet --ip 172.28.0.2 trama/busybox:1 sh -c 'httpd -f'
attach host shop
# Run the container stock on host, in the network mynet.
on host docker inspect stock >/dev/null 2>&1 || on host docker run -d --name stock --network mynet --ip 172.28.0.3 trama/busybox:1 sh -c 'sleep 1000000'
attach host stock
# Run the container other on host, in the network othernet.
on host docker inspect other >/dev/null 2>&1 || on host docker run -d --name other --network othernet --ip 172.29.0.2 trama/busybox:1 sh -c 'sleep 1000000'
attach host other
# Run the container open on host, in the host's own network.
on host docker inspect open >/dev/null 2>&1 || on host docker run -d --name open --network host trama/busybox:1 sh -c 'httpd -f -p 8081'
attach host open
# Run the container alone on host, without a network.
on host docker inspect alone >/dev/null 2>&1 || on host docker run -d --name alone --network none trama/busybox:1 sh -c 'sleep 1000000'
attach host alone
# Run the container tools on host, in the network of shop.
on host docker inspect tools >/dev/null 2>&1 || on host docker run -d --name tools --network container:shop --pid container:shop trama/busybox:1 sh -c 'sleep 1000000'
attach host tools
