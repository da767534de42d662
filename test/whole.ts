import { readEnvironment } from '../src/config/environment.ts'

/** `npm run test:whole` runs what `npm test` leaves out for its time; CI runs both. */
export const isWhole = readEnvironment().variables['MAYFLY_WHOLE'] === '1'

/** For a test that `npm test` leaves out for its time, where a faster one beside it shows the main way. */
export const slow = { skip: isWhole ? false : 'npm run test:whole' }

/** How often a property is tried: `few` times by `npm test`, `whole` times by `npm run test:whole`. */
export const runs = (few: number, whole: number): number => (isWhole ? whole : few)
