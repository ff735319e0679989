/**
 * `node web-socket-client.ts URL CA HEADER`: a shell in a container by way of the HTTP API, as somebody else's program would have it. Prints
 * what came: the output, and the last message of the control channel.
 */
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const [url = '', ca = '', header = ''] = process.argv.slice(2);
const [name = '', value = ''] = readFileSync(header, 'utf8').trim().split(/: /);
const socket = new WebSocket(url, ['trama.v1'], { ca: readFileSync(ca), headers: { [name]: value } });
const send = (channel: number, data: string) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)]));

let output = '';
let last = '';
let typed = false;
socket.on('open', () => send(3, JSON.stringify({ type: 'resize', columns: 101, rows: 31 })));
socket.on('message', (data: Buffer) => {
  const text = data.subarray(1).toString();
  if (data[0] === 3) last = text;
  else output += text;
  // A shell asks its terminal where it is, after its prompt.
  if (typed || !output.includes('# ')) return;
  typed = true;
  send(3, JSON.stringify({ type: 'resize', columns: 100, rows: 30 }));
  send(0, 'sleep 1; stty size; exit 42\n');
});
socket.on('close', (code) => {
  if (last !== '') process.stdout.write(JSON.stringify({ output, last: JSON.parse(last), code }));
});
socket.on('unexpected-response', (_, response) => {
  process.stdout.write(JSON.stringify({ status: response.statusCode }));
  socket.terminate();
});
socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
