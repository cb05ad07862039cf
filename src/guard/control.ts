import type { ControlHandler, ControlRoutes } from '../adapters/control-socket/control-server.js';
import type { Declined } from '../adapters/control-socket/declined.js';
import { userOf } from '../adapters/control-socket/person.js';
import { personsOnly } from '../adapters/control-socket/persons-only.js';
import type { Guard } from './guard.js';

/** Presses and releases the button where it is a simulated one. */
export type SimulatedButton = (pressed: boolean) => void;

/**
 * What the guard's control socket answers: `POST /halt {"by"?: text}` (answered once the halt is durable, or known not to be
 * yet), `POST /trader-ended {"why": text}` (why a trader ended, for the phone), `GET /status`, and, for people's users alone
 * (403 else), `POST /resume` and, with a simulated button only, `POST /sim/button {"pressed": bool}`. Nothing here re-arms.
 * `guard` throws while it is not built yet.
 */
export function guardRoutes(
  guard: () => Guard,
  button: SimulatedButton | null,
  declined: Declined,
  traderEnded: (why: string) => void = () => {},
): ControlRoutes {
  const halt: ControlHandler = async (body) => {
    const by = fieldOf(body, 'by');
    const detail =
      typeof by === 'string' && by !== '' ? `halt command (${by.slice(0, 100)})` : 'halt command';
    return { status: 200, body: await guard().halt('command', detail) };
  };
  const resume: ControlHandler = (_body, peer) => {
    const answer = guard().resume(userOf(peer!()!));
    return { status: answer.opened ? 200 : 409, body: answer };
  };
  const press: ControlHandler = (body) => {
    const pressed = fieldOf(body, 'pressed');
    if (typeof pressed !== 'boolean') {
      return {
        status: 400,
        body: { error: 'E_BODY', detail: 'expected {"pressed": true} or {"pressed": false}' },
      };
    }
    button?.(pressed);
    return { status: 200, body: guard().status() };
  };
  const ended: ControlHandler = (body) => {
    const why = fieldOf(body, 'why');
    if (typeof why !== 'string' || why === '')
      return { status: 400, body: { error: 'E_BODY', detail: 'expected {"why": text}' } };
    traderEnded(why.slice(0, WHY_LENGTH_MAX));
    return { status: 200, body: {} };
  };
  return {
    'POST /halt': halt,
    'POST /trader-ended': ended,
    'POST /resume': personsOnly(
      {
        request: 'resume',
        wish: 'the box to be armed',
        command: 'redbutton resume',
        refused: { opened: false },
      },
      declined,
      resume,
    ),
    'GET /status': () => ({ status: 200, body: guard().status() }),
    ...(button !== null && {
      'POST /sim/button': personsOnly(
        { request: 'button', wish: 'the simulated button to move', command: 'it' },
        declined,
        press,
      ),
    }),
  };
}

/** A sentence and its remedy. */
const WHY_LENGTH_MAX = 400;

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}
