export type { JournalEntry, JournalFact, StreamStanding } from './entries.js';
export { Journal, type JournalCondition } from './journal.js';
