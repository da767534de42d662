import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { MayflyError, messageOf } from '../lib/index.ts'
import {
  createKeySigner,
  envelopeOf,
  makeRootKey,
  openRootKey,
  pemKeyId,
  publicPem,
  trustChanges,
  type Envelope,
} from '../attest/sign/index.ts'
import { openTrustDocument, preAuthEncoding, trustDocumentType } from '../attest/verify/index.ts'
import { print } from './output.ts'
import { askHidden, confirm } from './prompt.ts'
import { visible } from './story.ts'
import { readText } from './text-file.ts'
import { payloadOf, readTrustFile, type TrustFile } from './trust-file.ts'

export async function initRoot(options: {
  out: string
  passphraseFile?: string
  json: boolean
}): Promise<void> {
  const { out } = options
  const publicFile = `${out}.pub`
  for (const path of [out, publicFile])
    if (existsSync(path)) throw new MayflyError('bad_input', `${path} is there already: nothing was done`)
  const { file, publicKey } = makeRootKey(await passphraseOf(options.passphraseFile, true))
  write(out, file, 0o600)
  write(publicFile, publicKey, 0o644)
  const key = pemKeyId(publicKey)
  print(options.json, { key, file: out, public: publicFile }, [
    `root key ${key}`,
    `  ${out}: keep it offline, with a copy; whoever loses it, or its passphrase, has everybody pin another root key`,
    `  ${publicFile}: for those who pin it`,
    `on a machine that reaches the server: mayfly attest root next --root ${publicFile} -o next.json`,
  ])
}

interface SignOptions {
  key: string
  out?: string
  passphraseFile?: string
  yes: boolean
  json: boolean
}

export async function signTrust(path: string, options: SignOptions): Promise<void> {
  const file = readTrustFile(path)
  const next = payloadOf(file.envelope)
  const memory = readMemory(options.key)
  refuseOlder(file.envelope, memory)
  const before = memory ?? file.previous
  const changes = trustChanges(before === null ? undefined : payloadOf(before), next)
  const against = before === null ? 'there is none before it' : `against version ${payloadOf(before).version}`
  process.stderr.write(
    [
      `version ${next.version} of the trust document (${against}${memory === null && before !== null ? ', which the file says is in force' : ''}), good until ${next.expires ?? 'for ever'}:`,
      ...(changes.length === 0 ? ['  no key changes'] : changes.map((change) => `  ${change}`)),
      '',
    ]
      .map(visible)
      .join('\n'),
  )
  await confirm('It is signed with the root key', options)
  const privateKey = openRootKey(readText(options.key), await passphraseOf(options.passphraseFile, false))
  const publicKey = publicPem(privateKey)
  refuseUseless(pemKeyId(publicKey), file)
  const signer = createKeySigner(privateKey, options.key)
  const bytes = Buffer.from(file.envelope.payload, 'base64')
  const signature = await signer.sign(preAuthEncoding(trustDocumentType, bytes))
  const [added] = envelopeOf(trustDocumentType, bytes, [{ signature, keyId: pemKeyId(publicKey) }]).signatures
  const others = file.envelope.signatures.filter(({ keyid }) => keyid !== added?.keyid)
  const envelope = { ...file.envelope, signatures: [...others, ...(added === undefined ? [] : [added])] }
  const missing = missingOf(envelope, publicKey, file)
  // Remembered first: a version that was signed is never lower than what is remembered.
  write(memoryFile(options.key), `${JSON.stringify(envelope)}\n`, 0o600)
  const out = options.out ?? path
  write(out, `${JSON.stringify({ ...file, envelope }, null, 2)}\n`, 0o644)
  print(options.json, { version: next.version, file: out, changes, missing }, [
    `signed: ${out}`,
    missing.length === 0
      ? `mayfly attest root publish ${out}`
      : `a signature by one of these root keys is still missing: ${missing.join(', ')}`,
  ])
}

/** What this key has signed last: it stands beside it, on the machine that nobody else reaches. */
function memoryFile(key: string): string {
  return `${key}.signed`
}

function readMemory(key: string): Envelope | null {
  const path = memoryFile(key)
  if (!existsSync(path)) return null
  return readTrustFileText(readFileSync(path, 'utf8'), path)
}

function readTrustFileText(content: string, path: string): Envelope {
  try {
    return JSON.parse(content) as Envelope
  } catch (cause) {
    throw new MayflyError(
      'bad_input',
      `${path}, which says what this key has signed last, cannot be read: restore it, or remove it and compare the versions yourself`,
      { cause },
    )
  }
}

function refuseOlder(envelope: Envelope, memory: Envelope | null): void {
  if (memory === null || memory.payload === envelope.payload) return
  const [version, signed] = [payloadOf(envelope).version, payloadOf(memory).version]
  if (version > signed) return
  throw new MayflyError(
    'denied',
    version === signed
      ? `another version ${version} was signed already: of two that are the same number clients take the one that they meet first; ask the server for the next one again`
      : `version ${version} is lower than ${signed}, which this key has signed already: nothing was signed`,
  )
}

function refuseUseless(id: string, { envelope, previous }: TrustFile): void {
  const counts = [envelope, ...(previous === null ? [] : [previous])].flatMap((one) =>
    payloadOf(one).root.map(pemKeyId),
  )
  if (!counts.includes(id))
    throw new MayflyError(
      'denied',
      `this root key (${id}) is neither in force nor named by the document: mayfly attest root next --root FILE.pub names it`,
    )
}

/** Root keys of which one still has to sign. Throws `denied` for a document that nobody would take, whoever signs it. */
function missingOf(envelope: Envelope, publicKey: string, { previous }: TrustFile): string[] {
  const opened = openTrustDocument(envelope, [publicKey])
  if (!opened.ok && opened.reason !== 'wrong_root')
    throw new MayflyError('denied', `the document is not signed: ${opened.detail}`)
  const signedBy = envelope.signatures.map(({ keyid }) => keyid)
  const groups = [previous, envelope].flatMap((one) =>
    one === null ? [] : [payloadOf(one).root.map(pemKeyId)],
  )
  return [...new Set(groups.filter((ids) => !ids.some((id) => signedBy.includes(id))).flat())]
}

async function passphraseOf(file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) return readText(file).replace(/\r?\n$/, '')
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '')
  const first = await askHidden('passphrase of the root key (not shown): ')
  if (isNew && first !== (await askHidden('once more: ')))
    throw new MayflyError('bad_input', 'the two are not the same: nothing was done')
  return first
}

function write(path: string, content: string, mode: number): void {
  try {
    writeFileSync(`${path}.new`, content, { mode, flush: true })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new MayflyError('data_folder', `${path} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
