import type { Target } from '../raw-target.ts'
import { called, inLowerCase, unnamed, type Called } from './called.ts'

/** By collection: the action for each method on a thing, or on the collection. */
const onThing: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  secrets: { GET: 'getsecret/action', PUT: 'setsecret/action', PATCH: 'update/action', DELETE: 'delete' },
  keys: { GET: '!read', PUT: 'import/action', PATCH: 'update/action', DELETE: 'delete' },
  certificates: { GET: '!read', PATCH: 'update/action', DELETE: 'delete' },
}
const onAll: Readonly<Record<string, string>> = {
  secrets: '!readmetadata/action',
  keys: '!read',
  certificates: '!read',
}
/** What is done with a key, or a thing as a whole (Azure RBAC, "Microsoft.KeyVault", data actions). */
const verbs: Readonly<Record<string, string>> = {
  secrets: 'backup',
  keys: 'create backup rotate encrypt decrypt sign verify release wrapkey unwrapkey',
  certificates: 'create import backup',
}
/** As RBAC writes them where that is not what the path says. */
const spelled: Readonly<Record<string, string>> = { wrapkey: 'wrap', unwrapkey: 'unwrap' }

/** What a request to a vault does, as RBAC calls it behind `Microsoft.KeyVault/vaults`. What has no name goes by method and path. */
export function readVault(vault: string, method: string, target: Target): Called {
  const all = target.parts.at(-1) === '' ? target.parts.slice(0, -1) : target.parts
  // Paths are taken in any case.
  const parts = inLowerCase(all) ?? all
  const [collection = '', name = '', ...rest] = parts
  const other = unnamed('vault', vault, method, { ...target, parts })
  if (!Object.hasOwn(onAll, collection) || parts.some((part) => part === '' || /[^a-z0-9-]/.test(part)))
    return other
  const one = (word: string, of: string) =>
    called(`vault/${collection}/${word.replace('!', '')}`, of, word.startsWith('!'))
  if (name === '') return method === 'GET' ? one(onAll[collection] ?? '', vault) : other
  const of = [vault, name, ...rest].join('/')
  const verb = rest.at(-1) ?? ''
  if (rest.length === 1 && verb === 'versions')
    return method === 'GET' ? one(onAll[collection] ?? '', `${vault}/${name}`) : other
  if (method === 'POST')
    return rest.length > 0 && verbs[collection]?.split(' ').includes(verb) === true
      ? one(`${spelled[verb] ?? verb}/action`, [vault, name, ...rest.slice(0, -1)].join('/'))
      : other
  // Behind a thing is its version, of 32 digits; all else has a name of its own (`policy`, `pending`, `rotationpolicy`).
  const isThing = rest.length === 0 || (rest.length === 1 && /^[0-9a-f]{32}$/.test(verb))
  const word = isThing ? onThing[collection]?.[method] : undefined
  return word === undefined ? other : one(word, of)
}
