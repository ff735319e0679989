import { expect, test } from 'vitest';
import { modelFrom } from '../topology/testing/models.ts';
import { scripts } from './script.ts';

test('the name of a file is no command, whatever is in it', () => {
  const model = modelFrom('name: x\ntopology: {nodes: {h: {kind: host}}}');
  const { 'network_setup.sh': setup, 'network_delete.sh': removal } = scripts(model, 'my\ntouch /tmp/x\r\n.yaml');
  for (const text of [setup, removal]) {
    const lines = text.split(/[\r\n]/).filter((line) => line.includes('touch'));
    expect(lines).toEqual([expect.stringMatching(/^# .*`trama lab up my touch \/tmp\/x \.yaml`/)]);
  }
});
