import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cells } from '../../cli/text.ts';
import { pictureOf } from '../testing/picture.ts';
import { cluster, keys, Scene } from '../testing/scene.ts';
import { screenOf } from './screen.ts';

const screens = {
  overview: '',
  launch: `1${keys.down}${keys.enter}nginx`,
  destroy: `2${keys.enter}`,
  'take-out': `4${keys.enter}h`,
  node: '4i',
  network: ':networks\ri',
  container: ':containers\r/web\r\r',
  help: '?',
  palette: ':n',
} as const;

describe('golden screens', () => {
  for (const language of ['en', 'es'] as const) {
    for (const [columns, rows] of [
      [80, 24],
      [200, 50],
    ] as const) {
      test.each(Object.entries(screens))(`%s in ${language} at ${columns}×${rows}`, async (name, typed) => {
        const scene = new Scene({ language, columns, rows }).type(typed);
        const golden = `../../../../test/golden/console/${name}-${language}-${columns}x${rows}.txt`;
        await expect(scene.screen()).toMatchFileSnapshot(golden);
      });
    }
  }

  test.each([
    ['en', 80, 24],
    ['es', 80, 24],
    ['en', 200, 50],
    ['es', 200, 50],
  ] as const)('what a container uses, in %s at %s×%s', async (language, columns, rows) => {
    const scene = new Scene({ language, columns, rows }).type(screens.container);
    for (let beat = 0; beat < 70; beat += 1) {
      const load = (Math.sin(beat / 4) + 1) / 2;
      const stats = {
        ...{ name: 'web', node: 'h1', containerId: 'f'.repeat(64), time: 2000 * beat, cpu: 1.3 * load, pids: 3 },
        ...{ memory: { used: (200 + 3 * beat) * 2 ** 20, limit: 2 ** 30 }, block: { read: 0, written: 0 } },
        network: { received: beat ** 2 * 9e4, sent: beat * 3e5 },
      };
      scene.happen({ kind: 'use', id: 'h1/web', stats });
    }
    const golden = `../../../../test/golden/console/use-${language}-${columns}x${rows}.txt`;
    await expect(scene.screen()).toMatchFileSnapshot(golden);
  });

  test.each([
    ['en', 80, 24],
    ['es', 80, 24],
    ['en', 200, 50],
    ['es', 200, 50],
  ] as const)('images to choose, in %s at %s×%s', async (language, columns, rows) => {
    const scene = new Scene({ language, columns, rows }).type(`1${keys.enter}`);
    const images = [
      { name: 'nginx:1.27', nodes: ['h1', 'h2'] },
      { name: 'postgres:17', nodes: ['h2'] },
    ];
    scene.happen({ kind: 'images', images }).type('10.0.0.9:5000/');
    const names = ['team/api:1', 'team/api:2', 'team/web:1'].map((name) => `10.0.0.9:5000/${name}`);
    const known = { state: 'known', names, why: '' } as const;
    scene.happen({ kind: 'registry', registry: '10.0.0.9:5000', node: '', known }).type(keys.down + keys.down);
    const golden = `../../../../test/golden/console/images-${language}-${columns}x${rows}.txt`;
    await expect(scene.screen()).toMatchFileSnapshot(golden);
  });

  test.each(['en', 'es'] as const)('the picture in the documents, %s', async (language) => {
    const scene = new Scene({ language, columns: 110, rows: 28 });
    for (let beat = 0; beat < 40; beat += 1) {
      const nodes = cluster.nodes.map((each) => {
        const load = (Math.sin(beat / 3 + each.name.length + (each.cpu ?? 0) * 9) + 1) / 3;
        const traffic = { received: load * 9e6, sent: load * 4e6 };
        return each.cpu === null ? each : { ...each, cpu: (each.cpu + load) / 2, traffic };
      });
      scene.happen({ kind: 'data', data: { nodes } });
    }
    const picture = pictureOf(screenOf(scene.state), 'trama console');
    await expect(picture).toMatchFileSnapshot(`../../../../docs/images/console-${language}.svg`);
  });

  test('in letters of ASCII alone', async () => {
    const scene = new Scene({ unicode: false });
    await expect(scene.screen()).toMatchFileSnapshot('../../../../test/golden/console/overview-ascii.txt');
    expect(scene.screen()).not.toMatch(/[▁-█░↑↓▸─]/);
  });
});

test('at any size, after any keys, it is exactly as large as the terminal', () => {
  const typed = fc.array(
    fc.constantFrom(...Object.values(keys), ...'12345:?/iolprsSnNwtfgG tm', 'web', 'nodes\r', '\x1b[<0;9;5M'),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 250 }), fc.integer({ min: 3, max: 70 }), typed, (columns, rows, all) => {
      const scene = new Scene().type(all.join('')).happen({ kind: 'resize', columns, rows });
      const lines = scene.lines();
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(cells(line)).toBe(columns);
    }),
    { numRuns: 150 },
  );
});
