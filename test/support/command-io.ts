import { Writable } from 'node:stream';
import type { CommandIo } from '../../src/console/io.js';

/** A command's surroundings that keep what is written to them. */
export function captureIo(): CommandIo & { readonly out: () => string; readonly err: () => string } {
  const stdout = collector();
  const stderr = collector();
  return {
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: {},
    signal: new AbortController().signal,
    out: stdout.text,
    err: stderr.text,
  };
}

function collector(): { readonly stream: Writable; readonly text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}
