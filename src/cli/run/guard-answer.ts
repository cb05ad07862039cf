import type { GuardStatus } from '../../guard/status.js';

/** What a person wants to know of the guard, a sentence a line. */
export function describeGuard(status: GuardStatus): string {
  const lines = [stateLine(status)];
  if (status.halt !== null) {
    const { cause, detail, atMs } = status.halt;
    lines.push(`halted        ${detail} (${cause}), ${new Date(atMs).toISOString()}`);
    lines.push(`recorded      ${recordText(status.halt)}`);
    lines.push(`cancels       ${cancelText(status.halt)}`);
  }
  lines.push(`button        ${contactText(status)}`);
  if (status.resumeLeftMs !== null) {
    lines.push(
      `resume        open for ${Math.ceil(status.resumeLeftMs / 1000)} s: press and release the red button, and again 2 to 10 s later`,
    );
  }
  const { trader } = status;
  const pid = trader.pid === null ? '' : ` (process ${trader.pid})`;
  lines.push(
    `trader        ${trader.present ? `connected${pid}` : trader.everSeen ? `LOST${pid}` : 'not connected'}`,
  );
  for (const fault of status.faults) lines.push(`fault         ${fault}`);
  return `${lines.join('\n')}\n`;
}

function stateLine(status: GuardStatus): string {
  const meaning = status.armed
    ? 'armed: orders may leave'
    : status.state === 'HALTED'
      ? 'only cancels may leave'
      : status.state === 'REDUCING'
        ? 'only orders that shrink exposure may leave, until the trader has reconciled'
        : 'no permit: nothing may leave';
  return `state         ${status.state} (${meaning})`;
}

/** Whether a halt is recorded. A guard of an older version gives no reason. */
export function recordText({ recorded, notRecorded }: NonNullable<GuardStatus['halt']>): string {
  if (recorded) return 'yes, survives a power cut';
  return notRecorded ? `NO, survives no power cut: do not pull the plug (${notRecorded})` : 'NOT YET';
}

/** How far the cancels of a halt are. */
export function cancelText(halt: NonNullable<GuardStatus['halt']>): string {
  if (halt.confirmed === null) return 'NOT CONFIRMED yet';
  return `${halt.confirmed ? 'confirmed' : 'NOT CONFIRMED'}: ${halt.confirmation ?? ''}`;
}

function contactText(status: GuardStatus): string {
  if (status.lineFault !== null) return `CANNOT BE READ: ${status.lineFault}`;
  if (status.contact === 'pressed') return 'pressed, or its wire is cut';
  return status.contact === 'released' ? 'released' : 'not read yet';
}
