import { execFile } from 'node:child_process'
import { MayflyError, type Secret, systemCode } from '../lib/index.ts'

/** A token of a hardware module, and a key pair in it, by its label or its id (hex): where several are in it, only an id finds one for sure. */
export interface Pkcs11Token {
  /** The module's library: /usr/lib/softhsm/libsofthsm2.so. */
  readonly module: string
  /** The token's label. */
  readonly token: string
  readonly key: { readonly label: string } | { readonly id: string }
  readonly pin: () => Secret
  /** For tests: where SoftHSM has its configuration. */
  readonly variables?: Readonly<Record<string, string>>
}

const patienceMs = 30_000

/**
 * One run of OpenSC's `pkcs11-tool`: what Node has for PKCS #11 must be compiled where it runs, and a module that crashes must not
 * take the server with it. The PIN is in the variables of that program alone, which lives for a moment.
 * Throws `credential_failed` (not installed, a wrong PIN) or `upstream_unreachable`.
 */
export function pkcs11Tool(at: Pkcs11Token, args: readonly string[], input?: Buffer): Promise<Buffer> {
  const { module, token, key, variables = {} } = at
  const all = ['--module', module, '--token-label', token, '--login', '--pin', 'env:MAYFLY_PIN']
  const env = { PATH: '/usr/bin:/bin', ...variables, MAYFLY_PIN: at.pin().reveal() }
  return new Promise((resolve, reject) => {
    const child = execFile(
      'pkcs11-tool',
      [...all, ...args, ...('id' in key ? ['--id', key.id] : ['--label', key.label])],
      { env, encoding: 'buffer', timeout: patienceMs, maxBuffer: 65_536 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        reject(refusal(at, error, stderr.toString('utf8')))
      },
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function refusal({ token, key }: Pkcs11Token, error: Error, said: string): MayflyError {
  if (systemCode(error) === 'ENOENT')
    return new MayflyError('credential_failed', 'pkcs11-tool is not installed: apt-get install opensc')
  const why =
    /CKR_[A-Z0-9_]+/.exec(said)?.[0] ?? /error: ([^\n]{1,150})/.exec(said)?.[1] ?? error.message.slice(0, 100)
  if (/CKR_PIN|PIN/.test(why))
    return new MayflyError(
      'credential_failed',
      `the token ${token} takes this PIN not (${why}): check its file`,
    )
  return new MayflyError(
    'upstream_unreachable',
    `the key ${'id' in key ? key.id : key.label} of token ${token} cannot be used (${why}): check module, token and key; it is tried again later`,
  )
}
