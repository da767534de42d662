import { predicateWords, type Statement } from '../../attest/verify/index.ts'

/** What a verification summary says; what is of another type in it is `?`. */
export interface Summary {
  readonly result: string
  readonly levels: readonly string[]
  readonly verifier: string
  readonly policy: string
  readonly resource: string
  readonly at: string
}

export function readSummary({ predicateType, predicate }: Statement): Summary | undefined {
  if (predicateType !== predicateWords['vsa']) return undefined
  const said = recordOf(predicate)
  const levels = said['verifiedLevels']
  return {
    result: textOf(said['verificationResult']),
    levels: Array.isArray(levels) ? levels.slice(0, 20).map(textOf) : [],
    verifier: textOf(recordOf(said['verifier'])['id']),
    policy: textOf(recordOf(said['policy'])['uri']),
    resource: textOf(said['resourceUri']),
    at: textOf(said['timeVerified']),
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '?'
}
