/**
 * Honey credentials: planted in a step's home and environment, they look real and open nothing. A value tells the step and place
 * that it was planted in, without a table of values: whoever uses it says where it was taken. Refuses to say anything of what it did
 * not make.
 * Invariant: no two steps or places have the same value, and none can be made, or turned into another's, without the sealed seed.
 */
export { createHoney } from './honey.ts'
export type { Honey, Planted, PlantedSecret, Planting } from './honey.ts'
export { honeyProblems } from './problems.ts'
