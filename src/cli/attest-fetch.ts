import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pemKeyId } from '../attest/sign/index.ts'
import { openTrustDocument, type OpenedTrust } from '../attest/verify/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { serverOf } from './operator-api.ts'
import { print } from './output.ts'
import { readRootKeys } from './root-keys.ts'
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
  refuseOtherRoot(server, options, document)
  const outputs = outputsOf(options, opened, document)
  const revoked = removeRevoked(options.keysOut, opened)
  for (const line of [...notes, ...missingIn(options, opened), ...revoked])
    process.stderr.write(`mayfly: ${line}\n`)
  if (outputs.length === 0 && options.keysOut === undefined) {
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
function keysIn(opened: OpenedTrust, folder: string): Output[] {
  return keysOf(opened)
    .filter(({ revoked }) => revoked === undefined)
    .map(({ keyId, key }) => ({
      file: keyFile(folder, keyId),
      text: ended(key.export({ type: 'spki', format: 'pem' })),
      what: `a key that signs without a certificate (${keyId})`,
    }))
}

function keysOf({ trust: { keys, revoked } }: OpenedTrust) {
  return keys.map(({ keyId, key }) => ({
    ...{ keyId, key },
    revoked: revoked.find((one) => one.key === keyId),
  }))
}

function keyFile(folder: string, keyId: string): string {
  return join(folder, `${keyId.slice(0, 16)}.pem`)
}

/** cosign and OpenSSL ask nobody whether a key was revoked: a file of one that was would go on counting for them. */
function removeRevoked(folder: string | undefined, opened: OpenedTrust): string[] {
  if (folder === undefined) return []
  const keys = keysOf(opened)
  changing(folder, () => mkdirSync(folder, { recursive: true }))
  const told = keys.flatMap(({ keyId, revoked }) => {
    if (revoked === undefined) return []
    const file = keyFile(folder, keyId)
    const wasThere = existsSync(file)
    if (wasThere) changing(file, () => rmSync(file))
    const since = new Date(revoked.fromMs).toISOString()
    return [
      `key ${keyId.slice(0, 16)} was revoked from ${since} on (${revoked.reason}): ${wasThere ? `${file} was removed` : 'it is left out'}; what it signed before that counts for mayfly verify alone`,
    ]
  })
  const isNone = keys.every(({ revoked }) => revoked !== undefined)
  return isNone ? [...told, `no key signs there without a certificate: none is written to ${folder}`] : told
}

/** Together they would verify nothing, and nobody would notice before the next build. */
function refuseOtherRoot(
  server: string,
  { root, document: file, rootOut }: Options,
  document: unknown,
): void {
  if (root === undefined || file === undefined || rootOut !== undefined) return
  const opened = openTrustDocument(document, readRootKeys(root), { mayHaveEnded: true })
  if (opened.ok || opened.reason !== 'wrong_root') return
  throw new MayflyError(
    'denied',
    `the root key in ${root} was handed on, and the trust document of ${server} is signed by the one that followed: nothing was written. With --root-out FILE that key is written, too, for --root of mayfly verify beside the document; FILE may be ${root} itself`,
  )
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
  changing(file, () => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  })
}

function changing(path: string, change: () => void): void {
  try {
    change()
  } catch (cause) {
    throw new MayflyError('bad_input', `${path} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
