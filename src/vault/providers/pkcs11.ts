import { execFile } from 'node:child_process'
import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import { MayflyError, type Secret, systemCode } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'
import { unwrapWithContext, wrapWithContext } from './oaep.ts'

export interface Pkcs11Options {
  /** The module's library: /usr/lib/softhsm/libsofthsm2.so. */
  readonly module: string
  /** The token's label. */
  readonly token: string
  /** The label of an RSA key pair that may decrypt. */
  readonly key: string
  /** Of OAEP; SoftHSM and older modules know `sha1` alone, which is good enough here (RFC 8017, appendix B.1). */
  readonly hash: 'sha256' | 'sha1'
  readonly pin: () => Secret
  /** For tests: where SoftHSM has its configuration. */
  readonly variables?: Readonly<Record<string, string>>
}

/**
 * An RSA key in a hardware module, by OpenSC's `pkcs11-tool`: what Node has for PKCS #11 must be compiled where it runs, and a
 * module that crashes must not take the server with it. Its public half wraps here, the module unwraps (RSA-OAEP).
 * The PIN is in the variables of that program alone, which lives for a moment.
 */
export function createPkcs11Provider(options: Pkcs11Options): KeyProvider {
  const describe = `${options.token}/${options.key} by ${options.module}`
  return {
    kind: 'pkcs11',
    describe,
    wrap: (plain, context) =>
      wrapWithContext(plain, context, async (inner) => {
        const der = await tool(options, ['--read-object', '--type', 'pubkey', '--label', options.key])
        const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
        return {
          key: publicEncrypt(
            { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: options.hash },
            inner,
          ),
        }
      }),
    unwrap: (wrapped, context) =>
      unwrapWithContext(wrapped, context, (inner) =>
        tool(options, [...decryption, ...hashes[options.hash], '--label', options.key], inner),
      ),
  }
}

const hashes = {
  sha256: ['--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256'],
  sha1: ['--hash-algorithm', 'SHA-1', '--mgf', 'MGF1-SHA1'],
}
const decryption = ['--decrypt', '--mechanism', 'RSA-PKCS-OAEP']
const patienceMs = 30_000

function tool(options: Pkcs11Options, args: readonly string[], input?: Buffer): Promise<Buffer> {
  const { module, token, variables = {} } = options
  const all = ['--module', module, '--token-label', token, '--login', '--pin', 'env:MAYFLY_PIN', ...args]
  const env = { PATH: '/usr/bin:/bin', ...variables, MAYFLY_PIN: options.pin().reveal() }
  return new Promise((resolve, reject) => {
    const child = execFile(
      'pkcs11-tool',
      all,
      { env, encoding: 'buffer', timeout: patienceMs, maxBuffer: 65_536 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        reject(refusal(options, error, stderr.toString('utf8')))
      },
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function refusal({ token, key }: Pkcs11Options, error: Error, said: string): MayflyError {
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
    `the key ${key} of token ${token} cannot be used (${why}): check module, token and key; it is tried again later`,
  )
}
