/** What an owner must write into `liveAcknowledgement`, word for word. */
export const LIVE_ACKNOWLEDGEMENT = 'I trade real money with this box and may lose it';
