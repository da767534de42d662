import { Secret } from '../lib/index.ts'
import type { Broker, Lease, Step } from '../broker/index.ts'
import { createMasker, type Masker } from '../mask/index.ts'

/** The credentials that were made or opened for a step, by which what is kept of it is masked. */
export interface Given {
  readonly lease: Broker['lease']
  /** Knows those that come later, too. */
  masker(step: Step): Masker
}

export function createGiven(
  broker: Pick<Broker, 'lease'>,
  /** Told of each once. */
  onGiven?: (step: Step, lease: Lease, value: Secret) => void,
): Given {
  const ofSteps = new WeakMap<Step, { readonly values: Map<string, Secret>; masker?: Masker }>()

  function of(step: Step) {
    const known = ofSteps.get(step) ?? { values: new Map<string, Secret>() }
    ofSteps.set(step, known)
    return known
  }

  return {
    async lease(step, connection, grant) {
      const lease = await broker.lease(step, connection, grant)
      const known = of(step)
      for (const value of valuesOf(lease)) {
        if (known.values.has(value.reveal())) continue
        known.values.set(value.reveal(), value)
        onGiven?.(step, lease, value)
        known.masker?.add(value)
      }
      return lease
    },
    masker(step) {
      const known = of(step)
      return (known.masker ??= createMasker([...known.values.values()]))
    },
  }
}

function valuesOf({ authorization, fields = {} }: Lease): Secret[] {
  const sent = authorization?.reveal() ?? ''
  const bare = sent.replace(/^\w+ /, '')
  const password = sent.startsWith('Basic ') ? Buffer.from(bare, 'base64').toString().split(':') : []
  return [
    ...[sent, bare, password.slice(1).join(':')].filter((one) => one !== '').map((one) => new Secret(one)),
    ...Object.values(fields),
  ]
}
