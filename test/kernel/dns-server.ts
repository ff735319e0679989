/**
 * Answers names of the tests' zone at the addresses in argv, port 53, in the network namespace that it is started in.
 * Prints a line for each trouble, and one when it has begun.
 */
import { createNameServer } from '../../src/dns/name-server.ts';
import { fakeZone } from '../../src/dns/testing/zone.ts';
import { silentLog, systemClock } from '../../src/platform/platform.ts';

const onTrouble = (message: string) => console.log(message);
const server = createNameServer({ zone: fakeZone(), clock: systemClock, log: silentLog, onTrouble });
server.listen(new Set(process.argv.slice(2)));
console.log('begun');
