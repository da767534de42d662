import { MayflyError, type Secret } from '../lib/index.ts'

/**
 * Keeps the key that all others are wrapped by: in a file, behind a passphrase, in a key service, in a hardware module.
 * Errors: `vault_key` (it is another key, a wrong passphrase: trying again changes nothing), `vault_sealed` (somebody must give
 * it something), `upstream_unreachable` and `credential_failed` (it may answer later).
 */
export interface KeyProvider {
  /** As the configuration calls it: `key-file`, `passphrase`, `aws-kms`, ... */
  readonly kind: string
  /** Which key it is, for people; no secret. */
  readonly describe: string
  /** `context` is authenticated. What it answers is text that only this provider reads; no secret. */
  wrap(key: Buffer, context: string): Promise<string>
  unwrap(wrapped: string, context: string): Promise<Buffer>
  /** Where it waits for a passphrase: for its next use alone. */
  give?(passphrase: Secret): void
  /** It has no passphrase but what `give` brings. */
  readonly isGivenByHand?: boolean
}

/** By their names in `mayfly up --vault FILE`; `key-file` is there without a file, too. */
export interface KeyProviders {
  /** What a new store is made with, and where `rekey` goes to. */
  readonly use: string
  /** Throws `config_invalid` for a name that is not there. */
  named(name: string): KeyProvider
}

/** Throws `bad_input` for a provider that has none: whoever gives one believes that it counts. */
export function givePassphrase(provider: KeyProvider, passphrase: Secret | undefined): void {
  if (passphrase === undefined) return
  if (provider.give === undefined)
    throw new MayflyError(
      'bad_input',
      `the keys are wrapped by ${provider.kind} (${provider.describe}), which takes no passphrase`,
    )
  provider.give(passphrase)
}
