import { createServer, type Server } from 'node:net';
import { fault, messageOf } from '../core/errors.js';

/** An MQTT broker inside this process, for the demo alone. */
export interface EmbeddedBroker {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts aedes on a free loopback port. It is a development package: where a production install lacks it, the demo says
 * so and asks for a broker instead. It speaks MQTT 3.1.1, which the client is told through `mqtt.protocolVersion`.
 */
export async function startEmbeddedBroker(): Promise<EmbeddedBroker> {
  let Aedes: typeof import('aedes').Aedes;
  try {
    ({ Aedes } = await import('aedes'));
  } catch (error) {
    throw fault(
      'E_DEMO_BROKER',
      `the demo's embedded broker is not installed: ${messageOf(error)}`,
      'run npm ci in a checkout, or name a broker with --mqtt mqtt://host:port',
      error,
    );
  }
  const broker = await Aedes.createBroker();
  const server: Server = createServer(broker.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
