import { writeFileSync } from 'node:fs'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface State {
  id: string
  kind: string
  state: string
  run: string | null
  step: string | null
  created: string
  signed: string | null
  next_attempt: string | null
  attempts: number
  failure: string | null
  removed: string | null
}

/** What is signed, waits or has failed. */
export async function listAttestations(
  options: Options & { run?: string; step?: string; state?: string; before?: string },
): Promise<void> {
  const { run, step, state, before } = options
  const asked = Object.entries({ run, step, state, before }).filter(
    (one): one is [string, string] => one[1] !== undefined,
  )
  const result = await createOperatorApi(options).call<{ attestations: State[]; next?: string }>(
    'GET',
    `/v1/attestations/states?${new URLSearchParams(asked).toString()}`,
  )
  const rows = result.attestations.map((one) => [
    one.id,
    one.kind,
    one.state,
    one.run ?? '-',
    one.step ?? '-',
    note(one),
  ])
  const head = ['ID', 'KIND', 'STATE', 'RUN', 'STEP', 'NOTE']
  const { next } = result
  const further = asked.filter(([name]) => name !== 'before').map(([name, value]) => ` --${name} ${value}`)
  const more =
    next === undefined ? [] : [`there are older ones: mayfly attest list${further.join('')} --before ${next}`]
  print(options.json, result, rows.length === 0 ? ['there are none'] : [...table([head, ...rows]), ...more])
}

function note({ state, signed, removed, failure, attempts, next_attempt: next }: State): string {
  if (removed !== null) return `kept until ${removed}`
  if (state === 'signed') return `signed ${signed ?? ''}`
  if (state === 'kept') return 'made when it is asked for: mayfly attest receipt STEP'
  const why = failure ?? 'not tried yet'
  if (state === 'failed') return why
  return attempts === 0 ? why : `tried ${attempts} times: ${why}; again at ${next ?? '?'}`
}

export async function retryAttestations(id: string | undefined, options: Options): Promise<void> {
  const body = id === undefined ? {} : { id }
  const result = await createOperatorApi(options).call<{ asked: number }>(
    'POST',
    '/v1/attestations/retry',
    body,
  )
  if (id !== undefined && result.asked === 0)
    throw new MayflyError('not_found', `${id} neither waits nor has failed: mayfly attest list`)
  print(options.json, result, [`${result.asked} are tried again now: mayfly attest list --state due`])
}

type Receipt = { bundle: object } | { pending: true }

/** How long the command asks for a receipt that is not made yet. */
const waitMs = 60_000

/** The signed receipt of a step, as a Sigstore bundle. */
export async function writeReceipt(step: string, options: Options & { output?: string }): Promise<void> {
  const api = createOperatorApi(options)
  const until = performance.now() + waitMs
  for (;;) {
    const receipt = await api.call<Receipt>('POST', `/v1/steps/${encodeURIComponent(step)}/receipt`)
    if ('bundle' in receipt) return show(step, receipt.bundle, options)
    if (performance.now() >= until)
      throw new MayflyError(
        'audit_unavailable',
        `the receipt of ${step} is not signed yet: mayfly attest list --step ${step} says why`,
      )
  }
}

function show(step: string, bundle: object, { output, json }: Options & { output?: string }): void {
  const text = `${JSON.stringify(bundle)}\n`
  if (output === undefined || output === '-') {
    process.stdout.write(text)
    return
  }
  try {
    // Whatever is there stays what it is.
    writeFileSync(output, text, { flag: 'wx' })
  } catch (cause) {
    throw new MayflyError('bad_input', `${output} cannot be written as a new file`, { cause })
  }
  print(json, { step, file: output }, [`the receipt of ${step} is in ${output}`])
}
