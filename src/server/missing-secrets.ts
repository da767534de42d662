import { secretReferences, type Rules } from '../rules/index.ts'
import type { Vault } from '../vault/index.ts'

/** One line for each secret that the policy names and the vault has not: its connection would refuse every step. */
export async function missingSecrets(document: Rules['document'], vault: Vault): Promise<string[]> {
  const lines: string[] = []
  for (const [name, places] of secretReferences(document)) {
    const found = await vault.find(name)
    const store = document.secrets[name]?.store
    const of = `secret "${name}" of ${places.join(', ')}`
    if (store !== undefined) {
      if (found !== undefined)
        lines.push(`${of} is kept in the store "${store}": what the vault has under that name is not used`)
    } else if (found === undefined) lines.push(`${of} is not in the vault: mayfly secret set ${name}`)
    else if (found.deletedMs !== null) lines.push(`${of} is deleted: mayfly secret restore ${name}`)
    else if (found.destroyed) lines.push(`${of} is destroyed: mayfly secret set ${name}`)
  }
  return lines
}
