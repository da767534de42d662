import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FatalError } from '../../../lib/index.ts'
import { type FileSystem, readIfThere } from '../../disk/index.ts'
import { parseSignerKey } from '../../sign/index.ts'

/**
 * The name of the attestation log in `folder`: the one that it has, else the one that is asked for, else one of its own
 * below `mayfly.internal`, a domain that ICANN keeps out of the DNS, so no other log has it. Throws a FatalError
 * `config_invalid` for a name that Sigstore's verifiers do not take.
 */
export async function originOf(fs: FileSystem, folder: string, asked: string | undefined): Promise<string> {
  if (asked !== undefined) {
    if (!isHostname(asked))
      throw new FatalError(
        'config_invalid',
        `${asked} is no name for an attestation log: it has to be a hostname in lower case, without port and path`,
      )
    return asked
  }
  const key = (await readIfThere(fs, join(folder, 'state', 'key')))?.toString()
  return parseSignerKey(key ?? '')?.name ?? `attestations-${randomBytes(8).toString('hex')}.mayfly.internal`
}

// Verifiers compare it with the hostname of the log's URL, as URL parsers write that.
function isHostname(name: string): boolean {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
  if (name.length > 253 || !new RegExp(`^${label}(?:\\.${label})+$`).test(name)) return false
  // An address of IPv4.
  if (/\.\d+$/.test(name)) return false
  return URL.canParse(`https://${name}`) && new URL(`https://${name}`).hostname === name
}
