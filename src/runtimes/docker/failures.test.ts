import { expect, test } from 'vitest';
import { connectionFailure, pullFailure, refusal } from './failures.ts';

test.each([
  [
    409,
    'Conflict. The container name "/web" is already in use by container "50c9". You have to remove (or rename) that container to be able to reuse that name.',
    'conflict',
    'Another container on this host is called web; remove it with "docker rm web" or choose another name.',
  ],
  [
    409,
    'cannot join network of a non running container: 0123456789abcdef0123456789abcdef',
    'unavailable',
    'Docker could not start web: the container that it joins (0123456789ab) is not running; start that one first.',
  ],
  [404, 'network app not found', 'not-found', 'Docker could not start web: it has no network app.'],
  [
    404,
    'No such image: nope:latest',
    'not-found',
    'There is no image nope:latest on this host; check its name, or pull it first.',
  ],
  [404, 'No such container: web', 'not-found', 'Docker could not start web: No such container: web.'],
  [
    400,
    'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
    'invalid',
    'Docker could not start web: the image has no executable nope; check the command.',
  ],
  [
    500,
    'driver failed programming external connectivity on endpoint web (15bc): Bind for 0.0.0.0:8080 failed: port is already allocated',
    'conflict',
    'Docker could not start web: 0.0.0.0:8080 is in use on this host; stop what uses it or publish another port.',
  ],
  [
    500,
    'failed to create endpoint web on network app: remote: The network app has no free address left.',
    'unavailable',
    'Docker could not start web: The network app has no free address left.',
  ],
  [
    404,
    'plugin "trama" not found',
    'unavailable',
    'Docker could not start web: its network plugin "trama" does not answer; check that the agent runs on this host.',
  ],
  [
    500,
    'failed to register layer: write /bin/x: no space left on device',
    'exhausted',
    'Docker could not start web: the disk is full (failed to register layer: write /bin/x: no space left on device); free space, for instance with "docker system prune".',
  ],
  [500, 'something odd', 'internal', 'Docker could not start web: something odd.'],
])('%i %s', (status, text, code, message) => {
  const failure = refusal(status, text, 'start web');
  expect(failure.code).toBe(code);
  expect(failure.message).toBe(message);
});

test.each([
  [
    "pull access denied for foo/bar, repository does not exist or may require 'docker login'",
    'not-found',
    /No such image/,
  ],
  ['manifest for alpine:9 not found: manifest unknown: manifest unknown', 'not-found', /check its name and tag/],
  ['unauthorized: authentication required', 'denied', /"docker login" on it first/],
  [
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.1:53: connect: network is unreachable',
    'unavailable',
    /cannot be reached from this host/,
  ],
  ['Get "https://10.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client', 'unavailable', /insecure-reg/],
  ['Get "https://r.example/v2/": x509: certificate signed by unknown authority', 'unavailable', /certs\.d/],
  ['toomanyrequests: You have reached your pull rate limit.', 'overloaded', /wait, or "docker login"/],
  ['write /var/lib/docker/tmp/x: no space left on device', 'exhausted', /disk is full/],
])('a pull fails with %s', (text, code, sentence) => {
  const failure = pullFailure('foo/bar:1', text);
  expect(failure.code).toBe(code);
  expect(failure.message).toMatch(sentence);
});

test.each([
  ['ENOENT', 'unavailable', /^Docker is not installed or not running on this host: there is no \/x\.sock; install it/],
  ['ECONNREFUSED', 'unavailable', /^Docker is not running on this host: nobody answers/],
  ['EACCES', 'denied', /member of the group docker/],
  ['ECONNRESET', 'unavailable', /broke off the connection/],
])('%s of the socket', (code, meaning, sentence) => {
  const failure = connectionFailure(Object.assign(new Error('it failed'), { code }), '/x.sock');
  expect(failure.code).toBe(meaning);
  expect(failure.message).toMatch(sentence);
});
