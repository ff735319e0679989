"""The topology of `trama lab up NxM` by Mininet: up, a word, a line awaited, down. Its switches are bridges of the host."""

import sys
from mininet.net import Mininet
from mininet.node import Node
from mininet.nodelib import LinuxBridge


class Router(Node):
    def config(self, **parameters):
        super().config(**parameters)
        self.cmd("sysctl -w net.ipv4.ip_forward=1")


hosts, containers = int(sys.argv[1]), int(sys.argv[2])
net = Mininet(controller=None, switch=LinuxBridge)
internet = net.addSwitch("s999")
for i in range(hosts):
    router = net.addHost(f"r{i}", cls=Router, ip=None)
    net.addLink(router, internet, intfName1=f"r{i}-eth0", params1={"ip": f"11.0.0.{i + 2}/8"})
    switch = net.addSwitch(f"s{i}")
    net.addLink(router, switch, intfName1=f"r{i}-eth1", params1={"ip": f"10.0.{i}.1/24"})
    for j in range(containers):
        name = f"p{i * containers + j}"
        host = net.addHost(name, ip=f"10.0.{i}.{j + 2}/24", defaultRoute=f"via 10.0.{i}.1")
        net.addLink(host, switch)
net.start()
for i in range(hosts):
    for j in range(hosts):
        if i != j:
            net.get(f"r{i}").cmd(f"ip route add 10.0.{j}.0/24 via 11.0.0.{j + 2}")
reached = net.get("p0").cmd(f"ping -c1 -W2 10.0.{hosts - 1}.{containers + 1}")
print("up" if " 0% packet loss" in reached else "broken", flush=True)
sys.stdin.readline()
net.stop()
print("down", flush=True)
