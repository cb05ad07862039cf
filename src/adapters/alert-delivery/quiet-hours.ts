/**
 * Whether `wallMs` lies in local hours `[from, to)`, each `HH:MM`; a span with from later than to crosses midnight, equal
 * ends are an empty span. Local time is the process's own zone.
 */
export function isQuiet(wallMs: number, from: string | undefined, to: string | undefined): boolean {
  if (from === undefined || to === undefined) return false;
  const at = new Date(wallMs);
  const minute = at.getHours() * 60 + at.getMinutes();
  const start = minuteOf(from);
  const end = minuteOf(to);
  return start <= end ? minute >= start && minute < end : minute >= start || minute < end;
}

function minuteOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return hours! * 60 + minutes!;
}
