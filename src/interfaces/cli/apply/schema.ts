/** The file that `trama apply` takes: networks, and containers in the words of a Compose file. */
import { z } from 'zod';
import { canonicalAddress } from '../../../domain/address.ts';
import { isFailure } from '../../../domain/errors.ts';
import { checkImage } from '../../../domain/image.ts';
import { checkAlias, checkContainerName, checkNetworkName, checkNodeName } from '../../../domain/names.ts';
import { parsePidMode } from '../../../domain/network-mode.ts';
import { checkDiscovery, checkDriver } from '../../../domain/network-rules.ts';
import { checkRestartPolicy, parsePublishedPorts } from '../../../domain/run-options.ts';
import { parseNetworkFlag } from '../network-flag.ts';
import { hostname, mtu, pair, subnet, vni } from '../values.ts';

/** As it is written: what YAML takes for a number or a truth value is text to us. */
const text = z.union([z.string(), z.number(), z.boolean()], { error: 'this must be text' }).transform(String);

/** Text that a rule of the command line turns into something. */
function ruled<T>(rule: (text: string) => T) {
  return text.transform((written, context): T => {
    try {
      return rule(written);
    } catch (error) {
      if (!isFailure(error, 'invalid')) throw error;
      context.issues.push({ code: 'custom', message: error.message, input: written });
      return z.NEVER;
    }
  });
}

const name = (rule: (text: string) => string) =>
  z.string().superRefine((written, context) => {
    try {
      rule(written);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
  });

/** `{KEY: value}`, or a list of `KEY=value`. */
const pairs = z.union([z.array(ruled(pair)).transform((list) => Object.fromEntries(list)), z.record(z.string(), text)]);

/** A list of `KEY=value` or `KEY`, or a map; a key without a value takes its value from our environment. */
const environment = z.union([
  z.array(text),
  z
    .record(z.string(), text.nullable())
    .transform((map) => Object.entries(map).map(([key, value]) => (value === null ? key : `${key}=${value}`))),
]);

/** A list of words; or words with blanks between them, and nothing that a shell would have to be asked about. */
const command = z.union([
  z.string().transform((line, context) => {
    if (!/["'\\$`]/.test(line)) return line.split(/\s+/).filter((word) => word !== '');
    const message = 'this has quotes or signs of a shell: write it as a list of words';
    context.issues.push({ code: 'custom', message, input: line });
    return z.NEVER;
  }),
  z.array(text),
]);

const attachment = z.strictObject({
  ipv4_address: ruled(canonicalAddress).optional(),
  aliases: z.array(ruled(checkAlias)).default([]),
});

const attachments = z.union([
  z.array(ruled(checkNetworkName)).transform((list) => Object.fromEntries(list.map((each) => [each, null]))),
  z.record(name(checkNetworkName), attachment.nullable()),
]);

const service = z.strictObject({
  image: ruled(checkImage),
  command: command.default([]),
  environment: environment.default([]),
  networks: attachments.optional(),
  network_mode: ruled(parseNetworkFlag).optional(),
  pid: ruled(parsePidMode).optional(),
  ports: z.array(ruled(parsePublishedPorts)).default([]),
  restart: ruled(checkRestartPolicy).default('no'),
  hostname: ruled(hostname).optional(),
  labels: pairs.default({}),
  tty: z.boolean().default(false),
  stdin_open: z.boolean().default(false),
  depends_on: z.array(ruled(checkContainerName)).default([]),
  node: ruled(checkNodeName).optional(),
  on_node_loss: z.enum(['drop', 'reschedule']).default('drop'),
});

const network = z.strictObject({
  external: z.boolean().default(false),
  driver: ruled(checkDriver).optional(),
  subnet: ruled(subnet).optional(),
  discovery: ruled(checkDiscovery).optional(),
  vni: ruled(vni).optional(),
  mtu: ruled(mtu).optional(),
  internal: z.boolean().optional(),
  options: z.record(z.string(), text).default({}),
});

export const fileSchema = z.strictObject({
  name: ruled(checkContainerName).optional(),
  networks: z.record(name(checkNetworkName), network.nullable()).default({}),
  services: z.record(name(checkContainerName), service).default({}),
});

export type AppliedFile = z.output<typeof fileSchema>;
export type AppliedService = z.output<typeof service>;
export type AppliedNetwork = z.output<typeof network>;
