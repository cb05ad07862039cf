import { stringify } from 'smol-toml';

export interface DemoSettings {
  readonly symbol: string;
  readonly timeframe: string;
  readonly calendar: string;
  readonly modelDir: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly confidenceThreshold: number;
  readonly restUrl: string;
  readonly wsUrl: string;
  readonly brokerUrl: string;
  readonly protocolVersion: 4 | 5;
}

/** The demo's configuration file: what a box's own would look like, but for addresses on this machine. */
export function demoConfigText(settings: DemoSettings): string {
  const file = {
    mode: 'paper',
    timeframe: settings.timeframe,
    modelDir: settings.modelDir,
    device: { name: 'demo', stateDir: settings.stateDir, runDir: settings.runDir },
    exchange: [
      {
        id: 'binance',
        symbols: [settings.symbol],
        calendar: settings.calendar,
        restUrl: settings.restUrl,
        wsUrl: settings.wsUrl,
        simulatedTime: true,
      },
    ],
    signals: { confidenceThreshold: settings.confidenceThreshold },
    mqtt: { url: settings.brokerUrl, protocolVersion: settings.protocolVersion },
    // Years pass in a minute here.
    execution: { ordersPerMinuteMax: 1_000_000 },
    // A machine busy with other things may hold up this one process, guard and all, for longer than the usual half second.
    guard: { mode: 'in-process', permitLifeMs: 5000 },
    // One model from end to end: the decisions are compared with a backtest of it.
    retraining: { mode: 'off' },
    gpio: { backend: 'simulated' },
    log: { level: 'warn' },
  };
  return `# Written by redbutton demo. The thresholds were chosen inside the training span.\n${stringify(file)}\n`;
}
