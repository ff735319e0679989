/** `node:https`, as `http.ts` has `node:http`. */
export const { createServer: createHttpsServer } = process.getBuiltinModule('node:https');
