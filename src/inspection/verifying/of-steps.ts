import { setTimeout as sleep } from 'node:timers/promises'
import { stepEvent, type Step } from '../../broker/index.ts'
import { isSurelyReviewed } from '../../policy/index.ts'
import { placeOf, type RuleFinding } from '../found.ts'
import type { Asker, FoundKey, Settled, Verifier } from './model.ts'

/** What is done about secrets that rules found in what steps send, once it is decided whether that passes. */
export interface StepVerifying {
  /** Rules whose secrets are wanted of what this step sends: none of one that strangers may have a hand in. */
  wanted(step: Step): readonly string[]
  /** Begins, and is not waited for. Never rejects. */
  begin(step: Step, place: string, keys: readonly FoundKey[], findings: readonly RuleFinding[]): Promise<void>
}

const mostOfOne = 20
/** What a limit or a failure kept from being asked, or ended, is tried again after these. */
const pausesMs = [61_000, 61_000, 120_000, 300_000, 600_000]
/** Secrets of all steps together that wait to be tried again. */
const mostOpen = 500

/**
 * A fork's run is never asked for: whoever wrote it would have us ask with whatever they like, and learn from the log of their vendor who
 * we are. Where the token of the job does not say whose code runs, it is the same.
 */
export function createStepVerifying(
  verifier: Verifier,
  pause: (ms: number) => Promise<unknown> = (ms) => sleep(ms, undefined, { ref: false }),
): StepVerifying {
  const isOurs = ({ session }: Step) => isSurelyReviewed(session.subject.attributes)
  let open = 0

  async function settle(all: readonly FoundKey[], askerOf: (key: FoundKey) => Asker): Promise<void> {
    let left = all
    for (const [tries, ms] of [...pausesMs, undefined].entries()) {
      const later: FoundKey[] = []
      for (const key of left) {
        const settled = await verifier.settle(key, askerOf(key))
        if (!isLater(settled)) continue
        const isLast = ms === undefined || open >= mostOpen
        if (!isLast) {
          later.push(key)
          open++
        }
        // The log has it from the first time on: whatever becomes of this server, it is not lost without a word.
        if (tries === 0 || isLast) await record(key, askerOf(key), settled, isLast)
      }
      if (later.length === 0 || ms === undefined) return
      await pause(ms)
      open -= later.length
      left = later
    }
  }

  async function record(key: FoundKey, asker: Asker, settled: Settled, isLast: boolean): Promise<void> {
    const { verified, ended } = settled
    // The vendor said so, and an entry has it.
    if (ended === undefined ? verified.asked === 'now' : ended.state === 'failed') return
    const then = isLast ? 'it is not tried again' : 'it is tried again for some minutes'
    const why = `${(ended ?? verified).why ?? 'it failed'}; ${then}`
    await verifier
      .recordOpen(key, asker, { verified: { ...verified, why }, ...(ended && { ended: { ...ended, why } }) })
      .catch(() => undefined)
  }

  return {
    wanted: (step) => (isOurs(step) ? (verifier.config()?.kinds ?? []) : []),
    async begin(step, place, keys, findings) {
      if (!isOurs(step)) return
      const files = new Map(
        findings.map(({ finding }) => [finding.fingerprint, placeOf(finding.file, finding.start.line)]),
      )
      // What the policy allows is no leak, and nobody's question.
      const counted = keys.filter(({ fingerprint }) => files.has(fingerprint)).slice(0, mostOfOne)
      await settle(counted, ({ fingerprint }) => ({
        who: `role ${step.role}`,
        entryOf: (type, data) => stepEvent(step, type, { ...data, place, path: files.get(fingerprint) }),
      }))
    },
  }
}

function isLater({ verified, ended }: Settled): boolean {
  return (ended ?? verified).later === true
}
