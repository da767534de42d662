import { readEnvironment } from '../src/config/environment.ts'

/** `npm run test:whole` runs what `npm test` leaves out for its time; CI runs both. */
export const isWhole = readEnvironment().variables['MAYFLY_WHOLE'] === '1'
