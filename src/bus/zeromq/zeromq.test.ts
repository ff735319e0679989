import { describe } from 'vitest';
import { describeBus } from '../../../test/conformance/bus.ts';
import { silentLog } from '../../platform/platform.ts';
import { createZeroMqBus } from './zeromq.ts';

describe('ZeroMQ bus', () => describeBus(() => createZeroMqBus({ log: silentLog })));
