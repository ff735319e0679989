/** Every driver, and what all of them need of a host. */
import { bridge } from './bridge/bridge.ts';
import type { DriverTable } from './drivers.ts';
import { overlay } from './overlay/overlay.ts';

export { base } from './segment/base.ts';

export const drivers: DriverTable = { overlay, bridge };
