import type { HttpClient } from '../../http-client/index.ts'
import type { SecretStoreConfig } from '../../config/index.ts'
import type { Secret } from '../../lib/index.ts'
import { asObject, gone, refused, statusProblem, type SecretStore } from './store.ts'

type Config = Extract<SecretStoreConfig, { kind: '1password-connect' }>

const id = /^[a-z0-9]{26}$/

/**
 * A 1Password Connect server (its REST API, version 1). A path is `VAULT/ITEM`, each by its id or its name; the field is found by
 * its id or label, and is that of the password if none is said.
 */
export function onePasswordStore(
  config: Config,
  deps: { http: HttpClient; openSecret: (name: string) => Promise<Secret> },
): SecretStore {
  const base = config.url.replace(/\/$/, '')

  async function get(path: string): Promise<unknown> {
    const token = (await deps.openSecret(config.token.slice('secret:'.length))).reveal().trim()
    const answer = await deps.http.ask({
      ...{ method: 'GET', url: `${base}/v1/${path}`, ca: config.ca },
      headers: { authorization: `Bearer ${token}` },
    })
    if (answer.status !== 200) throw statusProblem(answer.status)
    try {
      return JSON.parse(answer.body.toString('utf8')) as unknown
    } catch {
      throw refused('it answers with something else than JSON: check its URL')
    }
  }

  /** The id of what is called so. Two of one name are nobody's choice but yours. */
  async function idOf(list: string, what: string, member: 'name' | 'title', called: string): Promise<string> {
    if (id.test(called)) return called
    if (called.includes('"')) throw refused(`the name of its ${what} has a quote: use its id`)
    const found = await get(`${list}?filter=${encodeURIComponent(`${member} eq "${called}"`)}`)
    const all = (Array.isArray(found) ? found : []).map(asObject).filter((one) => one?.[member] === called)
    if (all.length > 1) throw refused(`it has ${all.length} ${what}s of that name: use the id`)
    const only = all[0]?.['id']
    if (typeof only !== 'string' || !id.test(only)) throw gone(`it has no ${what} of that name`)
    return only
  }

  return {
    async read({ path, field }) {
      const [vault = '', item = '', ...more] = path.split('/')
      if (vault === '' || item === '' || more.length > 0)
        throw refused('a path there is VAULT/ITEM: use ids where names have a /')
      const vaultId = await idOf('vaults', 'vault', 'name', vault)
      const itemId = await idOf(`vaults/${vaultId}/items`, 'item', 'title', item)
      const found = asObject(await get(`vaults/${vaultId}/items/${itemId}`)) ?? {}
      const all: unknown[] = Array.isArray(found['fields']) ? found['fields'] : []
      const fields = all.map(asObject).filter((one) => one !== undefined)
      const meant = fields.filter((one) =>
        field === undefined ? one['purpose'] === 'PASSWORD' : one['id'] === field || one['label'] === field,
      )
      if (meant.length > 1) throw refused(`it has ${meant.length} fields of that name there: use the id`)
      const value = meant[0]?.['value']
      if (typeof value !== 'string' || value === '')
        throw gone(
          field === undefined ? 'its item has no password' : `it has no field "${field}" that is text`,
        )
      return { value, version: String(found['version']) }
    },
  }
}
