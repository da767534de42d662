/**
 * Sessions that steps had at terminals of hosts, as asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/): written while
 * they go on, kept for as long as the policy says, read by operators. Decides nothing, masks nothing, and knows no people.
 * Invariant: a recording that has begun is on disk, and what `write` took is in its file; its end has the SHA-256 of all of it.
 */
export { createRecordings } from './recordings.ts'
export type { Begun, OpenRecording, RecordingRow, Recordings } from './recordings.ts'
