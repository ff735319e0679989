/**
 * The order of test files: those that take a minute or more first, the longest first of all, so that none of them is begun when all
 * others are done and the machine waits for it alone. A file that is not listed is as good as short.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const longest = [
  'e2e/plugin-kill',
  'e2e/remote',
  'e2e/lab-scenarios',
  'e2e/lan-dhcp',
  'e2e/cluster',
  'e2e/compose',
  'e2e/replicas',
  'e2e/lan',
  'e2e/boot',
  'kernel/server-on-etcd',
  'e2e/doctor',
  'e2e/names',
  'e2e/modes',
  'e2e/plain-containers',
  'e2e/store',
  'e2e/engines',
  'e2e/console',
  'e2e/users',
  'kernel/uplinks',
  'kernel/routed',
  'e2e/lan-only-interface',
  'kernel/lab-scenarios',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    // The sort keeps the order of equals.
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
