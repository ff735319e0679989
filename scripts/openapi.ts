/** Writes docs/openapi.json anew, after what the API offers has changed: `npm run -s openapi`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApi } from '../src/interfaces/api/document.ts';

await writeFile(join(import.meta.dirname, '../docs/openapi.json'), `${JSON.stringify(openApi(), null, 2)}\n`);
