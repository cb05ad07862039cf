import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { nodeForOthers } from './node-for-others.js';

const ASK = `const [, socketPath, path, body] = process.argv;
  const call = require('http').request({ socketPath, method: 'POST', path }, (answer) => {
    let text = ''; answer.on('data', (c) => (text += c)); answer.on('end', () => console.log(answer.statusCode + ' ' + text)); });
  call.end(body);`;

/** What a control socket answers to a request that a process of the user `uid` makes; its folders must let that user in. */
export async function askAs(
  uid: number,
  socket: string,
  route: string,
  body = '',
): Promise<{ code: number; body: Record<string, unknown> }> {
  const child = spawn(nodeForOthers(), ['-e', ASK, socket, route, body], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    uid,
    gid: process.getgid!(),
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const [, code, answer] = /^(\d+) (.*)/.exec(said)!;
  return { code: Number(code), body: JSON.parse(answer!) };
}
