#!/usr/bin/env node
import { journalPriority } from './adapters/log/journal-priority.js';
import { COMMANDS } from './cli/commands.js';
import type { CommandIo } from './console/io.js';
import { packageVersion } from './console/package-version.js';
import { EXIT, messageOf, RedbuttonError } from './core/errors.js';
import { nearest } from './core/nearest.js';

/** argv to command, signals, exit code; nothing else. */
async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...args] = argv;
  if (name === '--version' || name === '-v') {
    io.stdout.write(`redbutton ${packageVersion()}\n`);
    return EXIT.fine;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout.write(await usage());
    return name === undefined ? EXIT.badInput : EXIT.fine;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const near = nearest(name, Object.keys(COMMANDS));
    const meant = near === undefined ? '' : `did you mean ${near}? `;
    sayFatal(`redbutton: there is no command "${name}"; ${meant}see redbutton --help\n`);
    return EXIT.badInput;
  }
  const { command } = await load();
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(command.help);
    return EXIT.fine;
  }
  return command.run(args, io);
}

async function usage(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command));
  const width = Math.max(...commands.map((command) => command.name.length));
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return `redbutton: a trading appliance that you can stop with your hand

Usage: redbutton COMMAND [OPTION ...]

${lines.join('\n')}

redbutton COMMAND --help explains each. Exit codes: 0 fine, 1 failed, 2 wrong
usage or bad input.
`;
}

const atPriority = journalPriority(2, process.env);
/** The last words of a command, a warning for the journal. */
const sayFatal = (text: string) => void process.stderr.write(atPriority('error', text));
// Node prints the stack of what nobody caught by itself, as lines without a priority.
process.on('uncaughtExceptionMonitor', (error: unknown) => {
  if (atPriority('fatal', 'x') !== 'x')
    process.stderr.write(atPriority('fatal', `redbutton: crashed: ${messageOf(error)}\n`));
});

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // The first signal asks the command to stop cleanly; the second ends it as the system would.
  process.once(name, () => stop.abort(new Error(name)));
}
// A reader that goes away (`redbutton … | head`) ends the command quietly, as it does any other tool.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.failed),
);

const io: CommandIo = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: stop.signal,
};
main(process.argv.slice(2), io).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof RedbuttonError) {
      sayFatal(`redbutton: ${error.message}\n  Remedy: ${error.remedy}\n`);
      process.exitCode = error.exitCode;
    } else {
      const trace = process.env.REDBUTTON_TRACE && error instanceof Error ? `\n${error.stack}` : '';
      sayFatal(`redbutton: failed in a way it should not: ${messageOf(error)}${trace}\n`);
      process.exitCode = EXIT.failed;
    }
  },
);
