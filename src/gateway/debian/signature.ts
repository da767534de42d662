import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../../lib/index.ts'

/** Undefined where a key of the keyring has signed the text; else why not. Throws `denied` where there is no gpgv. */
export type SignatureCheck = (text: Buffer, signature: Buffer, keyring: Buffer) => Promise<string | undefined>

const maxMs = 10_000

/**
 * OpenPGP signatures by gpgv, as apt itself has them checked: a process of its own reads what a stranger wrote, and it sees
 * nothing but the three files. No key is trusted but those of the keyring.
 */
export function createSignatureCheck(program = 'gpgv'): SignatureCheck {
  return async (text, signature, keyring) => {
    const folder = await mkdtemp(join(tmpdir(), 'mayfly-gpgv-'))
    try {
      const files = { text, signature, keyring }
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
      return verdictOf(await runGpgv(program, folder))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** What it says of each signature, whatever it ends with: it ends with 2 where one of several is by a key that is not here. */
function runGpgv(program: string, folder: string): Promise<string> {
  const args = ['--status-fd', '1', '--homedir', folder, '--keyring', join(folder, 'keyring')]
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args, join(folder, 'signature'), join(folder, 'text')],
      { env, timeout: maxMs, killSignal: 'SIGKILL', maxBuffer: 1_048_576 },
      (error, stdout) => {
        if (error === null || typeof error.code === 'number') return resolve(stdout)
        const why =
          systemCode(error) === 'ENOENT'
            ? 'gpgv is not on the gateway’s machine, and no signature is checked without it: apt-get install gpgv'
            : `gpgv did not end as it should: ${messageOf(error)}`
        reject(new MayflyError('denied', why, { cause: error }))
      },
    )
  })
}

/** SHA-256, SHA-384 and SHA-512 (RFC 9580, section 9.5): for the others two texts of one digest can be made. */
const strong: ReadonlySet<string> = new Set(['8', '9', '10'])
/** Of bytes, and of a text (section 5.2.1). */
const ofDocuments: ReadonlySet<string> = new Set(['00', '01'])

/** gnupg's doc/DETAILS: each signature has one line that judges it, and a VALIDSIG behind it where it fits. */
export function verdictOf(status: string): string | undefined {
  let isGood = false
  let signers = 0
  let why = 'nobody signed it'
  for (const line of status.split('\n')) {
    const [prefix, keyword, id = '', ...rest] = line.trim().split(' ')
    if (prefix !== '[GNUPG:]') continue
    const key = /^[0-9A-F]{8,64}$/.test(id) ? id : 'a key'
    switch (keyword) {
      case 'NEWSIG':
        isGood = false
        break
      case 'GOODSIG':
        isGood = true
        break
      case 'BADSIG':
        return `the signature of ${key} does not fit: it was changed after it was signed`
      case 'EXPSIG':
      case 'EXPKEYSIG':
      case 'REVKEYSIG':
        isGood = false
        why = `it is signed by ${key}, which has expired or is revoked`
        break
      case 'NO_PUBKEY':
        isGood = false
        why = `it is signed by ${key}, which the keyring of the connection does not have`
        break
      case 'VALIDSIG': {
        const [hash = '', kind = ''] = [rest[6], rest[7]]
        if (isGood && strong.has(hash) && ofDocuments.has(kind)) signers++
        else if (isGood) why = `${key} signed it by a digest that can be forged`
        isGood = false
        break
      }
    }
  }
  return signers > 0 ? undefined : why
}
