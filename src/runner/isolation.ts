import { MayflyError } from '../lib/index.ts'
import { isolationAdvice, type Probe } from './sandbox/index.ts'
import type { StepRequest } from './step-request.ts'

/** The tier that this step runs in. Throws `isolation_unavailable`: nothing runs less isolated than was asked for. */
export function chooseTier(probe: Probe, request: StepRequest): 'B' | 'E' {
  if (request.isolation === 'none') return 'E'
  if (probe.tier === 'B') return 'B'
  throw new MayflyError(
    'isolation_unavailable',
    `step "${request.name}" cannot be isolated: ${probe.why}: ${isolationAdvice(probe.why)}; or ask for --isolation none, if the role allows it`,
  )
}
