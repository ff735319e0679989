# Create the network namespace trama.cluster.lan: the switch lan, with a network of its own.
ip netns add trama.cluster.lan
# Create the network namespace trama.cluster.h1: the host h1, with a network of its own.
ip netns add trama.cluster.h1
# Create the network namespace trama.cluster.h2: the host h2, with a network of its own.
ip netns add trama.cluster.h2
# Create the network namespace trama.cluster.client: the node client, with a network of its own.
ip netns add trama.cluster.client
# Power on h1: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h1 || power h1 10.0.0.1 /trama /node
# Start the Docker Engine of h1, and wait until it answers.
on h1 docker version >/dev/null 2>&1 || { daemon h1 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-cluster/h1; until_so on h1 docker version; }
# Give it the images that it is to have.
on h1 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h1 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Power on h2: a machine of its own, with /etc, /var/lib, /run and processes of its own.
powered h2 || power h2 10.0.0.2 /trama /node
# Start the Docker Engine of h2, and wait until it answers.
on h2 docker version >/dev/null 2>&1 || { daemon h2 dockerd dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /trama-labs-cluster/h2; until_so on h2 docker version; }
# Give it the images that it is to have.
on h2 docker image inspect trama/busybox:1 >/dev/null 2>&1 || busybox_image | on h2 docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www' - trama/busybox:1 >/dev/null
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.cluster.h1: h1 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.cluster.h1 sysctl -w net/ipv4/ip_forward=1
# Create the sysctl net.ipv4.ip_forward = 1 in namespace trama.cluster.h2: h2 passes packets on between its interfaces.
nsenter --net=/run/netns/trama.cluster.h2 sysctl -w net/ipv4/ip_forward=1
# Create the bridge br0 in namespace trama.cluster.lan: what makes it a switch.
ip -n trama.cluster.lan link add name br0 mtu 1500 type bridge
ip -n trama.cluster.lan link set dev br0 up
# Create the veth pair eth0 in namespace trama.cluster.client and client in namespace trama.cluster.lan: a cable from client:eth0 to lan:client.
ip -n trama.cluster.client link add name eth0 index 1002 mtu 1500 address 02:00:0a:00:00:03 type veth peer name client mtu 1500 netns trama.cluster.lan
ip -n trama.cluster.client link set dev eth0 up
# Create the veth pair eth0 in namespace trama.cluster.h1 and h1 in namespace trama.cluster.lan: a cable from h1:eth0 to lan:h1.
ip -n trama.cluster.h1 link add name eth0 index 1000 mtu 1500 address 02:00:0a:00:00:01 type veth peer name h1 mtu 1500 netns trama.cluster.lan
ip -n trama.cluster.h1 link set dev eth0 up
# Create the veth pair eth0 in namespace trama.cluster.h2 and h2 in namespace trama.cluster.lan: a cable from h2:eth0 to lan:h2.
ip -n trama.cluster.h2 link add name eth0 index 1001 mtu 1500 address 02:00:0a:00:00:02 type veth peer name h2 mtu 1500 netns trama.cluster.lan
ip -n trama.cluster.h2 link set dev eth0 up
# Set up the loopback in namespace trama.cluster.client: so that it reaches its own addresses.
ip -n trama.cluster.client link set dev lo up
# Set up the loopback in namespace trama.cluster.h1: so that it reaches its own addresses.
ip -n trama.cluster.h1 link set dev lo up
# Set up the loopback in namespace trama.cluster.h2: so that it reaches its own addresses.
ip -n trama.cluster.h2 link set dev lo up
# Set up the loopback in namespace trama.cluster.lan: so that it reaches its own addresses.
ip -n trama.cluster.lan link set dev lo up
# Create the second end h1 in namespace trama.cluster.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster.lan link set dev h1 mtu 1500 master br0
ip -n trama.cluster.lan link set dev h1 up
# Create the second end h2 in namespace trama.cluster.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster.lan link set dev h2 mtu 1500 master br0
ip -n trama.cluster.lan link set dev h2 up
# Create the second end client in namespace trama.cluster.lan of veth eth0, a port of br0: the other end, plugged into lan's bridge.
ip -n trama.cluster.lan link set dev client mtu 1500 master br0
ip -n trama.cluster.lan link set dev client up
# Create the address 10.0.0.3/24 of eth0 in namespace trama.cluster.client: by which client is reached.
ip -n trama.cluster.client addr replace 10.0.0.3/24 dev eth0
# Create the address 10.0.0.1/24 of eth0 in namespace trama.cluster.h1: by which h1 is reached.
ip -n trama.cluster.h1 addr replace 10.0.0.1/24 dev eth0
# Create the address 10.0.0.2/24 of eth0 in namespace trama.cluster.h2: by which h2 is reached.
ip -n trama.cluster.h2 addr replace 10.0.0.2/24 dev eth0
# Start the server on h1, over a store of its own.
on h1 test -S /run/trama/server.sock || { daemon h1 server trama server; until_so on h1 test -S /run/trama/server.sock; }
# Make a token by which agents join.
token=$(on h1 trama token create --uses 2)
# Start the agent on h1: it joins, and takes care of the host's networks and containers.
on h1 test -S /run/docker/plugins/trama.sock || { daemon h1 agent trama agent --join "$token"@10.0.0.1 --address 10.0.0.1; until_so on h1 test -S /run/docker/plugins/trama.sock; }
# Start the agent on h2: it joins, and takes care of the host's networks and containers.
on h2 test -S /run/docker/plugins/trama.sock || { daemon h2 agent trama agent --join "$token"@10.0.0.1 --address 10.0.0.2; until_so on h2 test -S /run/docker/plugins/trama.sock; }
# Wait until the server has heard of all agents.
until_so nodes_ready h1 2
# Make the network app on h1, driver overlay.
on h1 trama network inspect app >/dev/null 2>&1 || on h1 trama network create app --driver overlay --subnet 10.42.0.0/16
# Make the network side on h1, driver overlay.
on h1 trama network inspect side >/dev/null 2>&1 || on h1 trama network create side --driver overlay --subnet 10.43.0.0/16
# Run the container web on h1, in the network app.
on h1 trama inspect web >/dev/null 2>&1 || on h1 trama run -d --node h1 --name web --network app --ip 10.42.200.1 -p 8080:80 trama/busybox:1 sh -c 'httpd -f'
attach h1 web
# Run the container db on h2, in the network app.
on h1 trama inspect db >/dev/null 2>&1 || on h1 trama run -d --node h2 --name db --network app --ip 10.42.200.2 trama/busybox:1 sh -c 'httpd -f'
attach h2 db
# Run the container apart on h2, in the network side.
on h1 trama inspect apart >/dev/null 2>&1 || on h1 trama run -d --node h2 --name apart --network side --ip 10.43.200.1 trama/busybox:1 sh -c 'httpd -f'
attach h2 apart
