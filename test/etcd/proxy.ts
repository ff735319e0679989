/** A TCP proxy on 127.0.0.1 that can lose what is answered, and cut. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { MemberAddress } from '../../src/store/etcd/grpc.ts';

export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #answers = true;
  #open = true;

  private constructor(target: MemberAddress) {
    this.#server = createServer((near) => {
      if (!this.#open) return void near.destroy();
      const far = connect(target);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.once('close', () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far);
      far.on('data', (data) => this.#answers && near.write(data));
    });
  }

  static async start(target: MemberAddress): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done));
    return proxy;
  }

  get address(): MemberAddress {
    return { host: '127.0.0.1', port: (this.#server.address() as { port: number }).port };
  }

  /** From now on requests arrive, and answers do not. */
  swallowAnswers(): void {
    this.#answers = false;
  }

  /** Breaks what is connected, and refuses what comes. */
  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#open = true;
    this.#answers = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }
}
