import type { Command } from './command.js';

/** Each command by name, loaded only when called: the exchange library alone costs 0.4 s and 80 MB. */
export const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  demo: () => import('./demo.js'),
  run: () => import('./run.js'),
  guard: () => import('./guard.js'),
  halt: () => import('./halt.js'),
  resume: () => import('./resume.js'),
  status: () => import('./status.js'),
  led: () => import('./led.js'),
  alert: () => import('./alert.js'),
  validate: () => import('./validate.js'),
  features: () => import('./features.js'),
  train: () => import('./train.js'),
  model: () => import('./model.js'),
  backtest: () => import('./backtest.js'),
  fetch: () => import('./fetch.js'),
  query: () => import('./query.js'),
  export: () => import('./export.js'),
  backup: () => import('./backup.js'),
  'walk-forward': () => import('./walk-forward.js'),
  verify: () => import('./verify.js'),
  check: () => import('./check.js'),
  'simulate-exchange': () => import('./simulate-exchange.js'),
  report: () => import('./report.js'),
  'first-boot': () => import('./first-boot.js'),
  completion: () => import('./completion.js'),
};
