import mqtt from 'mqtt';

/** One message as the owner's phone would see it. */
export interface PhoneMessage {
  readonly topic: string;
  readonly payload: string;
}

/** A subscriber in the place of the owner's phone: it sees what reaches the broker and nothing else. */
export interface Phone {
  readonly messages: readonly PhoneMessage[];
  /** Messages whose topic ends so, oldest first. */
  received(topicEnd: string): readonly PhoneMessage[];
  close(): Promise<void>;
}

/** Subscribes to everything a device says. `protocolVersion` must suit the broker. */
export async function connectPhone(url: string, device: string, protocolVersion: 4 | 5): Promise<Phone> {
  const client = await mqtt.connectAsync(url, {
    protocolVersion,
    clientId: `phone-${device}`,
    reconnectPeriod: 0,
  });
  const messages: PhoneMessage[] = [];
  client.on('message', (topic, payload) => messages.push({ topic, payload: payload.toString('utf8') }));
  await client.subscribeAsync(`redbutton/${device}/#`, { qos: 1 });
  return {
    messages,
    received: (topicEnd) => messages.filter((message) => message.topic.endsWith(topicEnd)),
    close: () => client.endAsync(),
  };
}
