/** Every driver, and what all of them need of a host. */
import { bridge } from './bridge/bridge.ts';
import type { DriverTable } from './drivers.ts';
import { lan } from './lan/lan.ts';
import { overlay } from './overlay/overlay.ts';
import { routed } from './routed/routed.ts';

export { base } from './segment/base.ts';
export { droppingFilters } from './segment/filters.ts';

export const drivers: DriverTable = { overlay, routed, lan, bridge };
