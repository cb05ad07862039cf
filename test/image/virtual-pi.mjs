// The image under QEMU's arm64 "virt" machine: its own root, kernel and ramdisk, 1 GB and two cores as the smallest Pi, and
// the kernel's gpio-sim as the Pi's pins. Nothing is put into the image for that: the one unit it takes comes as a system
// credential on the kernel's command line (systemd.system-credentials(7), systemd.extra-unit.*). Through it the host runs
// commands in the guest, over a virtual console.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { firmware } from './card.mjs';

const UNIT = `[Unit]
DefaultDependencies=no
Requires=dev-hvc0.device
After=dev-hvc0.device
Before=redbutton-guard.service redbutton-settings-fault.service
[Service]
Type=exec
ExecStartPre=/bin/sh -c 'modprobe -a configfs gpio-sim;c=/sys/kernel/config;mountpoint -q $$c||mount -t configfs c $$c;d=$$c/gpio-sim/pi;mkdir -p $$d/bank0;echo 54 >$$d/bank0/num_lines;echo pinctrl-bcm2711 >$$d/bank0/label;echo 1 >$$d/live'
ExecStart=/bin/sh -c 'exec <>/dev/hvc0 >&0;stty raw -echo;while read -r l;do (eval "$$l");done'
StandardError=null
Restart=always
`;

const PINS = '/sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio';

/**
 * Starts a guest from what `card` holds. `forwards` are host ports by guest port. The guest's serial console is kept in
 * `said`; `tryboot` carries over whether the restart before asked for it, as the firmware's own register does.
 */
export async function startPi({
  card,
  dir,
  forwards = {},
  tryboot = false,
  memoryMb = 1024,
  onLine = () => {},
}) {
  const boot = firmware(card, dir, tryboot);
  const agentPath = path.join(dir, 'agent.sock');
  rmSync(agentPath, { force: true });
  const server = createServer();
  server.listen(agentPath);
  await once(server, 'listening');
  const hostForwards = Object.entries(forwards).map(
    ([guest, host]) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`,
  );
  const credential = Buffer.from(UNIT).toString('base64');
  const commandLine = [
    boot.commandLine.replace(/console=ttyS1\S*/, ''),
    'console=ttyAMA0',
    'systemd.wants=virtual-pi.service',
    // A busy host lets the guest's devices appear later than any Pi's.
    'systemd.default_device_timeout_sec=600',
    `systemd.set_credential_binary=systemd.extra-unit.virtual-pi.service:${credential}`,
  ].join(' ');
  if (commandLine.length > 2000) throw new Error('the command line is too long for an arm64 kernel');
  const guest = spawn(
    'qemu-system-aarch64',
    [
      ...[
        '-M',
        'virt,gic-version=3',
        '-cpu',
        'cortex-a72',
        '-accel',
        'tcg,thread=multi',
        '-smp',
        '2',
        '-m',
        String(memoryMb),
      ],
      ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
      ...['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', commandLine],
      ...[
        '-drive',
        `file=${card},if=none,id=card,format=raw,cache=writeback,discard=unmap`,
        '-device',
        'virtio-blk-pci,drive=card',
      ],
      ...['-netdev', `user,id=net${hostForwards.join('')}`, '-device', 'virtio-net-pci,netdev=net,romfile='],
      // The watchdog is there to be used, and does nothing: a busy host lets the guest stand still for longer than it allows.
      ...['-device', 'virtio-rng-pci', '-device', 'i6300esb', '-action', 'watchdog=none'],
      ...[
        '-device',
        'virtio-serial-pci',
        '-chardev',
        `socket,id=agent,path=${agentPath}`,
        '-device',
        'virtconsole,chardev=agent',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const pi = { slot: boot.slot, said: '', ended: false, wantsTryboot: false, startedMs: performance.now() };
  let lineRest = '';
  const hear = (chunk) => {
    const heard = chunk.toString('utf8');
    pi.said += heard;
    lineRest += heard;
    for (let end = lineRest.indexOf('\n'); end >= 0; end = lineRest.indexOf('\n')) {
      const line = lineRest.slice(0, end);
      lineRest = lineRest.slice(end + 1);
      // The kernel says what it hands to the firmware.
      if (/reboot: Restarting system with command '0 tryboot'/.test(line)) pi.wantsTryboot = true;
      onLine(line);
    }
  };
  guest.stdout.on('data', hear);
  guest.stderr.on('data', hear);
  const ended = once(guest, 'exit').then(() => {
    pi.ended = true;
    server.close();
  });

  let socket;
  let answers = '';
  const waiting = new Map();
  server.once('connection', (connection) => {
    socket = connection;
    connection.on('data', (chunk) => {
      answers += chunk.toString('latin1');
      for (
        let match = /@(\d+) (\d+) (\S*)=END\r?\n/.exec(answers);
        match;
        match = /@(\d+) (\d+) (\S*)=END\r?\n/.exec(answers)
      ) {
        answers = answers.slice(match.index + match[0].length);
        waiting.get(match[1])?.({
          code: Number(match[2]),
          out: Buffer.from(match[3], 'base64').toString('utf8'),
        });
        waiting.delete(match[1]);
      }
    });
    connection.on('error', () => {});
  });

  let number = 0;
  /** Runs a shell command in the guest; resolves to what it printed. Rejects when the guest does not answer. */
  pi.run = async (command, { msMax = 60_000 } = {}) => {
    const id = String(++number);
    const answer = new Promise((resolve) => waiting.set(id, resolve));
    const encoded = Buffer.from(command).toString('base64');
    socket.write(
      `o=$(echo ${encoded}|base64 -d|sh 2>&1);r=$?;printf '@%s %s %s=END\\n' ${id} $r "$(printf %s "$o"|base64 -w0)"\n`,
    );
    const late = new AbortController();
    const done = await Promise.race([
      answer,
      delay(msMax, null, { signal: late.signal }).catch(() => null),
      ended.then(() => null),
    ]);
    late.abort();
    if (done === null) throw new Error(`no answer from the guest in ${msMax} ms to: ${command}`);
    return done.out;
  };
  /** Resolves once the guest takes commands. */
  pi.ready = async (msMax = 600_000) => {
    const endMs = performance.now() + msMax;
    while (performance.now() < endMs && !pi.ended) {
      if (socket !== undefined) {
        const answered = await pi.run('echo here', { msMax: 15_000 }).catch(() => '');
        if (answered.includes('here')) return;
      } else await delay(200);
    }
    throw new Error(`the guest does not take commands:\n${pi.said.slice(-3000)}`);
  };
  pi.press = () => pi.run(`echo pull-up >$(echo ${PINS}5)/pull`);
  pi.release = () => pi.run(`echo pull-down >$(echo ${PINS}5)/pull`);
  /** How long the LED was lit and dark in turn within `seconds`, by the guest's own clock. */
  pi.watchLed = async (seconds) => {
    // Shell alone, no program started: so that it looks often enough under emulation too.
    const script = `p=$(echo ${PINS}17)/value;read e x </proc/uptime;e=$((\${e%.*}+${seconds}));o=;u=0;while [ \${u%.*} -lt $e ];do read v <$p;read u x </proc/uptime;[ "$v" = "$o" ]||echo $u $v;o=$v;done`;
    const text = await pi.run(script, { msMax: seconds * 1000 + 60_000 });
    const changes = text
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    // The first and the last span are cut off by the watching.
    return changes.slice(1, -1).map(([at, level], i) => ({ level, seconds: changes[i + 2][0] - at }));
  };
  pi.until = async (what, command, wanted, msMax = 180_000) => {
    const endMs = performance.now() + msMax;
    let last = '';
    while (performance.now() < endMs) {
      last = await pi.run(command);
      if (wanted(last)) return last;
      await delay(500);
    }
    throw new Error(`${what} did not happen in ${msMax / 1000} s; last: ${last}`);
  };
  pi.ended = false;
  pi.gone = ended;
  /** The plug is pulled: all that the guest had not written is lost. */
  pi.cut = async () => {
    guest.kill('SIGKILL');
    await ended;
  };
  pi.powerOff = async () => {
    socket?.write('systemctl poweroff\n');
    await Promise.race([ended, delay(120_000).then(() => pi.cut())]);
  };
  return pi;
}
