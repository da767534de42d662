import { readEnvironment } from '../src/config/environment.ts'

/** `npm run test:whole` runs what `npm test` leaves out for its time; CI runs both. */
export const isWhole = readEnvironment().variables['MAYFLY_WHOLE'] === '1'

/** How often a property is tried: `few` times by `npm test`, `whole` times by `npm run test:whole`. */
export const runs = (few: number, whole: number): number => (isWhole ? whole : few)
