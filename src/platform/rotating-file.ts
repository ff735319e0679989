/** Lines in a file that does not grow for ever: `name`, and what was written before in `name.1`, `name.2`, the newest first. */
import { appendFileSync, existsSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';

export interface RotatingFileOptions {
  readonly path: string;
  /** A file is set aside before it grows beyond this. */
  readonly bytes: number;
  /** How many are kept besides the one that is written. */
  readonly kept: number;
}

export interface RotatingFile {
  /**
   * The line is with the kernel when this returns: it survives the process being killed, not the host losing power.
   * @throws the system's error; the line is not written then
   */
  append(line: string): void;
}

/** Only root can read it. */
export function rotatingFile({ path, bytes, kept }: RotatingFileOptions): RotatingFile {
  const setAside = () => {
    for (let number = kept; number > 0; number -= 1) {
      const newer = number === 1 ? path : `${path}.${number - 1}`;
      renameIfThere(newer, `${path}.${number}`);
    }
    if (kept === 0) rmSync(path, { force: true });
  };
  return {
    append(line) {
      const text = `${line}\n`;
      // Somebody may have taken it away, as logrotate does.
      let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (size > 0 && size + Buffer.byteLength(text) > bytes) {
        setAside();
        size = 0;
      }
      try {
        appendFileSync(path, text, { mode: 0o600 });
      } catch (error) {
        // A full disk took the first part of it, which the next line would be glued to.
        if (existsSync(path)) truncateSync(path, size);
        throw error;
      }
    },
  };
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
