/**
 * `node:http` without what an import statement brings along: an import reads every export, and reading `WebSocket`
 * loads all of undici, 14 MB and 18 ms.
 */
export const { createServer, request, Agent: HttpAgent, ServerResponse } = process.getBuiltinModule('node:http');
