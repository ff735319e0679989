/** 5: after everything was removed and every host has left, nothing is left: in kernels, Docker, directories, the store. */
import { setTimeout as delay } from 'node:timers/promises';
import { hostNames } from './actions.ts';
import { belongingsScript } from './belongings.ts';
import type { Book } from './book.ts';
import type { Baseline } from './invariants.ts';
import type { Scene } from './scene.ts';
import { readStore } from './store-reading.ts';

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

const leftScript = `
  ip -o link | grep -o ' tr[bxghvp][0-9a-f]*'
  ip netns list | grep -o '^trama'
  nft list tables | grep trama
  iptables-save | grep 'trama\\|trg+'
  ip route show table all | grep 'proto 84'
  docker ps -a --format '{{.Names}}' | grep -vx neighbour
  docker network ls --format '{{.Name}} {{.Driver}}' | grep ' trama'
  ls /run/docker/plugins 2>/dev/null
  ls /var/lib/trama/agent 2>/dev/null | sed 's/^/agent state: /'
  true`;

const leftKeys =
  /^(nodes|node-keys|node-addresses|networks|network-names|vnis|blocks|block-sets|reservations|endpoints|macs|workloads|statuses|removing|unclaimed)\//;

export async function tearDown(scene: Scene, book: Book, baseline: Baseline): Promise<string[]> {
  const broken: string[] = [];
  const attempt = async (what: string, work: () => Promise<{ code: number; stderr: string }>) => {
    const { code, stderr } = await work().catch((error: Error) => ({ code: -1, stderr: error.message }));
    if (code !== 0) broken.push(`5: ${what} is refused: ${stderr.trim().split('\n').at(-1)}`);
  };
  for (const host of hostNames) {
    const plain = [...book.containers].filter(([, each]) => each.by === 'docker' && each.host === host);
    const names = plain.map(([name]) => name);
    if (names.length > 0) {
      await attempt(`docker rm of ${names} on ${host}`, () =>
        scene.host(host).run(['docker', 'rm', '-f', ...names], { env, timeoutMs: 60_000 }),
      );
    }
  }
  const own = [...book.containers].filter(([, { by }]) => by === 'trama').map(([name]) => name);
  if (own.length > 0) await attempt(`rm of ${own}`, () => scene.host('h2').trama('rm', '-f', ...own));
  await attempt('network rm', () => scene.host('h3').trama('network', 'rm', ...book.networks.keys()));
  await Promise.all(
    hostNames.map(async (name) => {
      const agent = scene.expectEnd('agent', name);
      await attempt(`node leave on ${name}`, () => scene.host(name).trama('node', 'leave'));
      await Promise.race([agent?.ended, delay(15_000)]);
      const left = (await scene.host(name).output(['sh', '-c', leftScript], { env })).trim();
      if (left !== '') broken.push(`5: left on ${name}: ${left.replaceAll('\n', '; ')}`);
      const belongings = await scene.host(name).output(['sh', '-c', belongingsScript], { env });
      if (belongings !== baseline.belongings.get(name)) broken.push(`6: ${name} after it has left: ${belongings}`);
    }),
  );
  const keys = (await readStore(scene.etcd)).keys.filter((key) => leftKeys.test(key));
  if (keys.length > 0) broken.push(`5: left in the store: ${keys.join('; ')}`);
  return broken;
}
