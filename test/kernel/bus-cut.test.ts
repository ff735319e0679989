/** What the bus does when packets stop coming, without a word from anybody. */
import { expect, test } from 'vitest';
import { busProcess } from '../conformance/bus-process.ts';
import { testHost } from './fixture.ts';

test('connections over which packets do not come any more are given up within 10 s, also those on which nobody speaks', {
  timeout: 40_000,
}, async () => {
  await using host = await testHost();
  const lines = `
    const { execFileSync } = await import('node:child_process');
    await client.call('ask', {});
    const { requests, feed } = server.ports;
    const open = () => execFileSync('ss', ['-tnH', 'state', 'established', '( dport = :' + requests + ' or dport = :' + feed + ' )'], { encoding: 'utf8' })
      .split('\\n').filter(Boolean).length;
    console.log(open() + ' connections');
    execFileSync('nft', ['-f', '-'], { input:
      'table inet cut { chain input { type filter hook input priority 0; tcp dport { ' + requests + ', ' + feed + ' } drop; tcp sport { ' + requests + ', ' + feed + ' } drop; }\\n}\\n' });
    const began = performance.now();
    while (open() > 0 && performance.now() - began < 25_000) await new Promise((resolve) => setTimeout(resolve, 200));
    const seconds = (performance.now() - began) / 1000;
    console.log(seconds < 12 ? 'in time' : 'after ' + seconds.toFixed(1) + ' s');
    // The kernel knows a moment before the client.
    while (client.state === 'ready' && performance.now() - began < 25_000) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(client.state);
    execFileSync('nft', ['delete', 'table', 'inet', 'cut']);
    console.log(await client.call('ask', {}, { deadlineMs: 10_000 }));
  `;
  const run = await busProcess(lines, 38_000, host.spawn);
  expect(run).toMatchObject({ code: 0, stderr: '', stdout: '2 connections\nin time\nconnecting\nanswer\n' });
});
