import { Secret } from '../lib/index.ts'
import type { Broker, Lease, Step } from '../broker/index.ts'
import { createMasker, type Masker } from '../mask/index.ts'

/** The credentials that were made or opened for a step, by which what is kept of it is masked. */
export interface Given {
  readonly lease: Broker['lease']
  /** Knows those that come later, too. */
  masker(step: Step): Masker
}

interface Told {
  readonly value: Secret
  readonly lease: Lease
}

export function createGiven(
  broker: Pick<Broker, 'lease'>,
  /** Told of each once, and again when it has another end, or is another lease's. */
  onGiven?: (step: Step, lease: Lease, value: Secret) => void,
): Given {
  const ofSteps = new WeakMap<Step, { readonly values: Map<string, Told>; masker?: Masker }>()

  function of(step: Step) {
    const known = ofSteps.get(step) ?? { values: new Map<string, Told>() }
    ofSteps.set(step, known)
    return known
  }

  return {
    async lease(step, connection, grant) {
      const lease = await broker.lease(step, connection, grant)
      const known = of(step)
      for (const value of valuesOf(lease)) {
        const before = known.values.get(value.reveal())
        if (before?.lease.id === lease.id && before.lease.expiresMs === lease.expiresMs) continue
        known.values.set(value.reveal(), { value, lease })
        onGiven?.(step, lease, value)
        if (before === undefined) known.masker?.add(value)
      }
      return lease
    },
    masker(step) {
      const known = of(step)
      return (known.masker ??= createMasker([...known.values.values()].map(({ value }) => value)))
    },
  }
}

/** Fields that say who a credential is for: upstreams show them to anybody (owners of tables, lists of keys, URLs that were signed). */
const publicFields: ReadonlySet<string> = new Set(['username', 'access_key_id', 'public_key', 'certificate'])

function valuesOf({ authorization, fields = {} }: Lease): Secret[] {
  const sent = authorization?.reveal() ?? ''
  const bare = sent.replace(/^\w+ /, '')
  const password = sent.startsWith('Basic ') ? Buffer.from(bare, 'base64').toString().split(':') : []
  return [
    ...[sent, bare, password.slice(1).join(':')].filter((one) => one !== '').map((one) => new Secret(one)),
    ...Object.entries(fields).flatMap(([name, value]) => (publicFields.has(name) ? [] : [value])),
  ]
}
