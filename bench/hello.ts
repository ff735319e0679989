/** A web server that costs little: a small page on port 80, and the end of the connection when that is asked for. */
import { createServer } from 'node:net';

const end = '\r\n\r\n';
const page = (connection: string) =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: ${connection}${end}hello\n`);
const [kept, last] = [page('keep-alive'), page('close')];

createServer({ noDelay: true }, (socket) => {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end)) {
      if (/\nConnection: close/i.test(text.slice(0, at + 2))) return void socket.end(last);
      socket.write(kept);
      text = text.slice(at + end.length);
    }
  });
}).listen(80, '0.0.0.0', 511);
