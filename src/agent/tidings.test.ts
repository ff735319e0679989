import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import { Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { Tidings } from './tidings.ts';

function scene() {
  const heard: string[] = [];
  let answer: Failure | undefined;
  const api = {
    everywhere: async (_method: string, params: unknown) => {
      if (answer !== undefined) throw answer;
      heard.push((params as { message: string }).message);
    },
  };
  let link: typeof api | undefined = api;
  const clock = heldClock();
  const tidings = new Tidings({ link: () => link, clock, log: silentLog });
  return {
    tidings,
    heard,
    clock,
    linked: (yes: boolean) => {
      link = yes ? api : undefined;
    },
    answers: (failure: Failure | undefined) => {
      answer = failure;
    },
  };
}

test('a trouble is told once', async () => {
  const { tidings, heard } = scene();
  tidings.trouble('a');
  tidings.trouble('a');
  tidings.trouble('b');
  await expect.poll(() => heard).toEqual(['a', 'b']);
});

test('a trouble that comes back after it had stayed away is told again; one that stays is not', async () => {
  const { tidings, heard, clock } = scene();
  const minute = 60_000;
  tidings.trouble('a');
  for (let minutes = 0; minutes < 60; minutes += 6) {
    await clock.advance(6 * minute);
    tidings.trouble('a');
  }
  expect(heard).toEqual(['a']);
  await clock.advance(10 * minute);
  tidings.trouble('a');
  await expect.poll(() => heard).toEqual(['a', 'a']);
});

test('of very many troubles, those that were met last are not told again', async () => {
  const { tidings, heard } = scene();
  for (let i = 0; i < 1500; i += 1) {
    tidings.trouble('stays');
    tidings.trouble(`${i}`);
    await new Promise(setImmediate);
  }
  expect(heard.filter((each) => each === 'stays')).toHaveLength(1);
  expect(heard).toHaveLength(1501);
});

test('what happens before there is a server, and while none answers, is told in order once one does', async () => {
  const { tidings, heard, linked, answers } = scene();
  linked(false);
  tidings.trouble('before the first connection');
  linked(true);
  answers(new Failure('unavailable', 'no server'));
  tidings.repairs(['while none answers']);
  await new Promise(setImmediate);
  await expect(tidings.tell()).rejects.toThrow('no server');
  expect(heard).toEqual([]);
  answers(undefined);
  await tidings.tell();
  await tidings.tell();
  expect(heard).toEqual(['before the first connection', 'while none answers']);
});

test('what a server does not take holds up nothing, and of thousands only the first are kept', async () => {
  const { tidings, heard, linked, answers } = scene();
  answers(new Failure('invalid', 'too long'));
  tidings.trouble('refused');
  await new Promise(setImmediate);
  answers(undefined);
  linked(false);
  for (let i = 0; i < 3000; i += 1) tidings.trouble(`${i}`);
  linked(true);
  await tidings.tell();
  await expect.poll(() => heard.length).toBe(100);
  expect(heard[0]).toBe('0');
});
