/**
 * The agent, assembled. Order of its start: who am I → what my disk knows, wired again without removing anything →
 * engines may ask → servers are told and heard → from then on, level by level, the host becomes what the cluster says.
 */
import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkNodeName, Failure, isFailure, type JoinTarget } from '../domain/domain.ts';
import { explain, recoverUplinks } from '../kernel/kernel.ts';
import type { Agent, AgentOptions } from './agent.ts';
import { AgentCore } from './core.ts';
import { forgetJoiningKeys, type Identity, joiningKeys, loadIdentity, saveIdentity } from './identity.ts';
import { joinCluster, type Registration } from './joining.ts';
import { uplinkStore } from './kernel-side.ts';
import { openLocalState } from './local-state.ts';
import { findUnderlay, toldOf, type Underlay } from './underlay.ts';

/** @throws Failure when the host has never joined and no token was given, or the token is refused. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const known = await returning(options);
  if (known !== undefined) await recover(options);
  const underlay = await findUnderlay(options.spawn, options.address);
  options.log.info(`taking ${underlay.reason}`, { mtu: underlay.mtu });
  const identity = known ?? (await join(options, underlay));
  const state = await openState(options);
  return AgentCore.start(options, identity, underlay, state);
}

const openState = ({ directory, log }: AgentOptions) =>
  openLocalState(directory, (file) => log.error('this file is damaged and was left aside', { file }));

/** Where this host stands cannot be told while a broken-off move keeps its addresses and routes from it. */
async function recover(options: AgentOptions): Promise<void> {
  const { spawn, clock, log } = options;
  const { uplinks } = await openState(options);
  for (const result of await recoverUplinks(uplinkStore(uplinks), spawn, clock)) {
    log.warn('something of this host was not where it should be', {
      step: explain(result.step),
      outcome: 'message' in result ? result.message : result.outcome,
    });
  }
}

async function returning(options: AgentOptions): Promise<Identity | undefined> {
  const identity = await loadIdentity(options.directory);
  if (identity === undefined) return undefined;
  if (options.name !== undefined && options.name !== identity.name) {
    throw new Failure(
      'conflict',
      `this host has joined as ${identity.name}: start it without --name, or let it leave with trama node leave and join again as ${options.name}`,
    );
  }
  if (options.join !== undefined)
    options.log.info('this host has joined before; the token is not used', { node: identity.name });
  return identity;
}

async function join(options: AgentOptions, underlay: Underlay): Promise<Identity> {
  if (options.join === undefined) {
    throw new Failure(
      'invalid',
      'this host has not joined a cluster: give it --join TOKEN@HOST, with a token that trama token create prints on the server',
    );
  }
  const name = nodeName(options);
  const registration = {
    name,
    address: underlay.address,
    interface: underlay.interface,
    underlayMtu: underlay.mtu,
    routes: [...underlay.routes],
    interfaces: underlay.interfaces.map(toldOf),
    engine: (await options.runtime.status()).message,
    version: options.version,
  };
  const identity = await joinWithKeys(options, options.join, registration);
  await saveIdentity(options.directory, identity);
  await forgetJoiningKeys(options.directory);
  options.log.info('joined the cluster', { node: identity.name, cluster: identity.cluster });
  return identity;
}

async function joinWithKeys(options: AgentOptions, target: JoinTarget, registration: Registration): Promise<Identity> {
  const { directory, bus, log, clock } = options;
  const keys = await joiningKeys(directory, () => bus.generateKeys());
  try {
    return await joinCluster(bus, keys, target, registration, { log, now: clock.now() });
  } catch (error) {
    // Without an answer the host may have joined; after a refusal it has not, and keeps nothing.
    if (!isFailure(error, 'unavailable') && !isFailure(error, 'deadline')) {
      await forgetJoiningKeys(directory);
      for (const empty of [directory, dirname(directory)]) await rmdir(empty).catch(() => {});
    }
    throw error;
  }
}

/** A host's name may have a domain, or capitals; a node's may not. */
function nodeName(options: AgentOptions): string {
  if (options.name !== undefined) return checkNodeName(options.name);
  const short = options.hostname.split('.')[0]?.toLowerCase() ?? '';
  try {
    return checkNodeName(short);
  } catch (cause) {
    throw new Failure(
      'invalid',
      `this host's name, ${JSON.stringify(short)}, cannot be a node's name: choose one with --name`,
      { cause },
    );
  }
}
