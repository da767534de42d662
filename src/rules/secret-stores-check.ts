import { secretName, type ConfigProblem, type Locate, type PolicyDocument } from '../config/index.ts'
import { didYouMean } from '../lib/index.ts'
import { secretsIn } from './secret-references.ts'

/** Stores that hold versions by a name of their own. */
const versioned = new Set([
  'openbao',
  'aws-secrets-manager',
  'aws-ssm',
  'gcp-secret-manager',
  'azure-key-vault',
])

/** What a policy says of secrets that are kept elsewhere, and cannot be. */
export function secretStoreProblems(document: PolicyDocument, locate: Locate): ConfigProblem[] {
  const { secrets, secret_stores: stores } = document
  const problems: ConfigProblem[] = []
  for (const [name, { store, version }] of Object.entries(secrets)) {
    if (store === undefined) continue
    const config = Object.hasOwn(stores, store) ? stores[store] : undefined
    const at = (key: string) => locate(['secrets', name, key])
    if (config === undefined) {
      const meant = didYouMean(store, Object.keys(stores))
      const hint = meant === undefined ? 'name it under secret_stores' : `did you mean "${meant}"?`
      problems.push({
        ...at('store'),
        message: `secret "${name}": there is no secret store "${store}"; ${hint}`,
      })
    } else if (version !== undefined && !versioned.has(config.kind))
      problems.push({
        ...at('version'),
        message: `secret "${name}": a store of kind ${config.kind} has no versions`,
      })
  }
  for (const [name, config] of Object.entries(stores))
    for (const reference of secretsIn(config)) {
      const store = secrets[secretName(reference)]?.store
      const kind = store === undefined ? undefined : stores[store]?.kind
      // Else one store would wait for another, and that for the first.
      if (store !== undefined && kind !== 'file' && kind !== 'command')
        problems.push({
          ...locate(['secret_stores', name]),
          message: `secret store "${name}": what opens it (${reference}) is kept in store "${store}": keep it in the vault, or in a store of kind file or command`,
        })
    }
  return problems
}
