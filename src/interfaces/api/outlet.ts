/** A response that a stream flows into, no faster than it is read. */
import type { ServerResponse } from 'node:http';
import { Failure } from '../../domain/errors.ts';
import type { ByteStream } from '../../protocol/api.ts';

/**
 * INVARIANTS
 *   - What was written and not taken by the socket is at most one piece above the socket's mark: each `write` waits for it.
 *   - When the reader goes away the stream is reset, so that its source stops.
 */
export class Outlet {
  readonly #response: ServerResponse;
  readonly #left: () => void;
  #over = false;

  constructor(response: ServerResponse, stream: ByteStream, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    this.#left = () => {
      if (!this.#over) stream.reset(new Failure('unavailable', 'the reader of the stream went away'));
    };
    // While the stream was opened, perhaps.
    if (response.destroyed) this.#left();
    response.on('close', this.#left);
    // 'close' follows, and tells.
    response.on('error', () => {});
    response.writeHead(200, { 'cache-control': 'no-store', ...headers });
  }

  async write(data: string | Uint8Array): Promise<void> {
    const response = this.#response;
    // 'close' comes later, and never to a loop that goes on writing.
    if (response.destroyed || response.socket?.destroyed) return this.#left();
    if (response.write(data)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  }

  /** Not to what is behind with reading anyway. */
  whenIdle(data: string): void {
    if (!this.#response.destroyed && this.#response.writableLength === 0) this.#response.write(data);
  }

  end(): void {
    this.#over = true;
    this.#response.end();
  }

  /** Its end is missing: whoever reads knows that it is not whole. */
  cut(): void {
    this.#over = true;
    this.#response.destroy();
  }
}
