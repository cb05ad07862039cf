import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import type { ControlServer } from '../adapters/control-socket/control-server.js';
import { runSettingsText } from '../pipeline/decision-settings.js';
import type { Alerting } from './build-alerts.js';
import type { BuiltLoops } from './build-loops.js';
import type { BuiltPipeline } from './build-pipeline.js';
import type { Closing } from './closing.js';
import { runTrading } from './earned-live.js';
import type { JoinedGuard } from './join-guard.js';
import type { LiveKeys } from './live-keys.js';
import type { LiveStart } from './live-start.js';
import type { MarketMonitor } from './market-monitor.js';
import type { TradedExchange } from './open-exchanges.js';
import type { OpenedStore } from './open-store.js';
import type { OrderAlerts } from './order-alerts.js';
import type { TraderOptions } from './trader.js';

export interface StartParts extends JoinedGuard {
  readonly options: TraderOptions;
  readonly opened: OpenedStore;
  readonly liveStart: LiveStart;
  readonly keys: LiveKeys;
  readonly exchanges: readonly TradedExchange[];
  readonly trading: BuiltPipeline;
  readonly loops: BuiltLoops;
  readonly alerting: Alerting;
  readonly orderAlerts: OrderAlerts;
  readonly marketMonitor: MarketMonitor;
  readonly control: ControlServer;
  readonly closing: Closing;
}

/** How often an exchange that has not said what the key may do is asked again. */
const KEYS_ASKED_MS = 60_000;

/** The last phase: everything that was made is started, in an order in which nothing is asked of what does not stand yet. */
export class TraderStart {
  readonly #parts: StartParts;
  #guardIsUp = () => {};
  readonly #guardUp = new Promise<void>((resolve) => {
    this.#guardIsUp = resolve;
  });

  constructor(parts: StartParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    await this.#startTrading();
    await this.#startSpeaking();
    await this.#startGuard();
    await this.#reportStart();
  }

  /** A halt that waited at the broker comes before the guard has read its record, and must not be lost to that. */
  async haltByPhone(): Promise<void> {
    await this.#guardUp;
    await this.#parts.guard?.guard.halt('command', 'the phone');
  }

  async #startTrading(): Promise<void> {
    const { trading, opened, loops, keys, closing } = this.#parts;
    await this.#recordRun();
    await trading.pipeline.start(opened.restored);
    await loops.live.start();
    const endAsking = createSystemScheduler().every(KEYS_ASKED_MS, () => void keys.ask());
    closing.add(async () => endAsking());
    await loops.lifecycle.start();
    closing.add(() => loops.lifecycle.stop());
  }

  async #startSpeaking(): Promise<void> {
    const { control, alerting, orderAlerts, opened, closing } = this.#parts;
    await control.start();
    closing.add(() => control.stop());
    await alerting.start();
    orderAlerts.start(opened.restored.unreportedFills);
    closing.add(() => alerting.stop());
    closing.add(() => orderAlerts.reported());
  }

  async #startGuard(): Promise<void> {
    const { guard, link, loops, closing } = this.#parts;
    await guard?.start();
    loops.retention.start();
    closing.add(() => loops.retention.stop());
    this.#guardIsUp();
    if (guard) closing.add(() => guard.stop());
    link.start();
    closing.add(() => link.stop());
  }

  async #reportStart(): Promise<void> {
    const { options, opened, alerting, loops, liveStart, marketMonitor, exchanges, trading, closing } =
      this.#parts;
    const { config, version, log } = options;
    const { alerts } = alerting;
    await alerts.raise('SERVICE_STARTED', {
      reason: opened.restored.account !== null ? 'continues where it stopped' : 'its store is new',
      version,
    });
    await loops.resting.start();
    closing.add(() => loops.resting.stop());
    await liveStart.tell(alerts);
    await loops.lifecycle.reportMarket();
    const recordRun = () => this.#recordRun();
    await marketMonitor.start({ exchanges, portfolio: trading.pipeline.portfolio, recordRun });
    closing.add(() => marketMonitor.stop());
    const mark = opened.recovery.current();
    if (mark !== null) await alerts.raise('STORE_REBUILT', { loss: mark.loss });
    alerting.publishState();
    const model = opened.deciding.manifest.sha256;
    log.info({ mode: config.mode, model, guard: config.guard.mode }, 'the trader is up');
  }

  async #recordRun(): Promise<void> {
    const { options, opened, trading } = this.#parts;
    const { config, clock } = options;
    const run = runTrading(config, opened.deciding.manifest);
    const settings = runSettingsText(config, config.ingestion.maxGapBars, trading.streams, run);
    await opened.store.recordRun({ atMs: clock.wallMs(), settings });
  }
}
