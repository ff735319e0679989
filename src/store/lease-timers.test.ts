import { describe, expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import { Failure } from '../domain/domain.ts';
import { LeaseTimers } from './lease-timers.ts';

function fixture() {
  const clock = heldClock();
  const expired: string[] = [];
  const medium = { full: false };
  const timers = new LeaseTimers(clock, async (id) => {
    if (medium.full) throw new Failure('exhausted', 'The disk is full.');
    expired.push(id);
  });
  return { clock, expired, medium, timers };
}

describe('lease timers', () => {
  test('each ends at its own time, counted from its last renewal', async () => {
    const { clock, expired, timers } = fixture();
    timers.start({ id: 'long', ttlMs: 3000 });
    timers.start({ id: 'short', ttlMs: 1000 });
    await clock.advance(999);
    timers.renew('long');
    expect(expired).toEqual([]);
    await clock.advance(1);
    expect(expired).toEqual(['short']);
    await clock.advance(2998);
    expect(expired).toEqual(['short']);
    await clock.advance(1);
    expect(expired).toEqual(['short', 'long']);
  });

  test('one whose end the medium refuses is tried again, and cannot be renewed meanwhile', async () => {
    const { clock, expired, medium, timers } = fixture();
    timers.start({ id: 'a', ttlMs: 1000 });
    medium.full = true;
    await clock.advance(1000);
    await clock.advance(1000);
    expect(() => timers.renew('a')).toThrow(/lease a is not there/);
    medium.full = false;
    await clock.advance(1000);
    expect(expired).toEqual(['a']);
    await clock.advance(5000);
    expect(expired).toEqual(['a']);
  });

  test('one that is cancelled, and all once stopped, end no more', async () => {
    const { clock, expired, medium, timers } = fixture();
    for (const id of ['cancelled', 'refused', 'running']) timers.start({ id, ttlMs: id === 'refused' ? 1000 : 2000 });
    timers.cancel('cancelled');
    medium.full = true;
    await clock.advance(1000);
    medium.full = false;
    timers.stop();
    await clock.advance(60_000);
    expect(expired).toEqual([]);
  });
});
