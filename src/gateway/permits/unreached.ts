import { MayflyError } from '../../lib/index.ts'
import type { Step } from '../../broker/index.ts'
import { certificateProblem, type Connection } from '../../connections/index.ts'
import { maxChars, type RefusalRecords } from './refusals.ts'

/** Different faults that are remembered of a step: the texts are its upstreams', which may make up another each time. */
const maxKept = 50

/** Records that a host did not answer, once for each step, connection and reason; returns the fault to throw. */
export function createUnreached({ denials, activity }: RefusalRecords) {
  /** By connection and reason. */
  const told = new WeakMap<Step, Map<string, MayflyError>>()

  return (step: Step, connection: Connection, fault: MayflyError): MayflyError => {
    const key = `${connection.name} ${fault.message}`
    const known = told.get(step) ?? new Map<string, MayflyError>()
    told.set(step, known)
    const earlier = known.get(key)
    if (earlier !== undefined) return earlier
    const [what, why] = [`connection ${connection.name}`, fault.message.slice(0, maxChars)]
    const requestId = denials.add(step, { what, reason: why, data: { unreached: connection.url } })
    const hint = ': is the host up, and are url and dial of the connection right?'
    const isToBeMended = certificateProblem(connection, fault.cause) !== undefined
    const message = `${why}${isToBeMended ? '' : hint} (${requestId})`
    activity.denied(step.id, what, why, `mayfly: ${message}`)
    const error = new MayflyError('upstream_unreachable', message, { cause: fault })
    if (known.size < maxKept) known.set(key, error)
    return error
  }
}
