import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pemKeyId } from '../attest/sign/index.ts'
import type { OpenedTrust } from '../attest/verify/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { serverOf } from './operator-api.ts'
import { print } from './output.ts'
import { fetchTrust } from './trust-fetch.ts'

interface Options {
  readonly server?: string
  readonly root?: string
  readonly json: boolean
  readonly out?: string
  readonly document?: string
  readonly rootOut?: string
  readonly keysOut?: string
}

interface Output {
  readonly file: string
  readonly text: string
  readonly what: string
}

/** `mayfly attest root fetch`. */
export async function fetchRoot(options: Options): Promise<void> {
  const server = serverOf(options)
  const { opened, document, notes, isFirstUse, unanswered } = await fetchTrust(server, options)
  if (unanswered !== undefined)
    throw new MayflyError(
      'upstream_unreachable',
      `${server} does not say whom to trust now (${unanswered}): nothing was written`,
    )
  const outputs = outputsOf(options, opened, document)
  for (const line of [...notes, ...missingIn(options, opened)]) process.stderr.write(`mayfly: ${line}\n`)
  if (outputs.length === 0) {
    process.stdout.write(rootText(opened))
    return
  }
  for (const { file, text } of outputs) write(file, text)
  const { version, expiresMs } = opened
  const expires = expiresMs === undefined ? null : new Date(expiresMs).toISOString()
  const files = outputs.map(({ file }) => file)
  print(
    options.json,
    {
      ...{ server, version, expires, root: opened.root.map(pemKeyId), first_use: isFirstUse },
      ...{ file: options.out ?? null, files },
    },
    [
      `version ${version} of the trust document of ${server}${expires === null ? '' : `, good until ${expires}`}`,
      ...outputs.map(({ file, what }) => `  ${file}: ${what}`),
    ],
  )
}

function outputsOf(
  { out, document: documentFile, rootOut, keysOut }: Options,
  opened: OpenedTrust,
  document: unknown,
): Output[] {
  return [
    ...(out === undefined
      ? []
      : [{ file: out, text: rootText(opened), what: 'the trusted root in Sigstore’s form' }]),
    ...(documentFile === undefined
      ? []
      : [{ file: documentFile, text: `${JSON.stringify(document)}\n`, what: 'the trust document' }]),
    ...(rootOut === undefined
      ? []
      : [{ file: rootOut, text: opened.root.map(ended).join(''), what: 'the root key' }]),
    ...(keysOut === undefined ? [] : keysIn(opened, keysOut)),
  ]
}

/** One line: gh reads roots line by line. */
function rootText({ trustedRoot }: OpenedTrust): string {
  return `${JSON.stringify(trustedRoot)}\n`
}

/** Which of them signed, `mayfly verify --json` says by the same id. */
function keysIn({ trust }: OpenedTrust, folder: string): Output[] {
  if (trust.keys.length === 0)
    throw new MayflyError('not_found', 'no key signs there without a certificate: there is none to write')
  return trust.keys.map(({ keyId, key }) => ({
    file: join(folder, `${keyId.slice(0, 16)}.pem`),
    text: ended(key.export({ type: 'spki', format: 'pem' })),
    what: `a key that signs without a certificate (${keyId})`,
  }))
}

/** Sigstore's form has certificates alone. */
function missingIn({ out, keysOut, document }: Options, { trust }: OpenedTrust): string[] {
  const isKnown = out === undefined || keysOut !== undefined || document !== undefined
  if (trust.keys.length === 0 || isKnown) return []
  return [
    'keys sign there without certificates, which a trusted root in Sigstore’s form does not have: --document FILE --root-out FILE give what mayfly verify takes, --keys-out DIR what cosign --key takes',
  ]
}

function ended(pem: string | Buffer): string {
  const text = pem.toString()
  return text.endsWith('\n') ? text : `${text}\n`
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
