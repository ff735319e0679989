/** What a container is run with. */
import { z } from 'zod';

export const restart = z.enum(['no', 'always', 'unless-stopped', 'on-failure']);

export const publishedPort = z.object({
  hostAddress: z.string().optional(),
  hostPort: z.number(),
  hostPortEnd: z.number().optional(),
  containerPort: z.number(),
  protocol: z.enum(['tcp', 'udp']),
});

const joined = z.object({ container: z.string() });

export const workloadSpec = z.object({
  image: z.string(),
  command: z.array(z.string()),
  env: z.array(z.string()),
  networks: z.array(z.object({ network: z.string(), address: z.string().optional(), aliases: z.array(z.string()) })),
  ports: z.array(publishedPort),
  restart,
  networkMode: z.union([z.enum(['host', 'none']), joined]).optional(),
  pid: z.union([z.literal('host'), joined]).optional(),
  tty: z.boolean(),
  stdin: z.boolean(),
  attach: z.boolean().optional(),
  autoRemove: z.boolean().optional(),
  onNodeLoss: z.literal('reschedule').optional(),
  hostname: z.string().optional(),
  labels: z.record(z.string(), z.string()),
});
