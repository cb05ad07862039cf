import type { Alert, Severity } from '../../core/alert.js';

/** One message to be: an alert, or several similar ones folded into it. The first one gives the message its id. */
export interface QueuedMessage {
  readonly severity: Severity;
  readonly alerts: Alert[];
  /** Waited for the broker: goes out at the bounded rate and says when it happened. */
  backlog: boolean;
  flying: boolean;
  /** Once sent it is never changed, so that a repetition is the same message. */
  frozen: boolean;
  /** Monotonic time of the first "nobody is subscribed"; null while the broker never said so. */
  unheardSinceMs: number | null;
  /** Monotonic time of the acknowledgement; null before. */
  acknowledgedMs: number | null;
}

export interface QueueLimits {
  readonly perCodeMax: number;
  readonly rateWindowMs: number;
  readonly backlogPerSecondMax: number;
}

/** The next message, or how long until there may be one; null = nothing waits. */
export type QueueNext = { readonly message: QueuedMessage } | { readonly waitMs: number } | null;

export interface AlertQueue {
  /** `folding`: join a waiting message of the same kind, as during an outage. `backlog`: it happened before now. */
  add(alert: Alert, mode: { readonly folding: boolean; readonly backlog: boolean }): void;
  /** Takes the next message that may fly, critical first, in order within a severity. */
  take(nowMs: number, quiet: boolean): QueueNext;
  /**
   * Acknowledged. It is remembered for a moment: a broker that dies right after its acknowledgement may not have handed
   * the message on, so what it acknowledged last is sent again, with the same id.
   */
  done(message: QueuedMessage, nowMs: number): void;
  /** Not delivered: back to its old place. */
  giveBack(message: QueuedMessage): void;
  /** Nobody listened: its severity rests, and then goes one message at a time until somebody does. */
  unheard(message: QueuedMessage, nowMs: number): void;
  /** Somebody listened: its severity may have several messages in flight. */
  heard(severity: Severity): void;
  /** The connection ended: what waits or was acknowledged only just now is backlog, and nobody is known to listen. */
  disconnected(nowMs: number): void;
  /** Alerts (not messages) that wait or fly. */
  size(): number;
}

interface Lane {
  readonly messages: QueuedMessage[];
  flightMax: number;
  restUntilMs: number;
  restMs: number;
}

const ORDER: readonly Severity[] = ['critical', 'warning', 'info'];
/** In flight at once per severity while somebody listens; three severities stay below the usual receive maximum of 20. */
const FLIGHT_MAX = 5;
/** An acknowledgement this old can be trusted. */
const SETTLE_MS = 1000;
const REST_FIRST_MS = 1000;
const REST_MAX_MS = 5000;
/** How often the end of quiet hours is looked for. */
const QUIET_LOOK_MS = 30_000;

/** The order of what is to be sent. Pure: knows time only as it is told, and nothing of MQTT. */
export function createAlertQueue(limits: QueueLimits): AlertQueue {
  const lanes: Record<Severity, Lane> = { critical: newLane(), warning: newLane(), info: newLane() };
  /** Monotonic send times of each code within the rate window. */
  const sentMs = new Map<string, number[]>();
  let backlogFromMs = Number.NEGATIVE_INFINITY;

  function rateWaitMs(code: string, nowMs: number): number {
    const recent = (sentMs.get(code) ?? []).filter((at) => nowMs - at < limits.rateWindowMs);
    sentMs.set(code, recent);
    return recent.length < limits.perCodeMax ? 0 : recent[0]! + limits.rateWindowMs - nowMs;
  }

  function waitOf(message: QueuedMessage, nowMs: number, quiet: boolean): number {
    if (message.severity === 'info' && quiet) return QUIET_LOOK_MS;
    if (message.backlog && nowMs < backlogFromMs) return backlogFromMs - nowMs;
    // A message that was sent before has been counted; repeating it is not a new one.
    if (message.severity === 'critical' || message.frozen) return 0;
    return rateWaitMs(message.alerts[0]!.code, nowMs);
  }

  return {
    add(alert, { folding, backlog }) {
      const lane = lanes[alert.severity];
      if (alert.severity !== 'critical') {
        const limited = (sentMs.get(alert.code)?.length ?? 0) >= limits.perCodeMax;
        const key = foldKey(alert);
        const similar =
          folding || limited || lane.messages.some((message) => message.unheardSinceMs !== null)
            ? lane.messages.find((message) => !message.frozen && foldKey(message.alerts[0]!) === key)
            : undefined;
        if (similar !== undefined) {
          similar.alerts.push(alert);
          return;
        }
      }
      lane.messages.push({
        severity: alert.severity,
        alerts: [alert],
        backlog,
        flying: false,
        frozen: false,
        unheardSinceMs: null,
        acknowledgedMs: null,
      });
    },
    take(nowMs, quiet) {
      let waitMs = Number.POSITIVE_INFINITY;
      for (const severity of ORDER) {
        const lane = lanes[severity];
        if (nowMs < lane.restUntilMs) {
          if (waiting(lane) > 0) waitMs = Math.min(waitMs, lane.restUntilMs - nowMs);
          continue;
        }
        forgetSettled(lane, nowMs);
        let flying = 0;
        for (const message of lane.messages) {
          if (message.acknowledgedMs !== null) continue;
          if (message.flying) {
            flying += 1;
            continue;
          }
          if (flying >= lane.flightMax) break;
          const messageWaitMs = waitOf(message, nowMs, quiet);
          if (messageWaitMs > 0) {
            waitMs = Math.min(waitMs, messageWaitMs);
            // The bounded rate holds the whole severity, or later alerts would overtake; a code's own limit holds only that code.
            if (message.backlog && nowMs < backlogFromMs) break;
            continue;
          }
          if (!message.frozen && severity !== 'critical') {
            const code = message.alerts[0]!.code;
            sentMs.set(code, [...(sentMs.get(code) ?? []), nowMs]);
          }
          if (message.backlog) backlogFromMs = nowMs + 1000 / limits.backlogPerSecondMax;
          message.flying = true;
          message.frozen = true;
          return { message };
        }
      }
      return Number.isFinite(waitMs) ? { waitMs } : null;
    },
    done(message, nowMs) {
      message.flying = false;
      message.acknowledgedMs = nowMs;
      message.unheardSinceMs = null;
      forgetSettled(lanes[message.severity], nowMs);
    },
    giveBack(message) {
      message.flying = false;
      message.backlog = true;
    },
    unheard(message, nowMs) {
      const lane = lanes[message.severity];
      message.flying = false;
      message.backlog = true;
      message.unheardSinceMs ??= nowMs;
      lane.flightMax = 1;
      lane.restUntilMs = nowMs + lane.restMs;
      lane.restMs = Math.min(REST_MAX_MS, lane.restMs * 2);
    },
    heard(severity) {
      const lane = lanes[severity];
      lane.flightMax = FLIGHT_MAX;
      lane.restMs = REST_FIRST_MS;
      lane.restUntilMs = Number.NEGATIVE_INFINITY;
    },
    disconnected(nowMs) {
      for (const severity of ORDER) {
        const lane = lanes[severity];
        forgetSettled(lane, nowMs);
        lane.flightMax = 1;
        lane.restMs = REST_FIRST_MS;
        lane.restUntilMs = Number.NEGATIVE_INFINITY;
        for (const message of lane.messages) {
          message.flying = false;
          message.acknowledgedMs = null;
          message.backlog = true;
        }
      }
    },
    size: () => ORDER.reduce((sum, severity) => sum + waiting(lanes[severity]), 0),
  };
}

function forgetSettled(lane: Lane, nowMs: number): void {
  const settled = (message: QueuedMessage) =>
    message.acknowledgedMs !== null && nowMs - message.acknowledgedMs > SETTLE_MS;
  // Acknowledgements come in order, so the settled ones stand in front, but for a few.
  while (lane.messages.length > 0 && settled(lane.messages[0]!)) lane.messages.shift();
}

function waiting(lane: Lane): number {
  let alerts = 0;
  for (const message of lane.messages) if (message.acknowledgedMs === null) alerts += message.alerts.length;
  return alerts;
}

function newLane(): Lane {
  return { messages: [], flightMax: 1, restUntilMs: Number.NEGATIVE_INFINITY, restMs: REST_FIRST_MS };
}

/** What makes alerts similar: the same code about the same symbol (or layer, or model). */
function foldKey(alert: Alert): string {
  const { symbol, layer, model } = alert.figures;
  return JSON.stringify([alert.code, symbol ?? null, layer ?? null, model ?? null]);
}
