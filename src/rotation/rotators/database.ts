import { MayflyError, Secret } from '../../lib/index.ts'
import type { HeldConnection } from '../../credentials/index.ts'
import type { Plain } from '../rotator.ts'

/** Where a database listens, as configuration has it: `host`, `host:port`, `[::1]:port`. */
export function placeOf(
  { server, ca }: { server: string; ca?: string | undefined },
  name: string,
  usualPort: number,
): HeldConnection {
  const [, host = '', port] = /^(\[[^\]]+\]|[^:]+)(?::([0-9]+))?$/.exec(server) ?? []
  return {
    name: `secret ${name}`,
    kind: 'tcp',
    url: `tcp://${server}`,
    host: host.replaceAll(/[[\]]/g, ''),
    port: Number(port ?? usualPort),
    tls: false,
    dial: undefined,
    ca,
  }
}

/** Of two that take turns: the one that is not in use. */
export function otherUser(users: string, inUse: string): string {
  return inUse === `${users}_a` ? `${users}_b` : `${users}_a`
}

/** What a plan says: who is made or armed again, and whom that one replaces. */
export function usersIn(plan: Plain): { next: string; last: string } {
  const { next, last } = (plan ?? {}) as { next?: unknown; last?: unknown }
  if (typeof next === 'string' && typeof last === 'string' && next !== last) return { next, last }
  throw new MayflyError('bad_input', 'the plan of the rotation names no two users')
}

export function loginSecret(user: string, password: string): Secret {
  return new Secret(`${user}:${password}`)
}

/** Who would shut himself out can end nobody after it. */
export function refuseAdmin(admin: string, users: readonly string[]): void {
  if (users.includes(admin))
    throw new MayflyError(
      'credential_failed',
      `"${admin}" is the admin itself, who cannot be one of the two that take turns: choose other \`users\`, and a value that is not the admin’s`,
    )
}

/**
 * Found out before anything is made: what cannot be ended later would be alive for ever. `refusalOf` gives what the admin lacks, for
 * an error that says so.
 */
export async function couldEnd<T>(
  user: string,
  trying: () => Promise<T>,
  refusalOf: (error: unknown) => string | undefined,
): Promise<T> {
  try {
    return await trying()
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    throw new MayflyError(
      'credential_failed',
      `the admin may not end "${user}", whose value is in use, so nothing is begun: ${refusal}; or set a value of a user that it may end`,
      { cause: error },
    )
  }
}
