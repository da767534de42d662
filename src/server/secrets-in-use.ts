import { MayflyError, Secret, noSuch, readValue, secretNameForm, secretNamePattern } from '../lib/index.ts'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import type { Details, Listed, SecretChanges, Vault } from '../vault/index.ts'

/** A version that is sealed and not in use yet. */
export interface Staged {
  readonly name: string
  readonly version: number
}

/**
 * What gives is in the audit log before it is in force: new versions are sealed, their entries written, and only then are they
 * used. All of them or none; where the log does not take an entry, their bytes are destroyed again.
 */
export async function putToUse(
  deps: { store: Store; vault: Vault; audit: AuditClient },
  stage: (secrets: SecretChanges) => Promise<readonly (Staged & { readonly details?: Details })[]>,
  event: (staged: Staged) => AuditEvent,
): Promise<readonly Staged[]> {
  const { store, vault, audit } = deps
  const staged = await store.write((tx) => stage(vault.change(tx)))
  try {
    await Promise.all(staged.map((one) => audit.append(event(one))))
  } catch (error) {
    await store.write(async (tx) => {
      for (const { name, version } of staged) await vault.change(tx).destroy(name, version)
    })
    throw error
  }
  await store.write(async (tx) => {
    const secrets = vault.change(tx)
    for (const { name, version, details } of staged) {
      await secrets.use(name, version)
      await secrets.describe(name, details ?? {})
    }
  })
  return staged
}

/** Throws `bad_input` for a name that no secret can have, and `conflict` for one that another store keeps. */
export function checkName(rules: RulesHolder, name: string): string {
  if (!secretNamePattern.test(name)) throw new MayflyError('bad_input', secretNameForm)
  refuseElsewhere(rules, name)
  return name
}

/**
 * Throws `bad_input`, with nothing of the value, for one that is most likely not meant so. The line break at its end, which every
 * editor and tool writes, is left out: in `set`, `import` and a call of the API alike.
 */
export function checkValue(
  name: string,
  given: { value: string; multiline: boolean; as_is: boolean },
): { value: Secret; form: string } {
  const { multiline, as_is: asIs } = given
  const value = asIs ? given.value : given.value.replace(/\r?\n$/, '')
  const read = readValue(value, { multiline, asIs })
  if (!read.ok) throw new MayflyError('bad_input', `the value of ${name} is not taken: ${read.problem}`)
  return { value: new Secret(value), form: read.form }
}

/** Throws `not_found`, with the name that was probably meant; `conflict` for one that another store keeps. */
export async function findSecret(vault: Vault, rules: RulesHolder, name: string): Promise<Listed> {
  refuseElsewhere(rules, name)
  const found = await vault.find(name)
  if (found !== undefined) return found
  throw noSuch(
    'secret',
    name,
    (await vault.list()).map((one) => one.name),
  )
}

/** What another store keeps is changed there. */
export function refuseElsewhere(rules: RulesHolder, name: string): void {
  const store = storeOf(rules, name)
  if (store === undefined) return
  throw new MayflyError(
    'conflict',
    `secret "${name}" is kept in the store "${store}" (secrets.${name} of the policy in force): change it there`,
  )
}

/** Where the policy in force says that a secret is kept, if not in the vault. */
export function storeOf(rules: RulesHolder, name: string): string | undefined {
  const secrets = rules.loaded ? rules.current().document.secrets : {}
  return Object.hasOwn(secrets, name) ? secrets[name]?.store : undefined
}
