import { execFile } from 'node:child_process'
import { escapeUnseen, MayflyError, type Secret, systemCode } from '../lib/index.ts'

/** A token of a hardware module, and a key pair in it, by its label or its id (hex): where several are in it, only an id finds one for sure. */
export interface Pkcs11Token {
  /** The module's library: /usr/lib/softhsm/libsofthsm2.so. */
  readonly module: string
  /** The token's label. */
  readonly token: string
  readonly key: { readonly label: string } | { readonly id: string }
  readonly pin: () => Secret
  /** What the module reads from its environment, as SOFTHSM2_CONF: it is given no other variable. */
  readonly variables?: Readonly<Record<string, string>>
}

/** Of this process, those that the configuration names for the module. Throws `config_invalid`. */
export function moduleVariables(
  names: readonly string[],
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const missing = names.find((name) => variables[name] === undefined)
  if (missing !== undefined)
    throw new MayflyError(
      'config_invalid',
      `pkcs11: environment names ${missing}, which is not set for this process: set it where mayfly up is started`,
    )
  return Object.fromEntries(names.map((name) => [name, variables[name] ?? '']))
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
  const pin = at.pin().reveal()
  const env = { PATH: '/usr/bin:/bin', ...variables, MAYFLY_PIN: pin }
  return new Promise((resolve, reject) => {
    const child = execFile(
      'pkcs11-tool',
      [...all, ...args, ...('id' in key ? ['--id', key.id] : ['--label', key.label])],
      { env, encoding: 'buffer', timeout: patienceMs, maxBuffer: 65_536 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        reject(refusal(at, error, saidIn(stderr, pin)))
      },
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

const maxSaid = 500

/** What the program and the module say is theirs to choose, and goes to people's terminals; the PIN never does. */
function saidIn(stderr: Buffer, pin: string): string {
  const lines = stderr.toString('utf8').replaceAll(pin, '***').split('\n')
  const said = lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('Using slot '))
  return escapeUnseen(said.join('; ')).slice(0, maxSaid)
}

function refusal({ token, key, module }: Pkcs11Token, error: Error, said: string): MayflyError {
  if (systemCode(error) === 'ENOENT')
    return new MayflyError('credential_failed', 'pkcs11-tool is not installed: apt-get install opensc')
  const why = said === '' ? howItEnded(error) : `pkcs11-tool said: ${said}`
  const problem = /CKR_[A-Z0-9_]+/.exec(said)?.[0] ?? /error: ([^;]{1,150})/.exec(said)?.[1] ?? ''
  if (problem.includes('PIN'))
    return new MayflyError(
      'credential_failed',
      `the token ${token} takes this PIN not: check its file (${why})`,
    )
  return new MayflyError(
    'upstream_unreachable',
    `the key ${'id' in key ? key.id : key.label} of token ${token} cannot be used: check module (${module}), token and key, and the variables that the module reads (\`environment\` names them); it is tried again later (${why})`,
  )
}

function howItEnded(error: Error): string {
  const { code, signal } = error as { code?: unknown; signal?: unknown }
  return `pkcs11-tool said nothing, and ended ${typeof signal === 'string' ? `by ${signal}` : `with ${String(code)}`}`
}
