import { createHash } from 'node:crypto'
import {
  DerError,
  integerBytesOf,
  oidOf,
  readDer,
  refuseFalse,
  tags,
  timeOf,
  unsignedOf,
  unsignedUnder,
  type DerNode,
} from '../../der/index.ts'
import { partOf, sequenceOf, type Certificate } from './certificate.ts'
import * as chains from './chain.ts'
import { readSignedData, type SignedData } from './cms.ts'
import { hashOf, isSignedBy, type Hash } from './ecdsa.ts'
import { isWithin } from './fields.ts'
import type { Authority, Trust } from './model.ts'
import { Refusal } from './refusal.ts'
import { keyIdsOf, outside } from './revoked.ts'

const tstInfo = '1.2.840.113549.1.9.16.1.4'

/**
 * The time that a trusted authority gave a signature (RFC 3161: `response` is a TimeStampResp), and that authority. It is found by
 * its certificate, which the trusted root holds.
 */
export function verifyTimestamp(
  response: Uint8Array,
  signature: Uint8Array,
  trust: Trust,
): { timeMs: number; authority: Authority } {
  const { data, info } = readResponse(response)
  if (!createHash(info.hash).update(signature).digest().equals(info.imprint))
    throw new Refusal('timestamp_of_other', 'its timestamp is of another signature')
  let refusal: Refusal | undefined
  for (const authority of trust.timestampAuthorities) {
    const found = refusalBy(authority, data, info, trust)
    if (found === undefined) return { timeMs: info.timeMs, authority }
    // What is wrong with its times says more than that others did not make it.
    if (refusal === undefined || refusal.reason === 'untrusted_timestamp') refusal = found
  }
  throw refusal ?? new Refusal('untrusted_timestamp', 'no trusted authority made its timestamp')
}

const wholeSeconds = 'YYYYMMDDHHMMSSZ'.length

interface TimestampInfo {
  readonly hash: Hash
  readonly imprint: Buffer
  readonly timeMs: number
  /** Of the authority, DER. */
  readonly name?: Buffer
}

function readResponse(response: Uint8Array): { data: SignedData; info: TimestampInfo } {
  try {
    const [status, token, ...more] = sequenceOf(readDer(response))
    const [granted, ...said] = sequenceOf(status)
    // Granted (RFC 3161, section 2.4.2); with modifications it is not what was asked for.
    if (unsignedOf(granted) !== 0n || said.length + more.length > 0) throw new DerError('it was not granted')
    const data = readSignedData(partOf(token))
    if (data.contentType !== tstInfo) throw new DerError('what it signs is no time')
    return { data, info: readInfo(data.content) }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new Refusal('bad_timestamp', `its timestamp is refused: ${cause.message}`, { cause })
  }
}

function readInfo(content: Buffer): TimestampInfo {
  const [version, policy, imprint, serial, time, ...optional] = sequenceOf(readDer(content))
  if (unsignedOf(version) !== 1n) throw new DerError('another version than 1')
  oidOf(policy)
  unsignedOf(serial)
  const [algorithm, hashed, ...more] = sequenceOf(imprint)
  const hash = hashOf(algorithm)
  const digest = partOf(hashed, tags.octets).content
  if (more.length > 0) throw new DerError('an imprint with more than it may have')
  // GeneralizedTime alone (RFC 3161, section 2.4.2).
  const timeMs = timeOf(partOf(time, tags.generalizedTime))
  // Whole seconds, or milliseconds in full: other fractions are DER, and not everybody reads them.
  if (![wholeSeconds, wholeSeconds + 4].includes(partOf(time).content.length))
    throw new DerError('a time with an odd fraction')
  const name = readOptional(optional)
  return { hash, imprint: digest, timeMs, ...(name === undefined ? {} : { name }) }
}

/** Accuracy, ordering, nonce, the authority's name and extensions, each at most once, in this order and as RFC 3161 has it. The name. */
function readOptional(nodes: readonly DerNode[]): Buffer | undefined {
  let last = -1
  let name: Buffer | undefined
  for (const node of nodes) {
    const place = [tags.sequence, tags.boolean, tags.integer, 0xa0, 0xa1].indexOf(node.tag)
    if (place <= last) throw new DerError('a time with more than it may have')
    last = place
    if (place === 0) refuseAccuracy(node)
    if (place === 1) refuseFalse(node)
    if (place === 2) integerBytesOf(node)
    if (place === 3) name = nameIn(node)
    // An extension could mean less than what is read here.
    if (place === 4) throw new DerError('a time with extensions')
  }
  return name
}

/** Seconds, milliseconds and microseconds, of which any may be missing; of the smaller ones up to 999. */
function refuseAccuracy(node: DerNode): void {
  let last = -1
  for (const part of node.children()) {
    const place = [tags.integer, 0x80, 0x81].indexOf(part.tag)
    if (place <= last) throw new DerError('an accuracy with more than it may have')
    last = place
    const value = unsignedUnder(part, part.tag)
    if (place > 0 && (value < 1n || value > 999n)) throw new DerError('an accuracy that is none')
  }
}

/** A directory name: that of the certificate's subject. */
function nameIn(node: DerNode): Buffer {
  const [name, ...more] = node.children()
  const [subject, ...others] = sequenceOf(name, 0xa4)
  if (more.length + others.length > 0) throw new DerError('a time with two names of its authority')
  return partOf(subject, tags.sequence).whole
}

function refusalBy(
  authority: Authority,
  data: SignedData,
  { timeMs, name }: TimestampInfo,
  trust: Trust,
): Refusal | undefined {
  const [signer, ...chain] = authority.chain
  const isNamed = name === undefined || signer?.subject.equals(name) === true
  if (signer === undefined || !isNamed || !isOf(data, signer, chain))
    return new Refusal('untrusted_timestamp', 'another authority than the trusted one made its timestamp')
  if (!isSignedBy(signer.key, data.hash, data.signed, data.signature))
    return new Refusal('untrusted_timestamp', 'the trusted authority did not sign its timestamp')
  const problem = problemOf(authority, signer, chain)
  if (problem !== undefined) return new Refusal('untrusted_timestamp', problem)
  if (chains.outsideOf(authority.chain, timeMs) !== undefined)
    return new Refusal('outside_authority', 'its timestamp was made when its authority was not valid')
  if (isWithin(timeMs, authority.validFor)) return undefined
  const { validFor } = authority
  return outside(
    'outside_authority',
    'its timestamp’s authority',
    { keys: keyIdsOf(authority.chain), timeMs, validFor },
    trust,
  )
}

const problems = new WeakMap<Authority, { readonly problem: string | undefined }>()

/** Of the certificates of an authority among themselves, whatever the time: they are what they were when they were read, so it is found once. */
function problemOf(
  authority: Authority,
  signer: Certificate,
  chain: readonly Certificate[],
): string | undefined {
  const known = problems.get(authority)
  if (known !== undefined) return known.problem
  const problem = findProblem(signer, chain)
  problems.set(authority, { problem })
  return problem
}

function findProblem(signer: Certificate, chain: readonly Certificate[]): string | undefined {
  try {
    refuseOtherUses(signer)
    const problem = chains.problemOfChain(signer, chain, chains.usages.timeStamping)
    return problem === undefined ? undefined : `the certificate of its timestamp: ${problem}`
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return `the trusted chain is refused: ${cause.message}`
  }
}

/** Certificates may be handed along, but none that the trusted root does not have: nobody signed which they are. */
function isOf(data: SignedData, signer: Certificate, chain: readonly Certificate[]): boolean {
  const { issuer, serial, certificateHashes, certificates } = data
  return (
    certificates.every((one) => [signer, ...chain].some(({ raw }) => raw.equals(one))) &&
    issuer.equals(signer.issuer) &&
    serial === signer.serial &&
    certificateHashes.every(
      ({ hash, digest, named = signer }) =>
        createHash(hash).update(signer.raw).digest().equals(digest) &&
        named.issuer.equals(signer.issuer) &&
        named.serial === signer.serial,
    )
  )
}

/** Exactly one extended usage, timeStamping, and critical (RFC 3161, section 2.3). */
function refuseOtherUses(signer: Certificate): void {
  chains.refuseUnknown(signer)
  const uses = chains.extendedUsageOf(signer)
  const isCritical = signer.extensions.get(chains.extensionIds.extendedUsage)?.critical === true
  if (uses?.length !== 1 || uses[0] !== chains.usages.timeStamping || !isCritical)
    throw new DerError('its use is not timestamps alone')
  if (chains.authorityOf(signer) !== undefined) throw new DerError('it is an authority of certificates')
  if ((chains.keyUsageOf(signer) & chains.keyUsages.digitalSignature) === 0)
    throw new DerError('its key is not for signatures')
}
