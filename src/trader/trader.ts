import { setMaxListeners } from 'node:events';
import path from 'node:path';
import { createSystemScheduler } from '../adapters/clock/system-scheduler.js';
import { breakerRoutes, isResumeWindowOpen } from '../adapters/control-socket/breaker-routes.js';
import { createControlServer } from '../adapters/control-socket/control-server.js';
import { createDeclined } from '../adapters/control-socket/declined.js';
import { changesByPersonsOnly } from '../adapters/control-socket/persons-only.js';
import { recoveryRoutes } from '../adapters/control-socket/recovery-routes.js';
import { STORE_BODY_BYTES_MAX, storeRoutes } from '../adapters/control-socket/store-routes.js';
import { type DuckStore, openStore } from '../adapters/duckdb/index.js';
import { readPromotions } from '../adapters/files/promotion-file.js';
import { openRecoveryMarker } from '../adapters/files/recovery-mark.js';
import type { SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createTraderLinkClient } from '../adapters/guard-link/client.js';
import type { Log } from '../adapters/log/log.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { createPermitReader } from '../adapters/permit-file/permit-reader.js';
import { createTradingStateSource } from '../adapters/permit-file/trading-state-source.js';
import { accountOf, boxPaths, makeDirectory } from '../config/paths.js';
import { oneQuoteCurrency } from '../config/quote-currency.js';
import type { Config } from '../config/schema.js';
import type { AlertRaiser } from '../core/alert.js';
import { type StreamKey, streamName } from '../core/candle.js';
import { badInput, invariant } from '../core/errors.js';
import { HaltHandler } from '../execution/halt-handler.js';
import { createOrderIds } from '../execution/order-id.js';
import type { GuardNotice } from '../guard/guard.js';
import { composeInProcessGuard, type InProcessGuard, simulatedButtonOf } from '../guard/in-process.js';
import { haltRecordOf, raiseNotice } from '../guard/notice-report.js';
import type { BarOutcome } from '../pipeline/bar-outcome.js';
import { runSettingsText } from '../pipeline/decision-settings.js';
import { Pipeline } from '../pipeline/pipeline.js';
import { losingRunOf } from '../portfolio/losing-run.js';
import type { Clock, Rng } from '../ports/time.js';
import { createBarAlerts } from './bar-alerts.js';
import { summaryOf } from './bar-summary.js';
import { createAlerting } from './build-alerts.js';
import { candleIntake } from './candle-intake.js';
import { runTrading } from './earned-live.js';
import { haltExchanges } from './halt-exchanges.js';
import { createLiveRun, type LiveRun } from './live-run.js';
import { createLiveStart } from './live-start.js';
import { createMarketCare } from './market-care.js';
import { createModelCare } from './model-lifecycle.js';
import { OrderAlerts } from './order-alerts.js';
import { orderStreams } from './order-streams.js';
import { createPaperQuotes } from './paper-quotes.js';
import { reconcileLoops } from './reconcile-loops.js';
import { requestEvents } from './request-events.js';
import { createRestingCare } from './resting-care.js';
import { openShadowModel } from './shadow-model.js';
import { createStoreUpkeep, retentionOf } from './store-upkeep.js';
import { streamsOf } from './streams.js';
import { brokerOf, connectAhead, openVenue, type Venue } from './venue.js';
import { boxConditions } from './watch-conditions.js';

export interface TraderOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly version: string;
  /** The lines of a guard in this process; needed where `guard.mode` is `in-process`. */
  readonly gpio?: SimulatedGpio;
  /** Told of every bar after it was stored and acted on. */
  readonly onBar?: (outcome: BarOutcome) => void | Promise<void>;
  /** See LiveRunOptions. */
  readonly onArrival?: (closeMs: number, stream: StreamKey) => void;
  readonly onNotice?: (notice: GuardNotice) => void;
}

/** The running trader. Parts are open to the demo and to tests; the service uses `start`, `run` and `stop`. */
export interface Trader {
  readonly store: DuckStore;
  readonly pipeline: Pipeline;
  readonly live: LiveRun;
  readonly guard: InProcessGuard | null;
  /** Connects everything; resolves when bars can come. */
  start(): Promise<void>;
  /** Follows the streams until `signal` aborts; rejects when the trader must be started anew. */
  run(signal: AbortSignal): Promise<void>;
  /** In the reverse order of `start`. */
  stop(): Promise<void>;
}

/** Waits for one and the same event, of all but the streams and of each stream, beyond which something is left behind. */
const [LISTENERS_MAX, LISTENERS_PER_STREAM_MAX] = [10, 4];
/** A smaller file is not worth the writing. */
const COMPACTION_BYTES_MIN = 64_000_000;

/** How often an exchange that has not said what the key may do is asked again. */
const KEYS_ASKED_MS = 60_000;

/** The trader's composition root: builds the adapters and hands them on. Nothing is connected before `start`. */
export async function createTrader(options: TraderOptions): Promise<Trader> {
  const { config, clock, log } = options;
  const refusals = createLiveStart(options);
  const paths = boxPaths(config);
  const { current: promoted } = await readPromotions(paths.models);
  const modelDir = promoted === null ? config.modelDir : path.join(paths.models, promoted);
  await refusals.begin(modelDir);
  oneQuoteCurrency(config);
  for (const dir of [config.device.stateDir, config.device.runDir]) makeDirectory(dir);
  const classifier = await loadClassifier(modelDir);
  const recovery = openRecoveryMarker(paths.recoveryMark);
  const store = await openStore({
    path: paths.database,
    journal: paths.journal,
    owner: { box: config.device.name, account: accountOf(config) },
    onDamaged: 'put-aside',
    onLoss: (loss) => recovery.set(loss, clock.wallMs()),
    handoverDir: paths.handover,
    archiveDir: paths.archive,
    compaction: {
      freeShareMax: config.storage.compactFreeShare,
      freeBytesMin: COMPACTION_BYTES_MIN,
      diskReserveBytes: config.storage.diskReserveMb * 1_000_000,
    },
  });
  if (store.compacted !== null) log.info(store.compacted, 'the database file was written anew');
  let decides = () => classifier;
  const closers: (() => Promise<void>)[] = [() => store.close(), () => decides().close()];
  const undo = async () => {
    for (const close of closers.reverse())
      await close().catch((error) => log.error({ err: error }, 'closing failed'));
  };
  try {
    const { manifest } = classifier;
    const { restored, runs } = await refusals.opened(store);
    const askShadow = await openShadowModel({ config, store, clock, alerts: () => alerts, log, closers });
    const requests = requestEvents(() => alerts, log);
    const marketCare = createMarketCare({ alerts: () => alerts, log, recordRun: () => recordRun() });
    const { events: markets } = marketCare;
    const parts = { config, env: options.env, clock, log, runs, requests, markets };
    const venues = await Promise.all(config.exchange.map((each) => openVenue(each, parts)));
    for (const { feed } of venues) closers.push(() => feed.close());
    const keys = await refusals.connected(venues);
    const paperQuote = await createPaperQuotes({ config, clock, log });
    const permit = createPermitReader(paths.permit, clock);
    const ids = createOrderIds(config.device.name, clock, options.rng);
    const brokers = venues.map((venue) =>
      brokerOf(venue, parts, restored.fills, (order) => pipeline.orders.mayLeave(order)),
    );
    const streams = streamsOf(venues, config, classifier, clock);
    // Each stream waits for the end of the run in a few places; Node takes more than ten such listeners for a leak.
    setMaxListeners(LISTENERS_MAX + LISTENERS_PER_STREAM_MAX * streams.length);
    const pipeline = new Pipeline({
      config,
      streams,
      model: classifier.manifest,
      clock,
      store,
      brokers,
      markets: new Map(venues.map(({ id, market }) => [id, market])),
      permit,
      ids,
      // What a live account holds is stored as opening flows at the first start, and counted from there.
      startCash: config.mode === 'paper' ? String(config.execution.paperStartCash * venues.length) : '0',
      tradingState: ({ exchange }) => refusals.limit(exchange, states.state()),
      async quoteFor({ exchange, symbol }, candle) {
        const { feed, market } = connectAhead(venueOf(exchange), config, permit);
        const book = await feed.quote(symbol);
        if (config.mode === 'live') return book;
        return paperQuote({ exchange, symbol }, candle.close, book, market.rules(symbol)!.priceTick);
      },
      healthEachBar: true,
      onOrderOutcome(outcome) {
        alerting.countOrder(outcome);
        orderAlerts.report(outcome);
        live.wake(outcome.order.exchange);
      },
    });
    let guardIsUp = () => {};
    const guardUp = new Promise<void>((resolve) => {
      guardIsUp = resolve;
    });
    const alerting = await createAlerting({
      config,
      env: options.env,
      clock,
      rng: options.rng,
      log,
      version: options.version,
      store,
      permit,
      state: () => live.state(),
      modelMarket: () => care.market(),
      // The guard takes the phone's halt itself where it is a process of its own.
      ...(config.guard.mode === 'in-process' ? { onHalt: haltByPhone } : {}),
    });
    const { alerts } = alerting;
    const conditions = boxConditions({ config, venues, clock, alerts });
    const care = createModelCare({
      config,
      clock,
      log,
      alerts,
      store,
      pipeline,
      streams,
      classifier,
      modelDir,
      requestHalt: (detail) => link.requestHalt(detail),
    });
    decides = care.classifier;
    const limits = [care, conditions, recovery, keys, { limit: refusals.limitAll }];
    const states = limits.reduce((inner, { limit }) => limit(inner), createTradingStateSource(permit));
    const barAlerts = createBarAlerts({
      alerts,
      drawdownHaltFraction: config.risk.drawdownHaltFraction,
      limits: {
        ...config.risk,
        losingRun: () => losingRunOf(pipeline.portfolio.trades()),
        calendarOf: ({ exchange }) => venueOf(exchange).config.calendar,
      },
      quarantineAlertRate: config.ingestion.quarantineAlertRate,
      aucWindow: config.monitoring.aucWindow,
      modelName: care.modelName,
      actions: config.modelHealth,
      rejectionShare: (name) =>
        streams.find(({ key }) => streamName(key) === name)?.ingestion.rejectionShare(),
    });
    const orderAlerts = new OrderAlerts({ alerts, store, onFill: alerting.publishFill });
    const reconciling = reconcileLoops({ venues, pipeline, clock, alerts, log, config });
    const live = createLiveRun({
      ...(config.mode === 'live' && { reconciling }),
      alongside: [orderAlerts.run, ...orderStreams({ venues, pipeline, reconciling, clock, log })],
      pipeline,
      conditions: { ...conditions, health: () => [...conditions.health(), ...marketCare.health()] },
      streams: streams.map(({ key, calendar }) => ({ key, feed: venueOf(key.exchange).feed, calendar })),
      restWatches: venues.map(({ feed }) => feed),
      store,
      clock,
      alerts,
      states,
      mode: config.mode,
      version: options.version,
      silenceMsMax: config.ingestion.silenceMsMax,
      backfillBars: config.ingestion.backfillBars,
      backoffMs: config.execution.backoffMs,
      publishState: () => alerting.publishState(),
      onArrival: options.onArrival,
      async onBar(outcome) {
        alerting.countBar(outcome);
        await orderAlerts.reported();
        await barAlerts.onBar(outcome);
        care.onBar(outcome);
        askShadow(outcome);
        if (outcome.kind === 'rejected') log.warn(summaryOf(outcome), 'a row was refused');
        else log.debug(summaryOf(outcome), 'bar');
        await options.onBar?.(outcome);
      },
    });
    const guard = config.guard.mode === 'in-process' ? await makeGuard(alerts) : null;
    const halts = new HaltHandler({
      exchanges: haltExchanges(venues, brokers, pipeline),
      clock,
      isOurs: ids.isOurs,
      scope: config.guard.haltScope,
      endCreates() {
        for (const { connection } of venues) connection.creates.recheck();
      },
      ...(guard === null && {
        async record(record) {
          await store.recordHalt(record);
          alerting.publishState();
        },
        onUnrecorded: (error) => log.error({ err: error }, 'a halt could not be recorded'),
      }),
    });
    const link = guard
      ? guard.link(halts)
      : createTraderLinkClient(paths.guardLinkSocket, halts, clock, createSystemScheduler());
    const { rules } = config.ingestion;
    const intake = candleIntake({ store, pipeline, streams: streams.map(({ key }) => key), rules, clock });
    const control = createControlServer(
      paths.traderSocket,
      'the trader',
      {
        ...alerting.routes,
        ...changesByPersonsOnly(
          {
            ...recoveryRoutes(recovery, alerts),
            ...breakerRoutes({
              account: () => pipeline.state().account,
              rebase: (by) => pipeline.rebasePeak(by),
              states,
              alerts,
              windowOpen: () => isResumeWindowOpen(paths.guardSocket),
            }),
            ...care.routes,
          },
          createDeclined(clock, (detail) => void alerts.raise('REQUEST_DECLINED', { detail })),
        ),
        ...storeRoutes(store.desk, paths.handover, intake),
      },
      STORE_BODY_BYTES_MAX,
    );
    const resting = createRestingCare({ config, venues, brokers, clock, alerts, log });
    const upkeep = createStoreUpkeep({ store, keepDays: retentionOf(config), clock, alerts, log });

    async function recordRun(): Promise<void> {
      const trading = runTrading(config, manifest);
      const settings = runSettingsText(config, config.ingestion.maxGapBars, streams, trading);
      await store.recordRun({ atMs: clock.wallMs(), settings });
    }

    return {
      store,
      pipeline,
      live,
      guard,
      async start() {
        await recordRun();
        await pipeline.start(restored);
        await live.start();
        const endAsking = createSystemScheduler().every(KEYS_ASKED_MS, () => void keys.ask());
        closers.push(async () => endAsking());
        await care.start();
        closers.push(() => care.stop());
        await control.start();
        closers.push(() => control.stop());
        await alerting.start();
        orderAlerts.start(restored.unreportedFills);
        closers.push(() => alerting.stop());
        closers.push(() => orderAlerts.reported());
        await guard?.start();
        upkeep.start();
        closers.push(() => upkeep.stop());
        guardIsUp();
        if (guard) closers.push(() => guard.stop());
        link.start();
        closers.push(() => link.stop());
        await alerts.raise('SERVICE_STARTED', {
          reason: restored.account !== null ? 'goes on where it stopped' : 'its store is new',
          version: options.version,
        });
        await resting.start();
        closers.push(() => resting.stop());
        await refusals.tell(alerts);
        await care.tellMarket();
        await marketCare.start(venues, pipeline.portfolio);
        closers.push(() => marketCare.stop());
        const mark = recovery.current();
        if (mark !== null) await alerts.raise('STORE_REBUILT', { loss: mark.loss });
        alerting.publishState();
        log.info(
          { mode: config.mode, model: classifier.manifest.sha256, guard: config.guard.mode },
          'the trader is up',
        );
      },
      run: (signal) => live.run(signal),
      stop: undo,
    };

    function venueOf(exchange: string): Venue {
      const venue = venues.find(({ id }) => id === exchange);
      invariant(venue, `no venue ${exchange}`);
      return venue;
    }

    async function haltByPhone(): Promise<void> {
      // A halt that waited at the broker comes before the guard has read its record, and must not be lost to that.
      await guardUp;
      await guard?.guard.halt('command', 'the phone');
    }

    async function makeGuard(raiser: AlertRaiser): Promise<InProcessGuard> {
      const { gpio } = options;
      if (!gpio)
        throw badInput(
          'E_GUARD_LINES',
          'guard.mode is in-process, but this command has no lines for it',
          'use a guard process',
        );
      log.warn('the guard runs inside the trader: fit for paper, it would die with it');
      return composeInProcessGuard({
        config,
        clock,
        scheduler: createSystemScheduler(),
        gpio,
        simulatedButton: simulatedButtonOf(gpio, config),
        onNotice(notice) {
          const record = haltRecordOf(notice);
          const told = (record === null ? Promise.resolve() : store.recordHalt(record)).then(() =>
            raiseNotice(raiser, notice),
          );
          told.catch((error) => log.error({ err: error }, 'a notice of the guard was lost'));
          log.warn({ kind: notice.kind, state: notice.state, detail: notice.detail }, 'guard');
          alerting.publishState();
          options.onNotice?.(notice);
        },
      });
    }
  } catch (error) {
    await undo();
    throw error;
  }
}
