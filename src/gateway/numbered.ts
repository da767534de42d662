import { MayflyError } from '../lib/index.ts'
import { discard, plainAnswer, type Exchange } from './exchange.ts'

const maxBytes = 1_048_576
const maxKnown = 1_000

/** Where a forge says which repository, project or group a number is. */
export interface NumberLookup {
  /** Below the connection. */
  readonly path: string
  /** The field of its JSON that has the name. */
  readonly field: string
}

/** By step: what was looked up already. */
const known = new WeakMap<object, Map<string, string>>()

/**
 * The name of what a request names by its number, as the forge has it: grants and forbids are about names, and whoever may not read
 * `octo/infra` does not get it as number 77. Looked up only for a role that may do this to something there. Undefined: it was
 * refused, or is not there, and that is answered. Throws `denied`.
 */
export async function nameOfNumber(
  exchange: Exchange,
  action: string,
  { path, field }: NumberLookup,
): Promise<string | undefined> {
  const { connection, ofStep, response } = exchange
  const names = known.get(ofStep) ?? new Map<string, string>()
  known.set(ofStep, names)
  const key = `${connection.name} ${path}`
  const remembered = names.get(key)
  if (remembered !== undefined) return remembered
  const asked = { action, connection: connection.name, path: '' }
  const permit = await exchange.permit(asked, { number: path }, { anyRef: true })
  if (!permit.allow) {
    plainAnswer(response, 403, permit.message)
    return undefined
  }
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'mayfly' }
  const answer = await exchange.send(permit, { method: 'GET', path, headers })
  if (answer.statusCode !== 200) {
    discard(answer)
    plainAnswer(response, 404, `mayfly: ${connection.name} does not say what ${path} is: name it by its path`)
    return undefined
  }
  const name = fieldOf(await exchange.read(answer, maxBytes), field)
  if (name === undefined) throw new MayflyError('denied', `the server does not say what ${path} is`)
  if (names.size < maxKnown) names.set(key, name)
  return name
}

function fieldOf(body: Buffer | undefined, field: string): string | undefined {
  try {
    const value = (JSON.parse(body?.toString('utf8') ?? '') as Record<string, unknown>)[field]
    return typeof value === 'string' && isName(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `OWNER/NAME`, with folders between as GitLab has them. */
export function isName(text: string): boolean {
  return (
    text.length <= 500 &&
    /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/.test(text) &&
    !/(?:^|\/)\.{1,2}(?:\/|$)/.test(text)
  )
}
