import { z } from 'zod';

/** The parts of the configuration that look after the model. */

const follow = () => z.array(z.enum(['alert', 'reduce', 'halt', 'retrain']));

/** One table: what follows from the health of the model. */
export const modelHealth = z
  .strictObject({
    unknown: follow()
      .default([])
      .describe(
        'What follows while nothing can be said of the model yet: any of alert, reduce (no new positions while it lasts), halt (until a person re-arms), retrain.',
      ),
    warning: follow().default(['alert']).describe('What follows from a warning.'),
    critical: follow().default(['alert', 'retrain']).describe('What follows from a critical model.'),
    drift: follow()
      .default(['retrain'])
      .describe('What follows, besides, from a feature whose PSI is above psiRetrain.'),
  })
  .prefault({});

const whole = () => z.number().int();

export const retraining = z
  .strictObject({
    mode: z
      .enum(['off', 'by-hand', 'on'])
      .default('on')
      .describe(
        'Who may start a retraining: no one, a person (redbutton model retrain), or health and schedule too.',
      ),
    promote: z
      .enum(['automatic', 'by-hand'])
      .default('automatic')
      .describe(
        'Whether a challenger that wins decides from the next bar on, or waits for redbutton model promote.',
      ),
    intervalHoursMin: z
      .number()
      .positive()
      .default(168)
      .describe('Hours between two attempts that health or schedule call.'),
    everyDays: z
      .number()
      .positive()
      .default(30)
      .describe('Days after the last attempt at which a challenger is called whatever the health says.'),
    trainRowsMax: whole()
      .min(300)
      .max(500_000)
      .default(50_000)
      .describe('The newest rows that a challenger learns from.'),
    testRowsMin: whole()
      .min(100)
      .default(300)
      .describe('Rows that the champion has not seen, below which nothing is compared.'),
    testRowsMax: whole().min(100).default(5000).describe('The newest of those rows that are compared.'),
    margin: z
      .number()
      .min(0)
      .max(0.5)
      .default(0.01)
      .describe("The challenger's AUC must be above the champion's by this much…"),
    significance: z
      .number()
      .positive()
      .max(0.5)
      .default(0.01)
      .describe('…and the difference must be this unlikely without a cause (DeLong, paired, one-sided).'),
    trees: whole().min(1).max(10_000).default(300).describe('Trees of a challenger.'),
    threads: whole().min(1).max(64).default(1).describe('Threads it is trained on.'),
    memoryMbMax: whole()
      .min(100)
      .default(250)
      .describe('The process that trains is ended when it takes more memory.'),
  })
  .prefault({});
