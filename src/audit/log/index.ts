/**
 * The audit log: one process, one folder, one Ed25519 key, one port. It takes opaque entries from the holder of
 * the append token, makes them durable, gives back signed receipts, and every second publishes a signed
 * checkpoint over C2SP tlog-tiles that anybody can read and check with `audit/verify`.
 *
 * It refuses to change or remove an entry, to sign over storage that contradicts what it signed before, to share
 * its folder with a second process, and, after any failed write, everything until it is restarted.
 *
 * Invariant: a receipt that left the process is for an entry that is on the disk, at that index, in every
 * checkpoint of a greater size, whatever is killed when, and whatever a power cut takes that no fsync covers. One
 * exception is out of reach: a disk that loses or alters the last, not yet published record of the write-ahead log
 * looks like a crash before its receipt left.
 *
 *     key.vkey                     the public key
 *     checkpoint                   the newest checkpoint: a signed note, replaced as a whole
 *     checkpoints/<size>           every checkpoint that was ever published
 *     tile/<L>/<N>[.p/<W>]         hashes; tile/entries/... the entries themselves
 *     state/key                    the private key
 *     state/lock-checkpoint        what the log has bound itself to; never behind `checkpoint`
 *     state/staged/<size>-<root>   a commit on its way: its files, and a manifest
 *     state/wal-<index>            what was acknowledged, and a window of what was published last
 *     state/forks/fork-<...>       two signed checkpoints that contradict each other: this folder is not started again
 *     state/lock, lock-holder      the one writer's lock, and who has it
 */
export { type AuditLog, type AuditLogOptions, startAuditLog } from './start.ts'
