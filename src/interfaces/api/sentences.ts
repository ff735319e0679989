/** The sentences of the document that describes the API. */
import type { Within } from '../../server/server.ts';
import type { Operation } from './operations.ts';

export const about = {
  summary: 'Containers on many hosts in one network',
  description: [
    'One path for each thing that can be asked: `POST /v1/NAME` with the parameters as the JSON body answers 200 with the result as the body.',
    'What only looks is asked by GET as well, with the parameters in the query; a list is repeated (`names=a&names=b`).',
    'Whatever fails is answered `{"error": {"code", "message"}}`, where the message is one sentence.',
    'Streams are server-sent events, bytes, or WebSockets with the subprotocol `trama.v1`.',
    'Times are milliseconds since 1970, sizes bytes, unless a name says otherwise.',
    'A server that is newer may answer more than is described here. See docs/api.md.',
  ].join('\n'),
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  overTls: 'A server that was started with --api-listen; with the key of a user.',
  onSocket:
    'On a host: the sockets /run/trama/agent.sock and /run/trama/server.sock. Who may open them is root, and is asked for no key.',
  userKey: 'What `trama user create` prints.',
  tags: {
    node: 'Hosts of the cluster',
    network: 'Networks',
    workload:
      'Containers: those that the cluster runs, and those that docker started on its networks; by NAME, id, or NODE/NAME',
    cluster: 'The cluster as a whole',
    user: 'People who control it from elsewhere',
    token: 'Rights to join',
    store: 'What the servers keep',
    agent: 'The host where it is asked',
  },
} as const;

export const sentences = {
  failures: {
    Invalid: 'The request is wrong, and asking again the same way fails again. The message names the parameter.',
    Unknown:
      "No key, or one that is nobody's, was removed or has expired. On the local socket nobody is asked for one.",
    Denied: 'The role of who asks does not reach so far, or it is outside the networks that the user is limited to.',
    Failed:
      'not-found 404, conflict 409, overloaded 429, internal 500, unavailable 503, deadline 504, exhausted 507. After 429, 503 and 504 trying later can help.',
  },
  idempotencyKey:
    'Any word of your own. The same request under the same key is done once, whichever server is asked, for at least five minutes; the second is answered as the first. With another body it is another request.',
  prefer:
    '`wait=SECONDS`: how long an answer, or the begin of a stream, is waited for: 30 unless told otherwise. After that it is 504.',
  lastEventId: 'The `id` of the event that was heard last: the stream goes on from there.',
  encoding: 'How output is written in events: as text, or as base64 of its bytes.',
  onHost: 'For root on a host, on the local socket alone.',
  limited: {
    open: undefined,
    filtered: 'Who is limited to networks is told of what is theirs.',
    container: 'Who is limited to networks may ask it of containers on these alone.',
    network: 'Who is limited to networks may ask it of these.',
    both: 'Who is limited to networks may ask it of these, and of containers on these alone.',
    run: 'Who is limited to networks may run containers on these alone.',
    never: 'It is not for those who are limited to networks.',
  } satisfies Record<Within, string | undefined>,
  events:
    'Events; the data of each is one value of JSON on one line. The last is `end`, with what it ended with, or `failure`.',
  webSocket:
    'A WebSocket. Each message is binary: a byte for the channel (0 stdin, 1 stdout, 2 stderr, 3 control, JSON), then what goes there.',
} as const;

export const ways: Readonly<Record<Operation['kind'], string>> = {
  look: '',
  change: '',
  events: 'By GET as server-sent events, or as a WebSocket.',
  download: 'By GET as the bytes of the answer, or as a WebSocket. An answer whose end is missing is not whole.',
  upload: 'By POST of the bytes, or as a WebSocket.',
  terminal: 'As a WebSocket. It ends with `{type: "end", result: {exitCode}}` on the control channel.',
};
