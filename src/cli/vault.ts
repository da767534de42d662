import { setTimeout as pause } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi, serverOf } from './operator-api.ts'
import { print, table } from './output.ts'
import { askHidden, confirm } from './prompt.ts'
import { readText } from './text-file.ts'

interface Options {
  server?: string
  json: boolean
}

interface Status {
  state: 'open' | 'sealing' | 'sealed'
  reason?: string
  provider?: { name: string; kind: string; describe: string; since: string }
  keys: { id: number; created: string; retired: string | null }[]
  older: number
}

const statusOf = (options: Options) => createOperatorApi(options).call<Status>('GET', '/v1/vault')

export async function vaultStatus(options: Options): Promise<number> {
  const status = await statusOf(options)
  const { state, reason, provider, keys, older } = status
  print(options.json, status, [
    `the vault is ${state}${reason === undefined ? '' : `: ${reason}`}`,
    ...(provider === undefined
      ? []
      : [
          `its keys are wrapped by ${provider.name} (${provider.kind}, ${provider.describe}) since ${provider.since}`,
        ]),
    ...table([
      ['KEY', 'CREATED', 'RETIRED'],
      ...keys.map(({ id, created, retired }) => [String(id), created, retired ?? '-']),
    ]),
    ...(older === 0 ? [] : [`${older} values are sealed by an older key than the newest`]),
  ])
  return state === 'open' ? 0 : 1
}

export async function sealVault(options: Options & { yes: boolean }): Promise<void> {
  await confirm(
    'All sessions end, on every server, and nothing is issued until the vault is unsealed',
    options,
  )
  const result = await createOperatorApi(options).call<{ state: string }>('POST', '/v1/vault/seal', {})
  print(options.json, result, ['the vault is sealed: mayfly vault unseal'])
}

export async function unsealVault(options: Options & { new: boolean; file?: string }): Promise<void> {
  const { state, provider } = await statusOf(options)
  const isGiven = options.file !== undefined || !process.stdin.isTTY
  const isFirst = provider === undefined
  const isAsked = state === 'sealed' && (isFirst || provider.kind === 'passphrase')
  if (isFirst && !isGiven) process.stderr.write(`${choosing}\n`)
  const passphrase = isAsked || options.file !== undefined ? await passphraseOf(options.file, isFirst) : ''
  if (isAsked && isGiven && passphrase === '' && provider?.describe === 'given by hand') throw noPassphrase()
  // At a terminal it is asked for twice, and said what that means; from a pipe a slip would be the passphrase from then on.
  const isNew = options.new || (isFirst && !isGiven && passphrase !== '')
  const body = { ...(passphrase === '' ? {} : { passphrase }), ...(isNew ? { new: true } : {}) }
  const result = await createOperatorApi(options).call<{ was: 'open' | 'sealed' | 'new' }>(
    ...(['POST', '/v1/vault/unseal', body] as const),
  )
  const serves = result.was === 'open' || (await untilItServes(options))
  const made = passphrase === '' ? 'the vault is open: its keys were made' : chosen
  print(options.json, result, [
    { open: 'the vault was open already', sealed: 'the vault is open', new: made }[result.was],
    ...(serves ? [] : ['the server has not started yet: mayfly vault status says how it stands']),
  ])
}

const [startsMs, askMs] = [30_000, 250]

/** A server that waited for its vault starts only now: until then it opens no secret, and for a moment nobody answers. */
async function untilItServes(options: Options): Promise<boolean> {
  const server = serverOf(options)
  for (const untilMs = Date.now() + startsMs; Date.now() < untilMs; await pause(askMs)) {
    const reasons = await readiness(server).catch(() => undefined)
    if (reasons !== undefined && !reasons.some((reason) => reason.startsWith('vault: '))) return true
  }
  return false
}

async function readiness(server: string): Promise<string[]> {
  const answer = await fetch(`${server}/readyz`, { redirect: 'error', signal: AbortSignal.timeout(5_000) })
  return ((await answer.json()) as { reasons: string[] }).reasons
}

const choosing =
  'This vault has no keys yet. If you give a passphrase now, you choose it: whoever loses it loses everything in the vault.'
const chosen =
  'the vault is open. Its passphrase is the one that you gave just now: keep it, nothing else opens what is sealed'

export async function rekeyVault(
  options: Options & { to?: string; passphrase: boolean; file?: string },
): Promise<void> {
  const isGiven = options.passphrase || options.file !== undefined
  const passphrase = isGiven ? await passphraseOf(options.file, true) : undefined
  if (passphrase === '') throw noPassphrase()
  const body = { to: options.to, passphrase }
  const result = await createOperatorApi(options).call<{ provider: string; kind: string; describe: string }>(
    ...(['POST', '/v1/vault/rekey', body] as const),
  )
  print(options.json, result, [
    `the vault's keys are wrapped by ${result.provider} (${result.kind}, ${result.describe}); what wrapped them before opens them no more`,
  ])
}

export async function rotateVaultKey(options: Options & { wait: boolean }): Promise<void> {
  const result = await createOperatorApi(options).call<{ key: number; begun: boolean }>(
    ...(['POST', '/v1/vault/rotate-key', {}] as const),
  )
  const begun = result.begun
    ? `key ${result.key} seals from now on; what older keys have sealed is sealed anew`
    : `key ${result.key} is being brought in already: that goes on`
  if (options.wait) await untilRotated(options, result.key)
  print(options.json, result, [
    options.wait ? `everything is sealed by key ${result.key}` : `${begun}: mayfly vault status`,
  ])
}

const [pollMs, silentMs] = [500, 300_000]

/** As long as the number of older values gets smaller. */
async function untilRotated(options: Options, key: number): Promise<void> {
  let least = Number.POSITIVE_INFINITY
  let movedMs = Date.now()
  for (;;) {
    const { keys, older } = await statusOf(options)
    if (keys.every(({ id, retired }) => id >= key || retired !== null)) return
    if (older < least) [least, movedMs] = [older, Date.now()]
    if (Date.now() - movedMs > silentMs)
      throw new MayflyError('conflict', `${older} values are not sealed anew: look at the server's messages`)
    await pause(pollMs)
  }
}

function noPassphrase(): MayflyError {
  return new MayflyError(
    'bad_input',
    'no passphrase: mayfly vault unseal < FILE, or --file FILE, or type it when asked',
  )
}

async function passphraseOf(file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) return readText(file).replace(/\r?\n$/, '')
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '')
  const first = await askHidden('passphrase of the vault (not shown): ')
  if (isNew && first !== (await askHidden('once more: ')))
    throw new MayflyError('bad_input', 'the two are not the same: nothing was done')
  return first
}
