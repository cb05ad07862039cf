import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Sets the wall clock by so many seconds, as a time server or a hand does. */
export function jumpClock(seconds: number): void {
  execFileSync('date', ['-s', `@${Math.round(Date.now() / 1000) + seconds}`], { stdio: 'ignore' });
}

const RTC = '/sys/class/rtc/rtc0';
const SLEEP_S = 2;

/** Suspends the machine to memory until its clock's alarm wakes it. Fails where it did not sleep. */
export async function sleepToMemory(): Promise<void> {
  const slept = () => Number(readFileSync('/sys/power/suspend_stats/success', 'utf8'));
  const before = slept();
  writeFileSync(`${RTC}/wakealarm`, '0');
  writeFileSync(`${RTC}/wakealarm`, `+${SLEEP_S}`);
  writeFileSync('/sys/power/state', 'mem');
  if (slept() !== before + 1) throw new Error('the virtual Pi did not sleep');
}

const PAUSE_MS = 3_000;

/** Asks the host, on the serial line, to stop the machine's processors for a while, as a host does that sleeps. */
export async function standStill(): Promise<void> {
  // Nobody else moves the machine's own clock, which continues while its processors stand.
  const rtc = () => Number(readFileSync(`${RTC}/since_epoch`, 'utf8'));
  const [fromS, fromMs] = [rtc(), performance.now()];
  const stoodMs = () => (rtc() - fromS) * 1000 - (performance.now() - fromMs);
  writeFileSync('/dev/ttyS0', `\nvirtual Pi: pause ${PAUSE_MS} ms\n`);
  while (stoodMs() < PAUSE_MS / 2) {
    if (performance.now() - fromMs > 20_000) throw new Error('the virtual Pi was not stopped');
    await delay(20);
  }
}
