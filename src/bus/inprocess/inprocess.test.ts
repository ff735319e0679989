import { describe } from 'vitest';
import { describeBus } from '../../../test/conformance/bus.ts';
import { createInProcessBus } from './inprocess.ts';

describe('in-process bus', () => describeBus(() => createInProcessBus()));
