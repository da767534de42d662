import { createHmac } from 'node:crypto'
import type { StepId } from '../lib/index.ts'

/**
 * Ten bytes in every planted value, which look random and say whose it is: a tag (27 bits) of the step and place, and under a mask that
 * the tag gives (a synthetic nonce) the time in the step's id (45 bits) and the place (8 bits). The time finds the few steps that it can be; the tag says
 * which. So it is 2^-27 at best that a changed value passes for another place of a step, and less that it does for another step.
 */
export const coreBytes = 10
export const maxPlaces = 256

const tagBits = 27n
const bodyBits = 53n
/** Crockford's alphabet, as ids have it. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const timeChars = 9

export interface ReadCore {
  /** What the ids of the steps that it can be begin with. */
  readonly stepPrefix: string
  readonly place: number
  isOf(step: string): boolean
}

/** `step` begins with its time, as ordered ids do. */
export function coreOf(seed: Buffer, step: StepId, place: number): Buffer {
  const time = Array.from(step.slice(4, 4 + timeChars)).reduce(
    (sum, char) => (sum << 5n) | BigInt(alphabet.indexOf(char)),
    0n,
  )
  const tag = tagOf(seed, step, place)
  const body = ((time << 8n) | BigInt(place)) ^ maskOf(seed, tag)
  return toBytes((tag << bodyBits) | body, coreBytes)
}

export function readCore(seed: Buffer, core: Buffer): ReadCore {
  const value = fromBytes(core)
  const tag = value >> bodyBits
  const body = (value & ((1n << bodyBits) - 1n)) ^ maskOf(seed, tag)
  const time = body >> 8n
  const place = Number(body & 0xffn)
  const chars = Array.from({ length: timeChars }, (_, i) => {
    const shift = BigInt((timeChars - 1 - i) * 5)
    return alphabet[Number((time >> shift) & 31n)]
  })
  return { stepPrefix: `stp_${chars.join('')}`, place, isOf: (step) => tagOf(seed, step, place) === tag }
}

/** Bytes that only the seed gives, for this purpose and these parts. */
export function derive(seed: Buffer, purpose: string, data: Buffer | string, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let i = 0; blocks.length * 32 < length; i++)
    blocks.push(createHmac('sha256', seed).update(`mayfly honey ${purpose} ${i}\0`).update(data).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

export function fromBytes(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

export function toBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex')
}

function tagOf(seed: Buffer, step: string, place: number): bigint {
  return fromBytes(derive(seed, 'tag', `${place} ${step}`, 4)) >> (32n - tagBits)
}

function maskOf(seed: Buffer, tag: bigint): bigint {
  return fromBytes(derive(seed, 'mask', toBytes(tag, 4), 7)) >> (56n - bodyBits)
}
