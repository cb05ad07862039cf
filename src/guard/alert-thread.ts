import { parentPort, workerData } from 'node:worker_threads';
import { openAlertOutbox } from '../adapters/alert-outbox/alert-outbox.js';
import { createMemoryOutbox } from '../adapters/alert-outbox/memory-outbox.js';
import { createAlertSinks } from '../adapters/alert-sinks/index.js';
import { createSystemClock } from '../adapters/clock/system-clock.js';
import { mqttCredentials, ntfyCredentials } from '../config/credentials.js';
import { pathsOf } from '../config/paths.js';
import { createAlertIds, createAlerts } from '../core/alert.js';
import { ALERT_CATALOGUE } from '../core/alert-catalogue.js';
import { invariant, messageOf } from '../core/errors.js';
import type { AlertOutbox } from '../ports/alerts.js';
import type { AlertThreadSettings, FromAlertThread, ToAlertThread } from './alert-messages.js';
import { raiseNotice } from './notice-report.js';

/**
 * The thread that speaks for the guard: an MQTT client (and ntfy, where it is a sink) with outboxes of its own. It holds
 * nothing of the guard; whatever a broker does to it, the guard's loop continues beside it.
 */
invariant(parentPort !== null, 'the alert thread is started by the guard');
const port = parentPort;
const tell = (message: FromAlertThread) => port.postMessage(message);
const log = { info: logger('info'), warn: logger('warn'), error: logger('error') };
const { config, env, version } = workerData as AlertThreadSettings;
const { name } = config.device;
const { guardOutboxes, mqttClientIds } = pathsOf(config.device);
const clock = createSystemClock();
/** Messages whose halt is on its way to the guard, and those that came meanwhile and share the next one. */
let halting: Halts | null = null;
let waiting: Halts | null = null;
const ids = createAlertIds(name, clock, { next: Math.random });

const ntfy = ntfyCredentials(env);
const sinks = await createAlertSinks({
  config: ntfy.topic === undefined ? withoutNtfy() : config,
  device: name,
  role: 'guard',
  credentials: mqttCredentials(env),
  outbox: await openOutbox(guardOutboxes.mqtt),
  ntfy: { ...ntfy, openOutbox: () => openOutbox(guardOutboxes.ntfy) },
  clock,
  log,
  version,
  onHalt: halt,
  clientIdFile: mqttClientIds.guard,
  onTrouble: (raise) => {
    raise(alertsAt(clock.wallMs())).catch((error) =>
      log.error({ errorCode: 'E_ALERT', detail: messageOf(error) }, 'an alert was lost'),
    );
  },
});
await sinks.start();

interface Halts {
  /** All of them were delivered before. */
  again: boolean;
  readonly taken: Promise<void>;
  readonly end: (fault?: Error) => void;
}

/**
 * Resolves once the guard has halted. One halt is on its way to it at a time: a flood of them must not fill its loop, and none
 * is left out. Until then the broker has no acknowledgement: should the guard end before, it sends the message to the next.
 */
function halt(again: boolean): Promise<void> {
  if (halting !== null) {
    waiting ??= newHalts(again);
    waiting.again &&= again;
    return waiting.taken;
  }
  halting = newHalts(again);
  tell({ type: 'halt', again });
  return halting.taken;
}

function newHalts(again: boolean): Halts {
  let end: Halts['end'] = () => {};
  const taken = new Promise<void>((resolve, reject) => {
    end = (fault) => (fault === undefined ? resolve() : reject(fault));
  });
  return { again, taken, end };
}

function haltEnded(fault?: Error): void {
  halting?.end(fault);
  halting = waiting;
  waiting = null;
  if (halting !== null) tell({ type: 'halt', again: halting.again });
}

let raised: Promise<void> = Promise.resolve();
port.on('message', (message: ToAlertThread) => {
  if (message.type === 'halt_taken') {
    haltEnded();
    return;
  }
  if (message.type === 'halt_failed') {
    haltEnded(new Error(message.detail));
    return;
  }
  if (message.type === 'stop') {
    // Nothing else holds the thread: it ends once the sinks have said goodbye.
    void raised.then(() => sinks.stop()).finally(() => port.close());
    return;
  }
  const { notice, number } = message;
  raised = raised
    .then(() => raiseNotice(alertsAt(notice.atMs), notice))
    .catch((error) => log.error({ errorCode: 'E_ALERT', detail: messageOf(error) }, 'a notice was not sent'))
    .then(() => tell({ type: 'taken', number }));
});

/** Alerts of the moment at which something happened, which may be before this thread was there. */
function alertsAt(atMs: number) {
  return createAlerts(ALERT_CATALOGUE, { wallMs: () => atMs }, sinks.sink, ids);
}

/** The trader refuses to start where ntfy lacks its topic; the guard's other ways must not fall silent with it. */
function withoutNtfy(): typeof config {
  const { sinks: named } = config.alerts;
  if (named.includes('ntfy')) {
    log.error({ errorCode: 'E_NTFY_TOPIC' }, 'ntfy is left out: the credential ntfy-topic is not set');
  }
  return { ...config, alerts: { ...config.alerts, sinks: named.filter((sink) => sink !== 'ntfy') } };
}

/** An outbox that cannot be opened must not silence the guard: its alerts then wait in memory. */
async function openOutbox(file: string): Promise<AlertOutbox> {
  try {
    return await openAlertOutbox(file, (line) =>
      log.warn({ errorCode: 'E_SPOOL', file, line }, 'a line of the outbox is damaged and was passed over'),
    );
  } catch (error) {
    log.error(
      { errorCode: 'E_SPOOL', detail: messageOf(error) },
      'alerts of the guard wait in memory alone, and are lost with the power',
    );
    return createMemoryOutbox();
  }
}

function logger(level: 'info' | 'warn' | 'error') {
  return (fields: object, message: string) => tell({ type: 'log', level, fields, message });
}
