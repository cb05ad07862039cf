// What a box needs around it, on the host: an exchange (the simulator), a broker with a password, a phone that listens, a
// server that tells the time, an SSH key. The guest reaches the host's loopback as 10.0.2.2.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const SECRET = 'a-secret-nobody-may-find';

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A walk that a trader with a low threshold finds something to do in. */
function walk(file, bars) {
  let seed = 7;
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  let price = 100;
  const rows = Array.from({ length: bars }, (_, i) => {
    const open = price;
    price *= 1 + (random() - 0.5) * 0.02;
    const high = Math.max(open, price) * 1.001 + 0.01;
    const low = Math.min(open, price) * 0.999 - 0.01;
    const volume = 10 + random() * 5;
    return `${1_600_002_000_000 + i * 3_600_000},${open.toFixed(2)},${high.toFixed(2)},${low.toFixed(2)},${price.toFixed(2)},${volume.toFixed(3)}`;
  });
  writeFileSync(file, `timestamp_ms,open,high,low,close,volume\n${rows.join('\n')}\n`);
}

/** Answers as an SNTP server of stratum 1 does (RFC 4330), with this machine's time. */
function tellTime() {
  const seconds = (ms) => ms / 1000 + 2_208_988_800;
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const answer = Buffer.alloc(48);
    const put = (at, ms) => {
      const value = seconds(ms);
      answer.writeUInt32BE(Math.floor(value), at);
      answer.writeUInt32BE(Math.floor((value % 1) * 2 ** 32), at + 4);
    };
    answer[0] = 0x24;
    answer[1] = 1;
    answer[2] = question[2];
    answer[3] = 0xec;
    answer.write('TEST', 12, 'latin1');
    put(16, Date.now());
    question.copy(answer, 24, 40, 48);
    put(32, Date.now());
    put(40, Date.now());
    socket.send(answer, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(123, '127.0.0.1', () => resolve(socket));
  });
}

export async function createSurroundings(dir, { speed = '2', bars = 20_000, from = '300' } = {}) {
  const children = [];
  const start = (program, ...args) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: project });
    const said = { text: '' };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said.text += chunk));
    children.push(child);
    return said;
  };
  const candles = path.join(dir, 'candles.csv');
  walk(candles, bars);
  const exchangePort = await freePort();
  const exchange = start(
    process.execPath,
    ...[
      'dist/main.js',
      'simulate-exchange',
      '--candles',
      candles,
      '--symbol',
      'BTC/USDT',
      '--timeframe',
      '1h',
    ],
    ...['--port', String(exchangePort), '--speed', speed, '--from', from],
  );
  const passwords = path.join(dir, 'passwords');
  writeFileSync(passwords, `box:${SECRET}\nphone:phone\n`);
  chmodSync(passwords, 0o600);
  execFileSync('mosquitto_passwd', ['-U', passwords]);
  const brokerPort = await freePort();
  const brokerFile = path.join(dir, 'mosquitto.conf');
  writeFileSync(
    brokerFile,
    `user root\nlistener ${brokerPort} 127.0.0.1\nallow_anonymous false\npassword_file ${passwords}\n`,
  );
  const broker = start('mosquitto', '-c', brokerFile);
  await delay(1500);
  const phone = start(
    'mosquitto_sub',
    ...[
      '-p',
      String(brokerPort),
      '-u',
      'phone',
      '-P',
      'phone',
      '-V',
      '5',
      '-q',
      '1',
      '-t',
      'redbutton/#',
      '-F',
      '%I %t %p',
    ],
  );
  const time = await tellTime();
  const key = path.join(dir, 'id_ed25519');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'owner@test', '-f', key]);
  for (let i = 0; i < 100 && !exchange.text.includes('restUrl'); i++) await delay(200);
  const restUrl = /restUrl (\S+)/.exec(exchange.text)?.[1];
  const wsUrl = /wsUrl (\S+)/.exec(exchange.text)?.[1];
  if (restUrl === undefined) throw new Error(`the exchange did not start: ${exchange.text}${broker.text}`);
  const ports = [...new Set([restUrl, wsUrl].map((url) => new URL(url).port))];
  return {
    key,
    heard: () => phone.text,
    brokerPort,
    /** The market's next bar closes (speed 0: only so). */
    async step() {
      const answer = await fetch(`${restUrl}/sim/step`, { method: 'POST' });
      if (!answer.ok) throw new Error(`the exchange does not step: ${answer.status}`);
    },
    /** The owner's file. Exchange and time are the host's; all else is as an owner would write it. */
    cardFile: `timeframe = "1h"

[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
restUrl = "${restUrl}"
wsUrl = "${wsUrl}"
simulatedTime = true

[signals]
confidenceThreshold = 0.01

[mqtt]
url = "mqtt://10.0.2.2:${brokerPort}"

[box]
hostname = "kitchen"
timeZone = "Europe/Berlin"
timeServers = ["10.0.2.2"]

[box.ssh]
keys = ["${readFileSync(`${key}.pub`, 'utf8').trim()}"]

[box.credentials]
mqtt-username = "box"
mqtt-password = "${SECRET}"
`,
    /** In the guest: the exchange is to be on loopback, so its ports are carried over to the host's. */
    carry: `systemd-run --quiet --collect --unit=virtual-exchange node -e 'for (const port of [${ports}]) require("net").createServer((from) => { const to = require("net").connect(port, "10.0.2.2"); from.pipe(to).pipe(from); from.on("error", () => to.destroy()); to.on("error", () => from.destroy()); }).listen(port, "127.0.0.1");'`,
    stop() {
      time.close();
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
