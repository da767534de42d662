import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface Key {
  key: string
  use: string
  alg: string
  state: string
  signs_from: string
  published_until?: string
}

interface Rotated {
  key: string
  use: string
  alg: string
  replaces: string
  withdrawn?: string[]
  signs_from: string
  replaced_until: string
  pending: boolean
}

export async function listKeys(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{ keys: Key[] }>('GET', '/v1/oidc/keys')
  const rows = result.keys.map(({ key, use, alg, state, signs_from, published_until = '' }) => [
    ...[key, use, alg, state, signs_from, published_until],
  ])
  print(
    options.json,
    result,
    table([['KEY', 'USE', 'ALG', 'STATE', 'SIGNS FROM', 'PUBLISHED UNTIL'], ...rows]),
  )
}

export async function rotateKeys(
  options: Options & { now: boolean; use?: 'access' | 'identity' },
): Promise<void> {
  const { now, use } = options
  const result = await createOperatorApi(options).call<{ rotated: Rotated[] }>('POST', '/v1/oidc/rotate', {
    now,
    ...(use === undefined ? {} : { use }),
  })
  const lines = result.rotated.map((one) =>
    now
      ? `${one.use} ${one.alg}: ${one.key} signs from now on; ${one.replaces}, which signed till now, is withdrawn${alsoOf(one)}`
      : `${one.use} ${one.alg}: ${one.key} is ${one.pending ? 'the next key already' : 'published'} and signs from ${one.signs_from}; ${one.replaces} stays published until ${one.replaced_until}`,
  )
  const ended = now && result.rotated.some((one) => one.use === 'access')
  print(options.json, result, [
    ...lines,
    ...(ended ? ['sessions that are open have no token any more: their steps end, and start anew'] : []),
  ])
}

/** Those that were waiting or still published. */
function alsoOf({ withdrawn = [] }: Rotated): string {
  const others = withdrawn.slice(1)
  return others.length === 0 ? '' : `, and so ${others.length === 1 ? 'is' : 'are'} ${others.join(', ')}`
}
