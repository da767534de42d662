import { MayflyError, isVisible, sha256Hex } from '../../../lib/index.ts'
import { isObject, type Json } from './answer.ts'

export interface LfsObject {
  readonly oid: string
  readonly size: number
}

/** What a client asks the LFS server for (git-lfs, docs/api/batch.md). */
export interface BatchRequest {
  readonly operation: 'download' | 'upload'
  readonly objects: readonly LfsObject[]
  /** To be sent on: what was understood, and no other way to transfer than the one that is understood here. */
  readonly body: string
}

const maxObjects = 1_000

/** Throws `bad_input` or `limit_exceeded`. */
export function readBatch(value: Json): BatchRequest {
  const { operation, transfers = ['basic'], objects, hash_algo: algorithm = 'sha256' } = value
  if (operation !== 'download' && operation !== 'upload')
    throw bad('its operation is neither download nor upload')
  if (!Array.isArray(transfers) || (transfers.length > 0 && !transfers.includes('basic')))
    throw bad('only the transfer "basic" passes here, and the client does not offer it')
  if (algorithm !== 'sha256') throw bad('objects are named by their SHA-256 here (hash_algo)')
  if (!Array.isArray(objects)) throw bad('it has no list of objects')
  if (objects.length > maxObjects)
    throw new MayflyError('limit_exceeded', `a batch of more than ${maxObjects} objects`)
  const named = objects.map((one: unknown) => {
    const object = readObject(one)
    if (object === undefined) throw bad('an object is not an oid of 64 hexadecimal digits and a size')
    return object
  })
  const ref = readRef(value['ref'])
  const body = { operation, transfers: ['basic'], ...ref, objects: named, hash_algo: 'sha256' }
  return { operation, objects: named, body: JSON.stringify(body) }
}

export function readObject(value: unknown): LfsObject | undefined {
  if (!isObject(value)) return undefined
  const { oid, size } = value
  return typeof oid === 'string' &&
    /^[0-9a-f]{64}$/.test(oid) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0
    ? { oid, size: Number(size) }
    : undefined
}

/** `ref`, which servers may look at to decide: the client's word, and no grant rests on it. */
export function readRef(value: unknown): { ref?: { name: string } } {
  if (value === undefined || value === null) return {}
  const name = isObject(value) ? value['name'] : undefined
  if (typeof name !== 'string' || name.length > 1_000 || !isVisible(name)) throw bad('its ref is none')
  return { ref: { name } }
}

const recordedObjects = 100

/** The objects for the entry: the first ones, and a digest of them all. */
export function recordObjects(objects: readonly LfsObject[]): Json {
  const whole = objects.map(({ oid, size }) => `${oid} ${size}\n`).join('')
  return {
    objects: objects.slice(0, recordedObjects),
    ...(objects.length > recordedObjects
      ? { objectCount: objects.length, objectsSha256: sha256Hex(whole) }
      : {}),
  }
}

function bad(why: string): MayflyError {
  return new MayflyError('bad_input', `an LFS request that is not understood: ${why}`)
}
