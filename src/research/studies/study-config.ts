import { loadConfig } from '../../config/load.js';
import { type Config, configSchema } from '../../config/schema.js';

/** A configuration of defaults with a few keys replaced, for studies that are given no file. */
export function defaultConfig(replaced: { readonly signals?: Partial<Config['signals']> } = {}): Config {
  return configSchema.parse({ exchange: [{ symbols: ['BTC/USDT'] }], ...replaced });
}

/** The settings of a study: of a file, else the defaults; with another confidence threshold where one is given. */
export function studyConfig(file: string | undefined, confidenceThreshold?: number): Config {
  const config = file === undefined ? defaultConfig() : loadConfig(file);
  if (confidenceThreshold === undefined) return config;
  return { ...config, signals: { ...config.signals, confidenceThreshold } };
}
