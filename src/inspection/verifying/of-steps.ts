import { stepEvent, type Step } from '../../broker/index.ts'
import { isSurelyReviewed } from '../../policy/index.ts'
import { shown, type RuleFinding } from '../found.ts'
import type { FoundKey, Verifier } from './model.ts'

/** What is done about secrets that rules found in what steps send, once it is decided whether that passes. */
export interface StepVerifying {
  /** Rules whose secrets are wanted of what this step sends: none of one that strangers may have a hand in. */
  wanted(step: Step): readonly string[]
  /** Begins, and is not waited for. Never rejects. */
  begin(step: Step, place: string, keys: readonly FoundKey[], findings: readonly RuleFinding[]): Promise<void>
}

const mostOfOne = 20

/**
 * A fork's run is never asked for: whoever wrote it would have us ask with whatever they like, and learn from the log of their vendor who
 * we are. Where the token of the job does not say whose code runs, it is the same.
 */
export function createStepVerifying(verifier: Verifier): StepVerifying {
  const isOurs = ({ session }: Step) => isSurelyReviewed(session.subject.attributes)
  return {
    wanted: (step) => (isOurs(step) ? (verifier.config()?.kinds ?? []) : []),
    async begin(step, place, keys, findings) {
      if (!isOurs(step)) return
      const files = new Map(
        findings.map(({ finding }) => [finding.fingerprint, `${shown(finding.file)}:${finding.start.line}`]),
      )
      // What the policy allows is no leak, and nobody's question.
      const counted = keys.filter(({ fingerprint }) => files.has(fingerprint)).slice(0, mostOfOne)
      for (const key of counted) {
        const path = files.get(key.fingerprint)
        const entryOf = (type: string, data: Record<string, unknown>) =>
          stepEvent(step, type, { ...data, place, path })
        const { state, asked } = await verifier.verify(key, entryOf)
        const isEnded = verifier.config()?.revoke.includes(key.rule) === true
        if (state === 'alive' && asked !== 'no' && isEnded) await verifier.revoke(key, entryOf)
      }
    },
  }
}
