/**
 * Streams as server-sent events (WHATWG HTML, 9.2). The data of each event is one value of JSON on one line:
 *
 *     event: stdout | stderr     a piece of the output, as a string; with ?encoding=base64 its bytes
 *     event: position            where a followed log is; its `id` is what Last-Event-ID goes on from
 *     event: message             (the default) a line of cluster.watch or cluster.events
 *     event: progress            a sentence
 *     event: end                 what the stream ended with; nothing follows
 *     event: failure             {code, message}; nothing follows
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { Failure, quoted, toFailure } from '../../domain/domain.ts';
import type { Log } from '../../platform/platform.ts';
import {
  type Api,
  type ByteStream,
  channels,
  type LogPosition,
  readControl,
  type StreamChunk,
} from '../../protocol/protocol.ts';
import { parseOpen } from '../local/requests.ts';
import { waitOf } from './body.ts';
import type { Operation, OperationName } from './operations.ts';
import { Outlet } from './outlet.ts';
import { readQuery } from './query.ts';
import { asFailure } from './replies.ts';

/** A sign of life for whatever lies between, while nothing happens. Milliseconds. */
const aliveMs = 15_000;
/** After which a reader whose connection was lost asks again. */
const retryMs = 2000;
/** What came so much before the last event that was heard is told again: nodes' clocks differ. Milliseconds. */
const overlapMs = 5000;

interface Exchange {
  readonly name: OperationName;
  readonly query: URLSearchParams;
  readonly api: Api;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly log: Log;
}

/** @throws Failure when it cannot begin */
export async function sendEvents(exchange: Exchange, operation: Operation): Promise<void> {
  const { name, query, api, request, response, log } = exchange;
  const lines = operation.kind === 'events' && operation.lines;
  const encoding = lines ? 'utf8' : encodingOf(query);
  const place = resumedFrom(name, request.headers['last-event-id']);
  const params = { ...readQuery(name, query), ...place.params };
  const {
    method,
    params: parsed,
    ...rest
  } = parseOpen({
    ...waitOf(request),
    ...{ method: name, params: name === 'workload.logs' ? withPositions(params) : params },
  });
  const stream = await api.open(method, parsed, rest);
  const outlet = new Outlet(response, stream, {
    'content-type': 'text/event-stream',
    // Proxies that gather what they pass on do not gather this.
    'x-accel-buffering': 'no',
  });
  const writer = new EventWriter(outlet);
  const alive = setInterval(() => outlet.whenIdle(':\n\n'), aliveMs);
  try {
    await outlet.write(`retry: ${retryMs}\n\n`);
    await (lines ? carryLines(stream, writer, place.last) : carryOutput(stream, writer, encoding, place.after));
    await writer.tell('end', (await stream.result) ?? {});
  } catch (error) {
    stream.reset(toFailure(error));
    const { code, message } = asFailure(log, error);
    await writer.tell('failure', { code, message });
  } finally {
    clearInterval(alive);
    outlet.end();
  }
}

class EventWriter {
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Resolves when more can be taken. */
  tell(event: string, data: unknown, id?: string): Promise<void> {
    return this.raw(`event: ${event}\n`, JSON.stringify(data), id);
  }

  /** @param json without a line's end. */
  raw(head: string, json: string, id?: string): Promise<void> {
    // An id is of a node's words: nothing of it may be taken for a line of ours.
    const named = id !== undefined && /^[\x20-\x7e]+$/.test(id) ? `id: ${id}\n` : '';
    return this.#outlet.write(`${head}${named}data: ${json}\n\n`);
  }
}

// -- output of a container

type Encoding = 'utf8' | 'base64';

function encodingOf(query: URLSearchParams): Encoding {
  const text = query.get('encoding') ?? 'utf8';
  query.delete('encoding');
  if (text === 'utf8' || text === 'base64') return text;
  throw new Failure('invalid', `encoding is ${quoted(text)}, and there are utf8 and base64`);
}

/** Asked for where one may have to go on. */
const withPositions = (params: Record<string, unknown>) =>
  params.follow === true || params.after !== undefined ? { ...params, positions: true } : params;

async function carryOutput(
  stream: ByteStream,
  writer: EventWriter,
  encoding: Encoding,
  after: LogPosition | undefined,
): Promise<void> {
  const texts = { stdout: new Decoder(encoding), stderr: new Decoder(encoding) };
  let confirmed = after === undefined;
  for await (const chunk of stream) {
    const name = chunk.channel === channels.stderr ? 'stderr' : 'stdout';
    const control = chunk.channel === channels.control ? readControl(chunk.data) : undefined;
    if (control?.type === 'position') {
      const { at, count } = control;
      if (!confirmed && (at !== after?.at || count !== after.count)) throw tooOld;
      confirmed = true;
      await writer.tell('position', { at, count }, `${at}/${count}`);
    } else if (!confirmed) throw tooOld;
    else if (control?.type === 'progress') await writer.tell('progress', control.message);
    else if (chunk.channel !== channels.control) {
      const text = texts[name].push(chunk);
      if (text !== '') await writer.tell(name, text);
    }
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const rest = texts[name].rest();
    if (rest !== '') await writer.tell(name, rest);
  }
}

const tooOld = new Failure(
  'invalid',
  'the log cannot be gone on with from there: its node, or the server between, is too old for that; ask for it anew',
);

/** Of one channel: a character may come in two pieces. */
class Decoder {
  readonly #utf8: StringDecoder | undefined;

  constructor(encoding: Encoding) {
    this.#utf8 = encoding === 'utf8' ? new StringDecoder('utf8') : undefined;
  }

  push({ data }: StreamChunk): string {
    return this.#utf8?.write(data) ?? Buffer.from(data).toString('base64');
  }

  rest(): string {
    return this.#utf8?.end() ?? '';
  }
}

// -- lines of JSON

/** @param last the event that was heard last: it is not told again */
async function carryLines(stream: ByteStream, writer: EventWriter, last: string | undefined): Promise<void> {
  const text = new StringDecoder('utf8');
  let rest = '';
  for await (const { channel, data } of stream) {
    if (channel !== channels.stdout) continue;
    const parts = (rest + text.write(data)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const id = eventId(line);
      if (id === undefined || id !== last) await writer.raw('', line, id);
    }
  }
}

/** Of an event: with its time, so that one can go on from there. */
function eventId(line: string): string | undefined {
  const { id, time } = JSON.parse(line) as { readonly id?: unknown; readonly time?: unknown };
  return typeof id === 'string' && typeof time === 'number' ? `${time}/${id}` : undefined;
}

// -- going on

interface Place {
  readonly params: Readonly<Record<string, unknown>>;
  readonly after?: LogPosition;
  readonly last?: string;
}

/** What Last-Event-ID means for a stream; those that begin anew each time pass over it. @throws Failure `invalid` */
function resumedFrom(name: OperationName, header: string | string[] | undefined): Place {
  const id = String(header ?? '');
  if (id === '' || (name !== 'workload.logs' && name !== 'cluster.events')) return { params: {} };
  if (name === 'workload.logs') {
    const [, at = '', count = ''] = /^([0-9T:.Z+-]{20,40})\/([1-9][0-9]{0,9})$/.exec(id) ?? [];
    const after = { at, count: Number(count) };
    if (at !== '') return { params: { after }, after };
  } else {
    const [, time] = /^(\d{1,15})(?:\.\d+)?\//.exec(id) ?? [];
    if (time !== undefined) return { params: { since: Math.max(0, Number(time) - overlapMs) }, last: id };
  }
  throw new Failure(
    'invalid',
    `${quoted(id.slice(0, 60))} is not a Last-Event-ID of ${name}: leave it out to begin anew`,
  );
}
