import { Failure } from '../../domain/domain.ts';

/** Longest line that is accepted, in bytes; an event with many labels is some KB. */
const lineLimit = 1024 * 1024;

/** Values of a stream of JSON texts that end with newlines. @throws Failure when a line is too long or no JSON. */
export async function* jsonLines(source: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(parts).toString().trim();
      parts = [];
      size = 0;
      if (line !== '') yield parsed(line);
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > lineLimit) throw new Failure('internal', `Docker sent a line longer than ${lineLimit} bytes.`);
    if (rest.length > 0) parts.push(rest);
  }
  const last = Buffer.concat(parts).toString().trim();
  if (last !== '') yield parsed(last);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Failure('internal', `Docker sent a line that is not JSON: ${line.slice(0, 80)}`, { cause: error });
  }
}
