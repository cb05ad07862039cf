import type { ControlHandler, ControlRoutes } from './control-server.js';
import type { Declined } from './declined.js';
import { isPerson, userOf } from './person.js';

/** What a service was refused: the request's name, what it asked for ("the box to be armed") and the command for people. */
export interface PersonsRequest {
  readonly request: string;
  readonly wish: string;
  readonly command: string;
  /** What the refusal says besides. */
  readonly refused?: Readonly<Record<string, unknown>>;
}

/** A handler that answers people alone, by the kernel's word on who asks; a service is answered 403, and reported. */
export function personsOnly(
  { request, wish, command, refused }: PersonsRequest,
  declined: Declined,
  handler: ControlHandler,
): ControlHandler {
  const refuse = (detail: string) => ({
    status: 403,
    body: { ...refused, reason: 'not_a_person', error: 'E_NOT_A_PERSON', detail },
  });
  return (body, peer) => {
    const who = peer?.() ?? null;
    if (who === null)
      return refuse(
        'it is not known who asks, since the native addon does not fit: run npm ci, then restart the service',
      );
    if (!isPerson(who.uid)) {
      declined.report(request, `process ${who.pid} of ${userOf(who)}, which is no person, asked for ${wish}`);
      return refuse(`${userOf(who)} is the user of a service: run ${command} as yourself or as root`);
    }
    return handler(body, peer);
  };
}

/** The same for each of the trader's `routes` that changes something; what only tells stays open to the group. */
export function changesByPersonsOnly(routes: ControlRoutes, declined: Declined): ControlRoutes {
  return Object.fromEntries(
    Object.entries(routes).map(([route, handler]) => [
      route,
      route.startsWith('GET ')
        ? handler
        : personsOnly(
            { request: route, wish: `the trader’s ${route.slice('POST '.length)}`, command: 'redbutton' },
            declined,
            handler,
          ),
    ]),
  );
}
