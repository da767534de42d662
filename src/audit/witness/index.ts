/**
 * A witness (c2sp.org/tlog-witness): cosigns the checkpoints of the logs it was told of, after it has seen that each is
 * an extension of the last one it cosigned. It runs elsewhere than the log, and knows of it only what the log publishes.
 *
 * It refuses logs it was not told of, any step back, and any second tree of the same size; of what proves that a log
 * shows two histories it keeps both signed checkpoints and says so loudly.
 *
 * Invariant: of two checkpoints that it has cosigned for one log, the smaller tree is a prefix of the larger.
 *
 *     key, key.vkey                       its own key
 *     <SHA-256 of origin>/checkpoint      the last one it cosigned, with the log's signature and its own
 *     <SHA-256 of origin>/forks/<...>     two signed checkpoints that contradict each other
 */
export { startWitness, type Witness, type WitnessOptions } from './start.ts'
