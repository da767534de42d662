import { messageOf } from '../../lib/index.ts'
import { contentNow, draftOf, isDue, putInForce, rootsHere } from './documents.ts'
import type { Held } from './held.ts'
import { makeMissing } from './making.ts'
import type { TrustDeps } from './model.ts'
import { doesNotHold } from './nothing-attested.ts'
import { warningsOf } from './warnings.ts'

/** A key that is made calls for a document, which may call for the next key. */
const maxRounds = 5

export interface Sweeping {
  /** Makes the keys that are missing and signs the document that is due, if the root key is here. */
  sweep(): Promise<void>
  /** The same for whoever has just changed something: a sweep that began before does not know of it yet. */
  sweepAnew(): Promise<void>
  /** What the last sweep has to say to people. */
  warnings(): readonly string[]
}

export function createSweeping(deps: TrustDeps, held: Held): Sweeping {
  let warnings: readonly string[] = []
  let sweeping: Promise<void> | undefined

  async function sweepNow(): Promise<void> {
    await held.refresh()
    const problems: string[] = []
    try {
      for (let round = 0; round < maxRounds; round++) if (!(await sweepRound(deps, held))) break
    } catch (error) {
      problems.push(messageOf(error))
    }
    const opened = held.opened()
    if (opened?.ok === false) problems.push(doesNotHold(opened.detail))
    warnings = await warningsOf(deps, held.state(), held.knownKeys(), problems)
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepNow().finally(() => {
      sweeping = undefined
    })
    return sweeping
  }

  return {
    sweep,
    async sweepAnew() {
      await sweeping
      await sweep()
    },
    warnings: () => warnings,
  }
}

/** True if the store has something new now. */
async function sweepRound(deps: TrustDeps, held: Held): Promise<boolean> {
  const isNew = await makeMissing(deps, held.state())
  if (isNew) await held.refresh()
  return (await signDue(deps, held)) || isNew
}

/** True if the store has a newer document now. */
async function signDue(deps: TrustDeps, held: Held): Promise<boolean> {
  const keys = await held.keysOfLog()
  const state = held.state()
  const here = rootsHere(state)
  const root = state.document?.payload.root ?? here.map(({ public_key }) => public_key)
  if (here.length === 0 || !isDue(state, contentNow(deps, state, keys, root), deps.clock.nowMs()))
    return false
  const { envelope } = await draftOf(deps, state, keys, {})
  await putInForce(deps, state, envelope, { reason: 'due' })
  await held.refresh()
  return true
}
