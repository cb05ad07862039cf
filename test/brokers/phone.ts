import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Mosquitto } from './mosquitto.js';

export interface Received {
  readonly topic: string;
  readonly retained: boolean;
  readonly payload: string;
  /** Monotonic milliseconds of this process at which the line arrived. */
  readonly atMs: number;
}

/** `mosquitto_sub` in the part of the phone: it reconnects by itself, and is started again should it give up. */
export interface Phone {
  readonly received: Received[];
  /** Resolves to the first message, of those already here and those to come, that fits; rejects after `ms`. */
  until(fits: (message: Received) => boolean, ms?: number): Promise<Received>;
  stop(): Promise<void>;
}

export async function startPhone(
  broker: Mosquitto,
  topics: readonly string[],
  user?: readonly [name: string, password: string],
): Promise<Phone> {
  const args = ['-V', '5', '-h', 'localhost', '-p', String(broker.port), '-q', '1', '-k', '5'];
  // A session that outlives its connection, as a phone app keeps one.
  args.push('-c', '-x', '3600', '-i', `phone-${process.pid}-${Math.random().toString(36).slice(2)}`);
  args.push('-F', '%r %t %p');
  for (const topic of [...topics, 'phone/ready']) args.push('-t', topic);
  if (user !== undefined) args.push('-u', user[0], '-P', user[1]);
  if (broker.url.startsWith('mqtts')) args.push('--cafile', broker.caFile);
  const received: Received[] = [];
  let waiters: { fits: (message: Received) => boolean; resolve: (message: Received) => void }[] = [];
  let stopping = false;
  let child: ChildProcess;
  let gone: Promise<unknown>;
  const launch = () => {
    const launched = spawn('mosquitto_sub', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child = launched;
    gone = new Promise((resolve) => launched.once('exit', resolve));
    createInterface({ input: launched.stdout }).on('line', take);
    // mosquitto_sub reconnects by itself after most losses, but gives up after some TLS errors.
    void gone.then(() => delay(100)).then(() => stopping || launch());
  };
  const take = (line: string) => {
    const [flag, topic, ...rest] = line.split(' ');
    const message = {
      topic: topic!,
      retained: flag === '1',
      payload: rest.join(' '),
      atMs: performance.now(),
    };
    received.push(message);
    waiters = waiters.filter((waiter) => {
      if (!waiter.fits(message)) return true;
      waiter.resolve(message);
      return false;
    });
  };
  launch();
  const phone: Phone = {
    received,
    until(fits, ms = 10_000) {
      const already = received.find(fits);
      if (already !== undefined) return Promise.resolve(already);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no fitting message within ${ms} ms`)), ms);
        waiters.push({
          fits,
          resolve(message) {
            clearTimeout(timer);
            resolve(message);
          },
        });
      });
    },
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      // One that is just trying to reconnect does not hear that.
      const patience = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await gone;
      clearTimeout(patience);
    },
  };
  // Subscribed once its own word comes back to it.
  for (let tries = 0; tries < 100; tries++) {
    await say(broker, 'phone/ready', 'ready', [], user);
    const ready = await Promise.race([
      phone.until((m) => m.topic === 'phone/ready').then(() => true),
      delay(200, false),
    ]);
    if (ready) return phone;
  }
  throw new Error('mosquitto_sub did not subscribe');
}

/** Publishes one message with `mosquitto_pub`; more arguments (as `-r`) may be given. */
export async function say(
  broker: Mosquitto,
  topic: string,
  payload: string,
  more: readonly string[] = [],
  user?: readonly [name: string, password: string],
): Promise<void> {
  const args = ['-V', '5', '-h', 'localhost', '-p', String(broker.port), '-q', '1', '-t', topic, ...more];
  if (user !== undefined) args.push('-u', user[0], '-P', user[1]);
  if (broker.url.startsWith('mqtts')) args.push('--cafile', broker.caFile);
  const child = spawn('mosquitto_pub', [...args, payload === '' ? '-n' : '-s'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It may end before it has read all of it, over a wrong password as over a broker that is gone.
  child.stdin.on('error', () => undefined);
  child.stdin.end(payload);
  await new Promise((resolve) => child.once('exit', resolve));
}
