import { z } from 'zod';

/** The section of the configuration that says how much is kept. */

const keepDays = z
  .strictObject({
    quarantine: days(90, 'Quarantined rows.'),
    corrections: days(400, 'What an exchange later said of bars that had been stored.'),
    gaps: days(400, 'Gaps in a stream.'),
    health: days(30, 'States of the layers.'),
  })
  .prefault({});

/** Days that rows are kept. */
function days(usual: number, what: string) {
  return z.number().int().min(0).max(36_500).default(usual).describe(`Days; 0 = forever. ${what}`);
}

export const storage = z
  .strictObject({
    diskReserveMb: z
      .number()
      .int()
      .min(0)
      .default(500)
      .describe('Free space below which the box only reduces; below a fifth of it no bar is taken.'),
    compactFreeShare: z
      .number()
      .min(0.1)
      .max(1)
      .default(0.5)
      .describe('Share of free blocks above which the database file is rewritten at a start; 1 = never.'),
    keepBars: z
      .number()
      .int()
      .refine((bars) => bars === 0 || bars >= 50_000, 'expected 0 or at least 50000')
      .default(1_500_000)
      .describe(
        'Bars kept of each stream (1.5 million of a minute are three years); older months go to the archive as Parquet. 0 = forever.',
      ),
    keepDays,
  })
  .prefault({});
