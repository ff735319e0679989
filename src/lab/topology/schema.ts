/**
 * A topology file: the shape that containerlab's users know, extended. What is written here as a rule or a description
 * goes into schema/lab.schema.json, by which editors complete and check such files.
 */
import { z } from 'zod';
import { isAddress } from '../../domain/domain.ts';
import { parseSubnet } from '../../domain/subnet.ts';

/** What a host runs, in the order in which it is started. */
export const roles = ['engine', 'etcd', 'server', 'agent'] as const;

const kinds = ['host', 'container', 'switch', 'router', 'outside', 'linux'] as const;

const name = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,39}$/, 'use up to 40 letters, digits, "-" and "_", first a letter or digit');

/** What is there already, and two names that Linux gives to no interface, since `net/ipv4/conf/all` means all of them. */
export const takenInterfaces: readonly string[] = ['lo', 'br0', 'all', 'default'];

/** Linux allows 15 characters: IFNAMSIZ less the terminator. */
const interfaceName = z
  .string()
  .max(15, 'an interface name has at most 15 characters: shorten it')
  .regex(/^[a-zA-Z0-9][\w.-]*$/, 'use letters, digits, ".", "-" and "_" for an interface name, like eth1')
  .refine((text) => !takenInterfaces.includes(text), 'this name is taken already: call it eth1, for example');

const address = z
  .string()
  .refine((text) => isAddress(text) && !text.includes(':'), 'write an IPv4 address like 10.0.0.5');

const prefix = z.string().superRefine((text, context) => {
  try {
    if (parseSubnet(text).family === 4) return;
    context.addIssue('write an IPv4 prefix like 10.0.0.0/24');
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
  }
});

const endpoint = z.string().superRefine((text, context) => {
  const { node, port } = splitEndpoint(text);
  if (node === '' || port === '') context.addIssue('write NODE:INTERFACE, like h1:eth1');
  const checked = interfaceName.safeParse(port);
  if (port !== '' && !checked.success) context.addIssue(`${port}: ${checked.error.issues[0]?.message}`);
});

export function splitEndpoint(text: string): { node: string; port: string } {
  const [node = '', port = ''] = text.split(':', 2);
  return { node, port };
}

const rate = z
  .string()
  .regex(/^[1-9]\d{0,5}(kbit|mbit|gbit)$/, 'write a rate like 10mbit: a number and kbit, mbit or gbit');

const loss = z.union([
  z
    .number()
    .min(0, 'loss is a share from 0% to 100%')
    .max(100, 'loss is a share from 0% to 100%')
    .refine((percent) => /^\d+(\.\d)?$/.test(`${percent}`), 'loss is given in tenths of a percent: write one like 0.5'),
  z.string().regex(/^(100|\d{1,2}(\.\d)?)%$/, 'write a loss like 5% or 0.5%'),
]);

const route = z.strictObject({
  to: z.union([prefix, z.literal('default')]).describe('where to: a prefix, or "default"'),
  via: address.describe('the next hop'),
});

const words = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const publishedPort = z
  .string()
  .regex(/^\d{1,5}:\d{1,5}(\/(tcp|udp))?$/, 'write a published port like 8080:80 or 53:53/udp')
  .refine(
    (text) => portNumbers(text).every((port) => port >= 1 && port <= 65535),
    'a port is a number from 1 to 65535',
  );

const portNumbers = (text: string) => text.split('/')[0]?.split(':').map(Number) ?? [];

const node = z
  .strictObject({
    kind: z.enum(kinds).optional().describe('what it is; default: linux, a namespace without a host'),
    host: name.optional().describe('of a container: the host that it is on'),
    address: address.optional().describe('its own address; default: the next free one of the prefix'),
    prefix: prefix.optional().describe("of a host: its containers'; of a switch: that of all who are plugged in"),
    attach: z
      .enum(['bridge', 'p2p'])
      .optional()
      .describe('of a host: how its containers are joined to it, by a bridge or by a /30 link for each'),
    uplink: interfaceName.optional().describe("of a host: the interface that is put into its containers' bridge"),
    overlay: name.optional().describe("of a host: the overlay that its containers' bridge is a part of"),
    nat: interfaceName.optional().describe('the interface by which what leaves is masqueraded'),
    routes: z.array(route).optional().describe('its routes; default: those that reach everybody'),
    runs: z
      .array(z.enum(roles))
      .min(1)
      .optional()
      .describe(
        'of a host: a Docker Engine; a member of an etcd, which the servers then stand over; a server of Trama; an agent, and with it an engine',
      ),
    image: z
      .string()
      .min(1)
      .optional()
      .describe("of a container: it is a real one of its host's Docker Engine. trama/busybox:1 is always there"),
    network: z
      .string()
      .min(1)
      .optional()
      .describe(
        "of a container of an image: one of topology.networks, or Docker's own bridge, host, none or container:NODE; default: the lab wires it as it does others",
      ),
    pid: z
      .string()
      .regex(/^container:./, 'write container:NODE, like container:web')
      .optional()
      .describe('of a container of an image: container:NODE, whose processes it sees'),
    cmd: words.optional().describe('a program that runs in it: words, or a line for sh'),
    ports: z.array(publishedPort).optional().describe('HOST:CONTAINER[/udp]: ports of the host that lead to it'),
  })
  .nullable();

const link = z.strictObject({
  endpoints: z.tuple([endpoint, endpoint]).describe('its two ends, NODE:INTERFACE'),
  prefix: prefix.optional().describe('addresses of both ends follow from it'),
  ipv4: z
    .tuple([z.union([address, z.literal('')]), z.union([address, z.literal('')])])
    .optional()
    .describe('addresses of the ends, in their order; an empty one follows from the prefix'),
  mtu: z.number().int().min(576).max(9000).optional().describe('bytes; default 1500'),
  tc: z.strictObject({ rate }).optional().describe('how fast each end may send'),
  loss: loss.optional().describe('the share of frames that is lost in each direction'),
});

const overlay = z.strictObject({
  vni: z.number().int().min(1).max(0xffffff),
  prefix: prefix.describe('of all its containers, on whatever host'),
  discovery: z
    .enum(['registry', 'multicast'])
    .optional()
    .describe('how hosts find one another: listed entries (the default), or a multicast group'),
  group: address
    .regex(/^2(2[4-9]|3\d)\./, 'write a multicast address like 239.1.1.1')
    .optional()
    .describe('the multicast group; default 239.1.1.1'),
});

const network = z
  .strictObject({
    driver: z
      .enum(['bridge', 'overlay', 'routed'])
      .optional()
      .describe(
        "bridge (the default): Docker's own, on each host by itself; overlay or routed: Trama's, over hosts with an agent",
      ),
    prefix: prefix.optional().describe('default: one that Docker or Trama chooses'),
    attach: z
      .enum(['bridge', 'p2p'])
      .optional()
      .describe('of a routed network: a bridge, or a link for each container'),
  })
  .nullable();

const many = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const outcome = z.enum(['ok', 'fail']).optional().describe('default ok');
const who = 'a node, a list of them, or one of: containers, hosts, routers, outside, all';
const each = 'a node, or each one of: containers, hosts, routers, outside, all';

const expectation = z.strictObject({
  ping: z
    .union([
      z.literal('all'),
      z.strictObject({ from: many.describe(who), to: many.describe(`${who}; or an address`), expect: outcome }),
    ])
    .optional()
    .describe('who reaches whom; all: everybody but the outside reaches everybody'),
  http: z
    .strictObject({
      from: z.string().min(1).describe(each),
      to: z.string().min(1).describe(`${each}; or an address`),
      port: z.number().int().min(1).max(65535).optional().describe('default 80'),
      body: z.string().optional().describe('a text that the answer holds'),
      expect: outcome,
    })
    .optional(),
  hops: z
    .strictObject({
      from: z.string().min(1).describe(each),
      to: z.string().min(1).describe(`${each}; or an address`),
      expect: z.number().int().min(1).max(30),
    })
    .optional()
    .describe('how many hops it takes: 1 to a neighbour, one more for every router'),
  resolves: z
    .strictObject({
      from: z.string().min(1).describe('a container of an image'),
      name: z.string().min(1).describe('a name that it asks its name server for'),
      expect: outcome,
    })
    .optional(),
  'mac-seen': z
    .strictObject({
      at: z.string().min(1).describe('a switch'),
      of: many.optional().describe(`whose MACs it has learned: ${who}`),
      not: many.optional().describe(`whose it has not: ${who}`),
    })
    .optional(),
});

export const topologySchema = z.strictObject({
  name: name.describe('tells the lab apart from others'),
  topology: z.strictObject({
    nodes: z.record(name, node),
    links: z.array(link).optional(),
    overlays: z.record(name, overlay).optional(),
    networks: z.record(name, network).optional().describe('of containers of an image'),
  }),
  validate: z.array(expectation).optional().describe('what `trama lab test` makes sure of'),
});

export type Topology = z.infer<typeof topologySchema>;
export type TopologyNode = NonNullable<Topology['topology']['nodes'][string]>;
export type TopologyLink = NonNullable<Topology['topology']['links']>[number];
export type Expectation = NonNullable<Topology['validate']>[number];
export type Role = (typeof roles)[number];
export type TopologyNetwork = NonNullable<NonNullable<Topology['topology']['networks']>[string]>;
export type NodeKind = (typeof kinds)[number];

/** The JSON Schema of such a file. */
export function jsonSchema(): unknown {
  return {
    $id: 'https://trama.invalid/lab.schema.json',
    title: 'Trama lab topology',
    ...z.toJSONSchema(topologySchema, { io: 'input', unrepresentable: 'any' }),
  };
}
