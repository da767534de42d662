import { azureIdentity } from '../../clouds/index.ts'
import { durationSeconds, type PolicyDocument, type SecretStoreConfig } from '../../config/index.ts'
import type { HttpClient } from '../../http-client/index.ts'
import { MayflyError, Secret, type Clock } from '../../lib/index.ts'
import { secretsManagerStore, ssmStore } from './aws.ts'
import { azureStore } from './azure.ts'
import { commandStore } from './command-store.ts'
import { fileStore } from './file-store.ts'
import { gcpStore } from './gcp.ts'
import { onePasswordStore } from './one-password.ts'
import { openbaoStore } from './openbao.ts'
import { maxValueBytes, refused, type Reference, type SecretStore } from './store.ts'

const mostKept = 1_000

/** Secrets that are kept elsewhere: mayfly.yaml says where, nothing of them is copied. */
export interface ExternalSecrets {
  /** The name of the store where the policy in force says that it is kept. */
  storeOf(name: string): string | undefined
  /** Throws `secret_missing`, `credential_failed` or `upstream_unreachable`, and says which store. */
  open(name: string): Promise<ExternalSecret>
}

export interface ExternalSecret {
  readonly value: Secret
  readonly version: string
  readonly store: string
}

export interface ExternalDeps {
  /** The policy in force. */
  document: () => Pick<PolicyDocument, 'secrets' | 'secret_stores'> | undefined
  http: HttpClient
  clock: Clock
  /** Of the vault itself: what opens a store cannot be kept in another one. */
  openSecret: (name: string) => Promise<Secret>
  /** A token of Mayfly's own OIDC issuer. */
  identityToken: (audience: string, purpose: string) => Promise<Secret>
  /** What this server was given on its own command line, by name. */
  folders: ReadonlyMap<string, string>
  commands: ReadonlyMap<string, string>
  /** For Azure's and Google's credentials. */
  variables: Readonly<Record<string, string>>
}

interface Kept {
  readonly reading: Promise<ExternalSecret>
  untilMs: number
}

/**
 * A value is kept in memory for a minute at most, and two who ask at once ask the store once. A read that fails is kept for
 * nobody, and what was kept before it is not used in its place: the store may have had it revoked.
 */
export function createExternalSecrets(deps: ExternalDeps): ExternalSecrets {
  const { clock } = deps
  const kept = new Map<string, Kept>()
  const stores = new Map<string, SecretStore>()

  function referenceOf(name: string) {
    const document = deps.document()
    const secrets = document?.secrets ?? {}
    const reference = Object.hasOwn(secrets, name) ? secrets[name] : undefined
    const { store, path } = reference ?? {}
    if (document === undefined || store === undefined || path === undefined) return undefined
    const config = Object.hasOwn(document.secret_stores, store) ? document.secret_stores[store] : undefined
    return config === undefined ? undefined : { store, config, wanted: { ...reference, path } }
  }

  /** One for each configuration, since it keeps a token. */
  function storeFor(name: string, config: SecretStoreConfig): SecretStore {
    const key = JSON.stringify([name, config])
    const known = stores.get(key) ?? createStore(name, config, deps)
    if (stores.size > mostKept) stores.clear()
    stores.set(key, known)
    return known
  }

  function forget(key: string, one: Kept): void {
    if (kept.get(key) === one) kept.delete(key)
  }

  async function read(name: string, store: string, config: SecretStoreConfig, wanted: Reference) {
    try {
      const { value, version } = await storeFor(store, config).read(wanted)
      if (value === '') throw refused('its value is empty')
      if (Buffer.byteLength(value) > maxValueBytes)
        throw refused(`its value has more than ${maxValueBytes} bytes`)
      return { value: new Secret(value), version: version.slice(0, 200), store }
    } catch (error) {
      // Whatever else went wrong could have the value in its words.
      const { code, message } =
        error instanceof MayflyError
          ? error
          : { code: 'credential_failed' as const, message: 'it cannot be read' }
      throw new MayflyError(code, `secret "${name}" of the store "${store}" (${config.kind}): ${message}`)
    }
  }

  return {
    storeOf: (name) => referenceOf(name)?.store,
    open(name) {
      const reference = referenceOf(name)
      if (reference === undefined)
        throw new MayflyError('secret_missing', `secret "${name}" is kept in no store of the policy in force`)
      const { store, config, wanted } = reference
      const key = JSON.stringify([store, config, wanted])
      const known = kept.get(key)
      if (known !== undefined && clock.nowMs() < known.untilMs) return known.reading
      if (kept.size >= mostKept) kept.clear()
      const keepMs = durationSeconds(config.cache) * 1000
      const one: Kept = { reading: read(name, store, config, wanted), untilMs: clock.nowMs() + keepMs }
      kept.set(key, one)
      one.reading.then(
        // From when it was there, not from when it was asked for.
        () => {
          one.untilMs = clock.nowMs() + keepMs
          setTimeout(() => forget(key, one), keepMs).unref()
        },
        () => forget(key, one),
      )
      return one.reading
    },
  }
}

function createStore(name: string, config: SecretStoreConfig, deps: ExternalDeps): SecretStore {
  switch (config.kind) {
    case 'openbao': {
      const identity = (audience: string) => deps.identityToken(audience, `secret-store/${name}`)
      return openbaoStore(config, { ...deps, identity })
    }
    case '1password-connect':
      return onePasswordStore(config, deps)
    case 'aws-secrets-manager':
      return secretsManagerStore(config, deps)
    case 'aws-ssm':
      return ssmStore(config, deps)
    case 'gcp-secret-manager':
      return gcpStore(config, deps)
    case 'azure-key-vault':
      return azureStore(config, { ...deps, identity: azureIdentity(deps.variables) })
    case 'file':
      return fileStore(given(deps.folders, config.folder, '--secret-files NAME=FOLDER'))
    case 'command':
      return commandStore(given(deps.commands, config.command, '--secret-command NAME=PROGRAM'))
  }
}

/** Never from mayfly.yaml: who applies a policy does not thereby read files of the server, or run programs there. */
function given(known: ReadonlyMap<string, string>, name: string, option: string): string {
  const found = known.get(name)
  if (found !== undefined) return found
  throw refused(`this server was started without it: mayfly up ${option.replace('NAME', name)}`)
}
