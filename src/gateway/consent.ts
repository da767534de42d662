import type { Step } from '../broker/index.ts'
import { describeOperation, type Allowed, type Operation } from '../policy/index.ts'

/** Asks people about single operations, where the grant that lets them pass says so. */
export interface Approvers {
  /** Resolves once they have decided, or will not any more. */
  ask(asked: ConsentAsked): Promise<ConsentAnswer>
  stepEnded(step: Step): Promise<void>
}

export interface ConsentAsked {
  readonly step: Step
  readonly grant: string
  readonly mode: 'always' | 'first'
  readonly approvers?: string
  readonly timeoutSeconds: number
  readonly operations: readonly string[]
  readonly detail: Readonly<Record<string, unknown>>
  readonly gone: () => boolean
  /** A digest of all that is asked for; undefined where that is not known: no other request is the same then. */
  readonly same: string | undefined
  /** It waits for people: what the step is told, once. */
  readonly waits: (line: string) => void
}

type ConsentAnswer =
  | { readonly ok: true; readonly approval: string; readonly by: readonly string[] }
  | { readonly ok: false; readonly why: string }

/** Whose request it is that waits for people. */
export interface Asker {
  /** It waits no longer for an answer. */
  gone(): boolean
  /** Its silence is ours now, or its own again. */
  waits(isWaiting: boolean): void
  /** See `ConsentAsked`. */
  readonly same?: string | undefined
}

/** Instead of an asker: the same is asked once more before anything is changed, and people are asked then. */
export type AskedLater = 'later'

export type Consented =
  | { readonly ok: true; readonly approvals: readonly string[]; readonly once: boolean }
  | { readonly ok: false; readonly why: string }

/** A person decides by what is shown: what does not fit on a page is not shown in part. */
const maxShownChars = 16_000
const maxShownOperations = 50

const nobodyAsked: Consented = { ok: true, approvals: [], once: false }

/** What people say to operations that policy allows; at once where their grants ask for nobody. */
export async function consentTo(
  approvers: Approvers | undefined,
  step: Step,
  allowed: readonly (Allowed & { readonly operation: Operation })[],
  detail: Readonly<Record<string, unknown>>,
  asker: Asker | AskedLater | undefined,
  tell: (line: string) => void,
): Promise<Consented> {
  const asking = allowed.filter(({ conditions }) => conditions?.approval !== undefined)
  if (asking.length === 0 || asker === 'later') return nobodyAsked
  if (approvers === undefined)
    return { ok: false, why: 'its grant asks for approval, and here is nobody to ask' }
  const operations = asking.map(({ operation }) => describeOperation(operation))
  if (operations.length > maxShownOperations || JSON.stringify([operations, detail]).length > maxShownChars)
    return { ok: false, why: 'its grant asks for approval, and it is too much at once for a person to judge' }
  const grants = new Map(asking.map((one) => [JSON.stringify([one.grant, one.conditions]), one]))
  asker?.waits(true)
  try {
    const answers = await Promise.all(
      [...grants].map(([key, { grant, conditions }]) => {
        const { mode = 'always', timeoutSeconds = 0, ...who } = conditions?.approval ?? {}
        const ofGrant = asking.filter((one) => JSON.stringify([one.grant, one.conditions]) === key)
        return approvers.ask({
          ...{ step, grant, mode, timeoutSeconds, detail },
          ...who,
          operations: ofGrant.map(({ operation }) => describeOperation(operation)),
          gone: () => asker?.gone() === true,
          same: asker?.same,
          waits: tell,
        })
      }),
    )
    const refused = answers.find(({ ok }) => !ok)
    if (refused?.ok === false) return refused
    const once = asking.some(({ conditions }) => conditions?.approval?.mode === 'always')
    return { ok: true, once, approvals: answers.flatMap((one) => (one.ok ? [one.approval] : [])) }
  } finally {
    asker?.waits(false)
  }
}
