/**
 * Pushes every entry of the log to others: syslog over TLS, signed webhooks, files. A process of its own, which reads what
 * the log publishes as anybody could, so that a sink that is slow, dead or hostile touches neither the log nor a build.
 *
 * It refuses a log whose checkpoint is not signed by the given key or does not extend the one it saw last.
 *
 * Invariant: a cursor is moved past an entry only after its sink has taken it. Each sink gets every entry, in order, at
 * least once; what is sent again has the same id.
 */
export { type ForwarderOptions, startForwarder, type Forwarder } from './forwarder.ts'
export { createSink } from './create-sink.ts'
export type { Sink, SinkEntry } from './sink.ts'
