import { MayflyError, Secret, systemClock, type ErrorCode, type LeaseId } from '../lib/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import type { IssuerName } from '../kinds/index.ts'
import type { Held, IssuerTools, Minted, MintRequest, Plain } from './issuer.ts'

/** A connection by `tcp`, on this machine unless `more` says otherwise. */
export function connectionAt(
  port: number,
  more: Partial<MintRequest['connection']> = {},
): MintRequest['connection'] {
  return {
    name: 'orders',
    kind: 'tcp',
    tls: false,
    host: '127.0.0.1',
    port,
    url: `tcp://127.0.0.1:${port}`,
    basePath: '',
    credential: undefined,
    dial: undefined,
    ca: undefined,
    opaque: false,
    ...more,
  }
}

export function toolsWith(secrets: Readonly<Record<string, string>>): IssuerTools {
  const unused = () => Promise.reject(new Error('not used here'))
  return {
    clock: systemClock,
    http: { ask: unused },
    identityToken: unused,
    openSecret: async (name) => {
      const value = secrets[name]
      if (value === undefined) throw new MayflyError('secret_missing', name)
      return new Secret(value)
    },
  }
}

let leases = 0

export function requestFor<Name extends IssuerName>(
  connection: MintRequest['connection'],
  config: IssuerConfig<Name>,
  more: Partial<MintRequest<Name>> = {},
): MintRequest<Name> {
  return {
    lease: `lse_${String(leases++).padStart(24, '0')}` as LeaseId,
    connection,
    config,
    grants: [],
    ttlSeconds: 600,
    run: 'run_1',
    step: 'migrate',
    role: 'release',
    ...more,
  }
}

/** What there is of it when it is to be ended; without `made` its answer never came. */
export function heldOf<Name extends IssuerName>(
  { lease, connection, config, ttlSeconds }: MintRequest<Name>,
  plan: Plain,
  made?: Minted,
): Held<Name> {
  const expiresMs = made?.expiresMs ?? Date.now() + ttlSeconds * 1000
  return { lease, connection, config, plan, handle: made?.handle, expiresMs }
}

export function field(minted: Minted, name: string): string {
  return minted.fields[name]?.reveal() ?? ''
}

export const coded = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  if (!(error instanceof MayflyError)) throw error
  if (error.code === code && message.test(error.message) && !error.message.includes('\n')) return true
  throw new Error(`${error.code}: ${error.message}, and not ${code}: ${message.source}`)
}
