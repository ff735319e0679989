/** Things on every host that are nobody's business: they must be the same byte for byte whatever happens (invariant 6). */
import { type LabHost, labImage } from '../../src/lab/lab.ts';

/** Of the kernel, gone with the power; of Docker, there again by itself. */
export async function belong(host: LabHost): Promise<void> {
  await belongInKernel(host);
  await host.docker('network', 'create', 'theirs');
  const stays = ['--restart', 'always', '--network', 'theirs', '-p', '9000:80'];
  await host.docker('run', '-d', '--name', 'neighbour', ...stays, labImage, 'httpd', '-f');
}

export async function belongInKernel(host: LabHost): Promise<void> {
  const script = `set -e
    ip link add mine0 address 02:00:5e:00:53:01 type bridge
    ip address add 203.0.113.1/24 dev mine0
    ip link set mine0 up
    ip route add 192.0.2.0/24 via 203.0.113.2 dev mine0 onlink
    nft add table inet mine
    nft add chain inet mine input '{ type filter hook input priority 0; }'
    nft add rule inet mine input ip saddr 192.0.2.1 counter drop
    ip netns add mine`;
  await host.output(['sh', '-c', script]);
  await belongInDocker(host);
}

/** Docker keeps what is in this chain as long as the kernel does. */
const belongInDocker = (host: LabHost) =>
  host.output(['iptables', '-A', 'DOCKER-USER', '-s', '192.0.2.1', '-j', 'DROP']);

/** Prints it all, sorted where the order is by chance, without counters and what Trama has marked as its own. */
export const belongingsScript = `
  ip -o link show mine0 | sed 's/^[0-9]*: //; s/state [A-Z]*//; s/<[^>]*>//; s/link-netnsid.*//'
  ip -o -4 address show dev mine0 | sed 's/^[0-9]*: //'
  ip -4 route show | grep -v 'proto 84\\|dev trg' | sed 's/ linkdown//' | sort
  ip netns list | grep -o '^mine'
  nft -s list table inet mine | sed 's/packets [0-9]* bytes [0-9]*//'
  nft list tables | grep -v trama | sort
  iptables-save | grep -v '^#\\|trama\\|trg+' | sed 's/\\[[0-9:]*\\]//' | sort
  docker network ls --format '{{.Name}} {{.Driver}}' | grep -v ' trama' | sort
  docker inspect -f '{{.Name}} {{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' neighbour`;
