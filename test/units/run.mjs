// The shipped units under a real systemd; see scripts/units-test. `run.mjs WORK` expects an installed root in WORK/root.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ExchangeSimulator } from '../../dist/simulator/index.js';
import { boot } from './container.mjs';
import { updates } from './updates.mjs';
import { walk } from './walk.mjs';

const [work, ...options] = process.argv.slice(2);
const root = path.join(work, 'root');
/** From systemd's start to armed. */
const ARMED_MS_MAX = 6000;
const STOP_MS_MAX = 10_000;
const say = (line) => process.stdout.write(`units-test: ${line}\n`);
const ms = (value) => `${Math.round(value)} ms`;

const history = 300;
const simulator = new ExchangeSimulator({
  markets: [{ symbol: 'BTC/USDT', timeframe: '1h', candles: walk(history + 200, 7) }],
  startIndex: history,
  book: { halfSpreadBps: 5 },
});
await simulator.start();
writeFileSync(
  path.join(root, 'etc/redbutton/redbutton.toml'),
  `mode = "paper"
timeframe = "1h"
[device]
name = "test-box"
[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
restUrl = "${simulator.restUrl}"
wsUrl = "${simulator.wsUrl}"
simulatedTime = true
[signals]
confidenceThreshold = 0.001
[ingestion]
silenceMsMax = 86400000
[gpio]
backend = "simulated"
# A broker on no machine at all: what alerting needs of the system is needed all the same.
[mqtt]
url = "mqtt://203.0.113.9:1883"
`,
);

let box = await boot(root);
try {
  // ── a new box is halted, and armed by hand ──
  await box.until(
    'the trader',
    async () => (await box.guard('GET', '/status').catch(() => null))?.trader?.present,
    120_000,
  );
  say(`new box: systemd to trader connected ${ms(performance.now() - box.bootedMs)}`);
  assert.equal((await box.guard('GET', '/status')).state, 'HALTED');
  await box.until(
    'the contact',
    async () => (await box.guard('GET', '/status')).contact === 'released',
    10_000,
  );
  await arm();
  const failed = (await box.inside('systemctl', '--failed', '--no-legend')).output.trim();
  assert.equal(failed, '');

  // ── from systemd's start to armed ──
  const stopMs = await timed(() => box.stop());
  say(`power button: all down in ${ms(stopMs)}`);
  const times = [];
  for (let i = 0; i < 3; i++) {
    box = await boot(root);
    await box.until('armed', box.armed, 60_000);
    times.push(performance.now() - box.bootedMs);
    if (i < 2) await box.stop();
  }
  say(`systemd's start to armed: ${times.map(ms).join(', ')} (limit ${ms(ARMED_MS_MAX)} for the best)`);
  const blame = (await box.inside('systemd-analyze', 'blame', '--no-pager')).output.split('\n').slice(0, 4);
  say(`slowest: ${blame.map((line) => line.trim()).join(', ')}`);
  const busy = loadavg()[0] / availableParallelism();
  const cpuSeconds = async (unit) => {
    // utime and stime, fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
    const stat = (await box.inside('cat', `/proc/${await box.pidOf(unit)}/stat`)).output;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const cpu = (await cpuSeconds('redbutton')) + (await cpuSeconds('redbutton-guard'));
  say(`processor time of both until armed: ${cpu.toFixed(1)} s`);
  if (busy > 1.5)
    say(`NOT JUDGED: ${busy.toFixed(1)} programs want each processor, so the time says nothing`);
  else assert.ok(Math.min(...times) <= ARMED_MS_MAX, 'too slow');
  const started = await microseconds('redbutton-guard', 'ActiveEnterTimestampMonotonic');
  const trader = await microseconds('redbutton', 'ExecMainStartTimestampMonotonic');
  assert.ok(started <= trader, 'the guard is up before the trader starts');
  say(`guard up ${ms((trader - started) / 1000)} before the trader was started`);
  if (options.includes('--boot-only')) process.exitCode = 0;
  else await everything();
} finally {
  await box.kill();
  await simulator.stop();
}
say('held');

async function everything() {
  // ── what the kernel says of the two processes ──
  const capabilities = {
    'redbutton-guard': '0000000000000020',
    'redbutton-gate': '0000000000001000',
    redbutton: '0000000000000000',
  };
  for (const [unit, allowed] of Object.entries(capabilities)) {
    const pid = await box.pidOf(unit);
    const status = (await box.inside('cat', `/proc/${pid}/status`)).output;
    const field = (name) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
    const [effective, bounding] = [field('CapEff'), field('CapBnd')];
    assert.deepEqual([field('NoNewPrivs'), field('Seccomp')], ['1', '2']);
    assert.equal(effective, allowed);
    assert.equal(bounding, effective);
    const adjust = (await box.inside('cat', `/proc/${pid}/oom_score_adj`)).output.trim();
    say(`${unit}: capabilities ${effective}, no new privileges, system calls filtered, OOM ${adjust}`);
  }

  // ── what the trader may not do ──
  const asTrader = (...command) =>
    box.inside('setpriv', '--reuid=redbutton', '--regid=redbutton', '--clear-groups', ...command);
  const guardPid = await box.pidOf('redbutton-guard');
  assert.equal((await asTrader('true')).code, 0);
  const gatePid = await box.pidOf('redbutton-gate');
  for (const signal of ['STOP', 'TERM', 'KILL'])
    for (const pid of [guardPid, gatePid])
      assert.notEqual((await asTrader('kill', `-${signal}`, String(pid))).code, 0, signal);
  assert.notEqual((await asTrader('nft', 'flush', 'ruleset')).code, 0, 'the rules of the gate');
  for (const forbidden of [
    '/run/redbutton/guard/permit',
    '/run/redbutton/guard',
    '/run/redbutton-gate',
    '/run/redbutton-gate/state',
    '/var/lib/redbutton-guard/armed',
    '/etc/redbutton/credentials',
  ])
    assert.notEqual((await asTrader('test', '-w', forbidden)).code, 0, forbidden);
  // It may ask the guard for its status and for a halt, but not for the box to be armed.
  const ask = `require('http').request({ socketPath: '/run/redbutton/guard/control.sock', method: 'POST', path: '/resume' }, (answer) => console.log(answer.statusCode)).end()`;
  assert.equal((await asTrader('node', '-e', ask)).output.trim(), '403');
  // A container's sysfs is read-only to everybody from the start, so what the guard may write of it is not shown here.
  const places = ['/sys/devices/platform', '/sys/kernel', '/proc/sys/kernel', '/etc', '/opt/redbutton'];
  for (const unit of ['redbutton-guard', 'redbutton']) {
    const pid = String(await box.pidOf(unit));
    for (const where of places)
      assert.notEqual(
        (await box.inside('nsenter', '-t', pid, '-m', 'test', '-w', where)).code,
        0,
        `${unit}: ${where}`,
      );
  }
  say('NOT SHOWN: that the GPIO tree of sysfs is writable to the guard; a container has none');
  say('the trader can neither signal the guard nor write its permit, its record or a credential');

  // ── both come back, whatever happens to them ──
  await comesBack('guard killed', 'redbutton-guard', 'KILL');
  await comesBack('trader killed', 'redbutton', 'KILL');
  await comesBack('guard hung (the watchdog kills it)', 'redbutton-guard', 'STOP');
  await comesBack('trader hung (the watchdog of 60 s kills it)', 'redbutton', 'STOP');
  for (let i = 0; i < 12; i++) {
    await box.inside('systemctl', 'kill', '-s', 'KILL', 'redbutton-guard');
    await delay(100);
  }
  const backMs = await box.until('armed after 12 kills in a row', box.armed, 60_000);
  say(`guard killed 12 times in a row: armed again after ${ms(backMs)}`);
  await box.inside('systemctl', 'restart', 'redbutton', 'redbutton-guard');
  await box.until('armed after a restart of both', box.armed, 60_000);
  const [guardUp, traderStart] = [
    await microseconds('redbutton-guard', 'ActiveEnterTimestampMonotonic'),
    await microseconds('redbutton', 'ExecMainStartTimestampMonotonic'),
  ];
  assert.ok(guardUp <= traderStart, 'a restart of both keeps their order');

  await gateFollows();

  // ── a hung trader and the button ──
  const hung = await box.pidOf('redbutton');
  await box.inside('kill', '-STOP', String(hung));
  await box.guard('POST', '/sim/button', { pressed: true });
  const tookMs = await box.until(
    'the hung trader is gone',
    async () => (await box.pidOf('redbutton')) !== hung,
    20_000,
  );
  assert.match(
    await box.journal('-u', 'redbutton-guard', '-n', '40'),
    new RegExp(`process ${hung} was killed`),
  );
  const warnings = await box.journal('-u', 'redbutton-guard', '-p', 'warning', '-n', '40');
  assert.match(warnings, /"kind":"halted"/, 'a halt is a warning in the journal');
  assert.doesNotMatch(warnings, /"kind":"(ready|cancel_attempt)"/);
  say(`button pressed while the trader hangs: killed by the guard after ${ms(tookMs)}`);
  await box.guard('POST', '/sim/button', { pressed: false });
  assert.equal((await box.guard('GET', '/status')).state, 'HALTED');
  await box.until(
    'the trader is back',
    async () => (await box.guard('GET', '/status')).trader?.present,
    60_000,
  );
  await arm();

  // ── the descriptor store, with a file in place of a line: a container has no GPIO ──
  const keeper = `import { openSync } from 'node:fs';
    import { openDescriptorStore } from '/opt/redbutton/current/dist/adapters/systemd/descriptor-store.js';
    const store = openDescriptorStore(process.env, ['line-5'], (fault) => console.log('FAULT ' + fault));
    const taken = store.take('line-5');
    console.log('took ' + (taken !== null));
    if (taken === null) store.keep('line-5', openSync('/etc/hostname'));
    process.once('SIGUSR1', () => store.forget('line-5'));
    setInterval(() => {}, 1000);`;
  const tried = 'redbutton-store-try.service';
  const properties = [
    'Type=exec',
    'NotifyAccess=main',
    'FileDescriptorStoreMax=4',
    'Restart=always',
    'RestartSec=100ms',
  ];
  await box.inside(
    ...['systemd-run', `--unit=${tried}`, ...properties.flatMap((property) => ['-p', property])],
    ...['node', '--input-type=module', '-e', keeper],
  );
  const keptIs = async (count) => (await box.property(tried, 'NFileDescriptorStore')) === count;
  await box.until('systemd keeps a descriptor', () => keptIs('1'), 10_000);
  await box.inside('systemctl', 'kill', '--signal=KILL', tried);
  await box.until(
    'the next life has it',
    async () => (await box.journal('-u', tried)).includes('took true'),
    10_000,
  );
  await box.inside('systemctl', 'kill', '--signal=USR1', tried);
  await box.until('it is forgotten', () => keptIs('0'), 10_000);
  assert.doesNotMatch(await box.journal('-u', tried), /^FAULT/m);
  await box.inside('systemctl', 'stop', tried);
  say('systemd keeps a descriptor over a kill, and gives it up when told');

  // ── the timers' jobs ──
  const timers = (await box.inside('systemctl', 'list-timers', '--no-legend')).output;
  for (const job of ['backup', 'verify']) assert.ok(timers.includes(`redbutton-${job}.timer`), timers);
  for (let i = 0; i < 12; i++) {
    simulator.step();
    await delay(300);
  }
  for (const job of ['backup', 'verify']) {
    const { code } = await box.inside('systemctl', 'start', `redbutton-${job}.service`);
    assert.equal(code, 0, await box.journal('-u', `redbutton-${job}`));
  }
  const copies = readdirSync(path.join(root, 'var/lib/redbutton/backups'));
  assert.equal(copies.filter((name) => /^redbutton-.*\.duckdb$/.test(name)).length, 1);
  assert.ok(!copies.some((name) => name.startsWith('verify')));
  const verified = await box.journal('-u', 'redbutton-verify', '-n', '8');
  say(
    `backup ${copies.join(' ')}; verify: ${verified
      .split('\n')
      .filter((line) => line.includes('binance') || line.includes('holds no'))
      .join('; ')
      .replace(/ +/g, ' ')}`,
  );

  await updates(work, root, box, say);

  // ── a clean stop ──
  for (const unit of ['redbutton', 'redbutton-guard']) {
    const stopMs = await timed(() => box.inside('systemctl', 'stop', unit));
    const result = await box.property(unit, 'Result');
    assert.equal(result, 'success', `${unit} was stopped with result ${result}`);
    assert.ok(stopMs <= STOP_MS_MAX, `${unit} took ${ms(stopMs)}`);
    say(`${unit}: clean stop in ${ms(stopMs)}`);
  }
}

/** The gate in the kernel: open while armed, shut at the press, loaded and shut while its program is away. */
async function gateFollows() {
  // Not there while it starts.
  const gate = async () => {
    const { code, output } = await box.inside('cat', '/run/redbutton-gate/state');
    return code === 0 ? JSON.parse(output) : {};
  };
  const elements = async () =>
    (await box.inside('nft', 'list', 'set', 'inet', 'redbutton_gate', 'open')).output;
  await box.until('the gate opens', async () => (await gate()).open === true, 10_000);
  assert.match(await elements(), /expires/);
  const { setTimeouts, socketDestroy } = await gate();
  say(`gate open: set elements time out ${setTimeouts}, sockets can be destroyed ${socketDestroy}`);
  const pid = await box.pidOf('redbutton-gate');
  const memory = (await box.inside('cat', `/proc/${pid}/status`)).output;
  say(`gate: ${/VmRSS:\s*(.*)/.exec(memory)[1]} resident`);
  await box.guard('POST', '/sim/button', { pressed: true });
  await box.until('the gate shuts', async () => (await gate()).open === false, 2000);
  assert.doesNotMatch(await elements(), /expires/);
  await box.guard('POST', '/sim/button', { pressed: false });
  await box.until(
    'the contact',
    async () => (await box.guard('GET', '/status')).contact === 'released',
    10_000,
  );
  await arm();
  await box.until('the gate opens again', async () => (await gate()).open === true, 10_000);
  await comesBack('gate killed', 'redbutton-gate', 'KILL');
  await box.until('the gate is open after its death', async () => (await gate()).open === true, 10_000);
  await box.inside('systemctl', 'stop', 'redbutton-gate');
  assert.doesNotMatch(await elements(), /expires/, 'the rules stay, shut');
  assert.match(await elements(), /set open/);
  await box.inside('systemctl', 'start', 'redbutton-gate');
  await box.inside('nft', 'flush', 'ruleset');
  await box.until('the rules are back', async () => /expires/.test(await elements()), 10_000);
  say(
    'gate: shuts at the press and at its stop, and comes back after a kill and after its rules were flushed',
  );
}

async function comesBack(what, unit, signal) {
  await box.until('armed before', box.armed, 60_000);
  const before = await box.pidOf(unit);
  const startMs = performance.now();
  await box.inside('systemctl', 'kill', '-s', signal, '--kill-whom=main', unit);
  await box.until(`a new ${unit}`, async () => ![0, before].includes(await box.pidOf(unit)), 90_000);
  await box.until(`armed after: ${what}`, box.armed, 60_000);
  say(`${what}: armed again after ${ms(performance.now() - startMs)}`);
}

async function arm() {
  assert.equal((await box.guard('POST', '/resume')).opened, true);
  for (const waitMs of [2400, 0]) {
    await box.guard('POST', '/sim/button', { pressed: true });
    await delay(200);
    await box.guard('POST', '/sim/button', { pressed: false });
    await delay(waitMs);
  }
  await box.until('armed', box.armed, 60_000);
}

async function microseconds(unit, property) {
  return Number(await box.property(unit, property));
}

async function timed(action) {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}
