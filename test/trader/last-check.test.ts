import { expect, it } from 'vitest';
import { LastCheck } from '../../src/trader/last-check.js';

it('lets nothing leave before the gate answers for it', () => {
  const check = new LastCheck();
  expect(check.ask({} as never)).toBe('no_permit');
  check.answerBy(() => null);
  expect(check.ask({} as never)).toBeNull();
});
