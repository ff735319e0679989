/**
 * What of an examination concerns a host that has just joined or started: once, beside the work, and told only if it is so
 * at a second look, too, since much is still on its way at the first.
 */
import type { Check, Finding } from '../doctor/doctor.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { Tidings } from './tidings.ts';

export interface SelfExaminationOptions {
  /** Absent: nobody can. */
  examine?(only: ReadonlySet<Check>): Promise<readonly Finding[]>;
  readonly tidings: Pick<Tidings, 'troubles'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The wiring of a start is over by then. */
const firstMs = 2000;
const secondMs = 6000;

/** Of which to hear is worth while only if they fail: other nodes come and go. */
const ofOthers: readonly Check[] = ['server-ports', 'mtu', 'vxlan'];
const ofThisHost: readonly Check[] = [
  ...(['tools', 'kernel', 'disk', 'clock', 'own-ports', 'nic'] as const),
  ...(['routes', 'checksum', 'firewall'] as const),
];

/** Call it once the servers know this host. */
export async function examineItself(options: SelfExaminationOptions, signal: AbortSignal): Promise<void> {
  const { tidings, clock, log } = options;
  const examine = options.examine?.bind(options);
  if (examine === undefined) return;
  await clock.sleep(firstMs, signal);
  const first = await examine(new Set([...ofThisHost, ...ofOthers]));
  const suspicious = first.filter(isWorthTelling);
  if (suspicious.length === 0) return;
  await clock.sleep(secondMs, signal);
  const second = await examine(new Set(suspicious.map(({ check }) => check)));
  const before = new Set(suspicious.map(keyOf));
  const lasting = second.filter((finding) => isWorthTelling(finding) && before.has(keyOf(finding)));
  for (const finding of lasting) if (finding.status === 'warn') log.warn(sentence(finding));
  tidings.troubles(lasting.filter(({ status }) => status === 'fail').map(sentence));
}

const isWorthTelling = ({ check, status }: Finding): boolean =>
  status === 'fail' || (status === 'warn' && !ofOthers.includes(check));

const keyOf = ({ check, subject, status }: Finding): string => `${check} ${subject} ${status}`;

const sentence = ({ check, subject, found, remedy }: Finding): string =>
  `doctor: ${check} of ${subject}: ${found}. ${remedy}`;
