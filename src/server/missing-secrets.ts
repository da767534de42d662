import { secretReferences, type Rules } from '../rules/index.ts'
import type { Vault } from '../vault/index.ts'

/** One line for each secret that the policy names and the vault has not: its connection would refuse every step. */
export async function missingSecrets(document: Rules['document'], vault: Vault): Promise<string[]> {
  const sealed = new Set((await vault.list()).map(({ name }) => name))
  return [...secretReferences(document)]
    .filter(([name]) => !sealed.has(name))
    .map(
      ([name, places]) =>
        `secret "${name}" of ${places.join(', ')} is not in the vault: mayfly secret set ${name}`,
    )
}
