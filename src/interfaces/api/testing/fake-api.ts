/** An Api that answers as a test says, and a client that asks over HTTP. */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Api, ByteStream, CallOptions } from '../../../protocol/protocol.ts';
import { streamPair } from '../../../protocol/protocol.ts';

export class FakeApi implements Api {
  readonly asked: { readonly method: string; readonly params: unknown; readonly options: CallOptions | undefined }[] =
    [];
  answer: (method: string, params: unknown) => unknown = () => ({});
  /** Is given our end of each stream. */
  serve: (near: ByteStream, method: string, params: unknown) => unknown = (near) => near.end({});

  async call(method: string, params: unknown, options?: CallOptions): Promise<unknown> {
    this.asked.push({ method, params, options });
    return this.answer(method, params);
  }

  async open(method: string, params: unknown, options?: CallOptions): Promise<ByteStream> {
    this.asked.push({ method, params, options });
    const [near, far] = streamPair();
    near.result.catch(() => {});
    void this.serve(near, method, params);
    return far;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

type Asking = RequestOptions & { readonly body?: string; readonly ca?: string; readonly servername?: string };

/** The response as it begins; its body is the caller's. */
export function begin(path: string, { body, ...options }: Asking): Promise<IncomingMessage> {
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  return new Promise((resolve, reject) => {
    const ask = options.ca === undefined ? request : secureRequest;
    const asking = ask({ ...options, method, path, agent: false }, resolve);
    asking.on('error', reject);
    // A request that is to become something else answers so when it does not.
    asking.end(body);
  });
}

export async function ask(path: string, options: Asking): Promise<Answer> {
  const response = await begin(path, options);
  let text = '';
  for await (const part of response) text += part;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

export interface Told {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}

/** Server-sent events of a whole text. */
export function eventsOf(text: string): Told[] {
  return text.split('\n\n').flatMap((block) => {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const data = fields.get('data');
    if (data === undefined) return [];
    const id = fields.get('id');
    return [{ event: fields.get('event') ?? 'message', ...(id === undefined ? {} : { id }), data: JSON.parse(data) }];
  });
}
