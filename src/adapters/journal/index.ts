export type { JournalEntry, JournalFact } from './entries.js';
export { Journal, type JournalCondition } from './journal.js';
