import type { TransitAdvice, TransitClient } from '../../key-services/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'

/** The transit engine of OpenBao or HashiCorp Vault: a key of a kind that takes associated data. */
export function createTransitProvider(options: {
  transit: TransitClient
  key: string
  mount: string
}): KeyProvider {
  const { transit, key, mount } = options

  async function call(verb: 'encrypt' | 'decrypt', plain: object, context: string, member: string) {
    const path = `${mount}/${verb}/${key}`
    const body = { ...plain, associated_data: Buffer.from(context).toString('base64') }
    const { [member]: value } = await transit.call({ path, body }, adviceOn(path))
    if (typeof value === 'string') return value
    throw new MayflyError('credential_failed', `transit ${verb} of ${key} answered without ${member}`)
  }

  return {
    kind: 'transit',
    describe: `${transit.url} ${mount}/${key}`,
    wrap: (plain, context) => call('encrypt', { plaintext: plain.toString('base64') }, context, 'ciphertext'),
    unwrap: async (wrapped, context) =>
      Buffer.from(await call('decrypt', { ciphertext: wrapped }, context, 'plaintext'), 'base64'),
  }
}

function adviceOn(path: string): TransitAdvice {
  return (status, said) => {
    if (status === 403) return `check the token, and that its policy has update on ${path}`
    if (/too old/.test(said))
      return 'its min_decryption_version is above the version that wrapped the vault’s key: lower it, start, and run mayfly vault rekey before it is raised again'
    if (status === 404 || /not found/.test(said)) return 'check the key’s name, the mount and the namespace'
    return 'check the key: it must be of type aes256-gcm96, chacha20-poly1305 or xchacha20-poly1305, and not derived'
  }
}
