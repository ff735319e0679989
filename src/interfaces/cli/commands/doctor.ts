/** `doctor`: what is wrong with this host, and what to do about it. */
import type { Command } from 'commander';
import type { Finding } from '../../../doctor/doctor.ts';
import { Failure } from '../../../domain/errors.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';
import { addSettings, resolveSettings } from '../settings.ts';
import { findingLines, findingSummary } from '../views.ts';

const looked = ['state', 'docker-socket', 'address', 'requests-port', 'feed-port'] as const;

type Flags = Readonly<Record<string, string | undefined>>;

export function doctorCommand(program: Command, session: Session): void {
  addSettings(
    define(program, 'doctor', 'Examine this host: what Trama needs, and the ways to the other nodes; changes nothing', [
      'doctor',
      'doctor -o json',
    ]).addOption(formatOption()),
    looked,
  ).action(
    run(session, async ({ output, ...flags }: Flags & Format) => {
      const context = await session.context();
      if (context !== undefined) {
        throw new Failure(
          'invalid',
          `the doctor examines the host where it is called, and you are on context ${context.name}: run it on a host of the cluster, or examine this one with \`trama --context local doctor\``,
        );
      }
      const values = await resolveSettings(session.io, flags, looked);
      const findings = await session.io.doctor({
        state: values.state,
        dockerSocket: values['docker-socket'],
        ...(values.address ? { address: values.address } : {}),
        ports: {
          requests: values['requests-port'],
          feed: values['feed-port'],
        },
      });
      await show(session, { output }, findings, findingLines);
      await session.note(findingSummary(findings));
      return findings.some(({ status }: Finding) => status === 'fail') ? 1 : 0;
    }),
  );
}
