export { createEgressGuard, type EgressGuard } from './guard.ts'
export type { Destination } from './destination.ts'
export { egressDenial } from './denial.ts'
export {
  boundIdle,
  connectLimit,
  firstByteLimit,
  idleLimit,
  stepSilenceMs,
  type TimeLimit,
} from './timeouts.ts'
