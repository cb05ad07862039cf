import { fault, messageOf } from '../../../core/errors.js';

export type DuckDb = typeof import('@duckdb/node-api');

/**
 * Loads DuckDB's binding for this platform. It is an optional package of its own, so an install that left it out shows
 * only here: `E_DUCKDB_BINDING`.
 */
export async function loadDuckDb(): Promise<DuckDb> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`;
    throw fault(
      'E_DUCKDB_BINDING',
      `DuckDB's binding for ${platform} could not be loaded: ${messageOf(error).split('\n')[0]}`,
      `run npm ci without --omit=optional on this machine; DuckDB exists for linux-x64 and linux-arm64, so a 32-bit system will not do`,
      error,
    );
  }
}
