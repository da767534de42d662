import type { Tellers } from './story-entry.ts'
import { list, text } from './story-text.ts'

/** The server and its audit log, their copies and witnesses, as it is told. */
export const logTellers: Tellers = {
  'entries.lost': (data) => [
    `entries ${list(data['numbers'])} of this run may be missing: the log could not be written to, and what they would have allowed was refused`,
  ],
  'rollback.accepted': (data) => [
    `an older copy of the log was accepted: it had ${text(data['size'])} entries, and entry ${text(data['index'])} had been confirmed`,
  ],
  'store.restored': ({ from: first, size, sessions, compromised }) => [
    `the store was an older copy: it did not know entries ${text(first)} to ${Number(size) - 1}; ${text(sessions)} sessions were ended`,
    ...(Array.isArray(compromised) ? [`compromised by the log: ${compromised.map(text).join(', ')}`] : []),
  ],
  'server.started': (data) => [`the server started (version ${text(data['version'])})`],
  'timestamp.announced': (data, { subject }) => [
    `${subject} has the next certificate for timestamps ready (SHA-256 ${text(data['certificate']).slice(0, 16)}…), which signs nothing yet`,
  ],
  'timestamp.rotated': (data, { subject }) => [
    `${subject} signs timestamps by another certificate (SHA-256 ${text(data['certificate']).slice(0, 16)}…): the key of the one before was deleted`,
  ],
  'quorum.lost': (data) => [`THE WITNESSES ARE NO QUORUM: ${list(data['missing'])} do not cosign`],
  'quorum.restored': () => ['the witnesses are a quorum again'],
  'history.refused': (data) => [`WITNESS ${text(data['witness'])} REFUSED THIS LOG: ${text(data['reason'])}`],
  'history.contradicted': (data) => [
    `FORK: witness ${text(data['witness'])} has a checkpoint of this log that contradicts it: ${text(data['reason'])}`,
  ],
}
