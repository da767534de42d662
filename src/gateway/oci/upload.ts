import { createHash } from 'node:crypto'
import { limits, newId } from '../../lib/index.ts'
import { isDigest, kinds } from '../../kinds/index.ts'
import { discard, hasBody, type Permit } from '../exchange.ts'
import { permitAfter } from '../look-at.ts'
import { answer, answerError, passFailure, refuse } from './answer.ts'
import type { Job } from './job.ts'
import { toldDigest } from '../../images/index.ts'
import type { UploadState } from './memory.ts'
import { permitPull, permitUnnamed, pullScope, pushScope } from './permission.ts'
import { nextPlace, urlOn } from './places.ts'
import { receive } from './receive.ts'
import type { Upload } from './route.ts'

/**
 * Uploads of blobs: monolithic, streamed, in chunks, or mounted from another repository. The registry's own place for an upload
 * stays here; the step has a name of ours for it, which is good for this step and repository alone. What comes is hashed as it
 * passes, and the upload is closed only with the digest that it has.
 */
export async function upload(job: Job, route: Upload): Promise<void> {
  const { exchange, memory } = job
  const { method } = exchange.request
  if (method === 'POST') return begin(job, route)
  const state = memory.uploads.get(route.id)
  if (state === undefined || state.repository !== route.repository)
    return answerError(exchange, 404, 'BLOB_UPLOAD_UNKNOWN', 'mayfly: this step has no such upload here')
  if (state.busy) return answerError(exchange, 416, 'BLOB_UPLOAD_INVALID', 'mayfly: another request is at it')
  state.busy = true
  try {
    if (method === 'GET') return tell(job, route, state, 204)
    if (method === 'PATCH') return await append(job, route, state)
    return method === 'PUT' ? await close(job, route, state) : await cancel(job, route, state)
  } finally {
    state.busy = false
  }
}

async function begin(job: Job, { repository, query }: Upload): Promise<void> {
  const { exchange, registry, memory } = job
  const { digest, mount, from, 'digest-algorithm': algorithm = 'sha256' } = query
  const wrong = [digest, mount].find((one) => one !== undefined && !isPushable(one))
  if (wrong !== undefined) return refuse(exchange, notPushable(wrong), 400, 'DIGEST_INVALID')
  if (algorithm !== 'sha256') return refuse(exchange, notPushable(algorithm), 400, 'UNSUPPORTED')
  const permit = await permitUnnamed(job, repository, { upload: digest ?? 'begin' })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  if (memory.uploads.size >= limits.uploadsPerStep)
    return refuse(
      exchange,
      `the step has ${limits.uploadsPerStep} uploads open: end some`,
      429,
      'TOOMANYREQUESTS',
    )
  const source = mount === undefined ? undefined : await mountable(job, repository, mount, from)
  const path = `/${repository}/blobs/uploads/`
  const target = source === undefined ? path : `${path}?mount=${mount}&from=${encodeURIComponent(source)}`
  const scopes = [pushScope(repository), ...(source === undefined ? [] : [pullScope(source)])]
  const headers = { 'content-length': '0' }
  const upstream = await registry.ask(permit, scopes, { method: 'POST', target, headers })
  if (source !== undefined && mount !== undefined && upstream.statusCode === 201) {
    discard(upstream)
    return done(job, repository, mount)
  }
  if (upstream.statusCode !== 202) return passFailure(exchange, upstream)
  discard(upstream)
  const id = newId<string>('upl')
  const location = nextPlace(upstream, urlOn(exchange.connection, path))
  const look = lookOf(job, repository)
  const state = { repository, hash: createHash('sha256'), bytes: 0, location, busy: false, look }
  memory.uploads.set(id, state)
  const least = upstream.headers['oci-chunk-min-length']
  if (typeof least === 'string' && /^\d{1,15}$/.test(least))
    exchange.response.setHeader('oci-chunk-min-length', least)
  const route = { kind: 'upload', repository, id, query } as const
  return digest === undefined ? tell(job, route, state, 202) : close(job, route, state)
}

/**
 * The repository that a blob may be mounted from; undefined if the step may not pull it there, which is recorded. A registry that
 * does not mount begins an upload, and every client goes on with that.
 */
async function mountable(
  job: Job,
  repository: string,
  digest: string,
  from: string | undefined,
): Promise<string | undefined> {
  if (from === undefined || from === '' || !kinds.oci.path.form.is(from)) return undefined
  const permit = await permitPull(job, from, digest, { mount: digest, to: repository })
  return permit.allow ? from : undefined
}

async function append(job: Job, route: Upload, state: UploadState): Promise<void> {
  const { exchange } = job
  const permit = await permitUnnamed(job, state.repository, { upload: route.id, from: state.bytes })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  if (!hasBody(exchange.request) || (await receive(job, permit, route.id, state)))
    tell(job, route, state, 202)
}

async function close(job: Job, route: Upload, state: UploadState): Promise<void> {
  const { exchange, registry, memory } = job
  const { repository } = state
  const digest = route.query['digest'] ?? ''
  if (!isPushable(digest)) return refuse(exchange, notPushable(digest), 400, 'DIGEST_INVALID')
  const asked = await permitUnnamed(job, repository, { blob: digest })
  if (!asked.allow) return answerError(exchange, 403, 'DENIED', asked.message)
  if (hasBody(exchange.request) && !(await receive(job, asked, route.id, state))) return
  memory.uploads.delete(route.id)
  const actual = `sha256:${state.hash.digest('hex')}`
  if (actual !== digest) {
    await drop(job, asked, state)
    return refuse(exchange, `the upload has the digest ${actual}, not ${digest}`, 400, 'DIGEST_INVALID')
  }
  const permit = await afterLook(job, asked, state, digest)
  if (typeof permit === 'string') {
    await drop(job, asked, state)
    return refuse(exchange, permit, 403, 'DENIED')
  }
  const upstream = await registry.ask(permit, [pushScope(repository)], {
    method: 'PUT',
    target: withDigest(state.location, digest),
    headers: { 'content-length': '0' },
  })
  if (upstream.statusCode !== 201) return passFailure(exchange, upstream)
  discard(upstream)
  const said = upstream.headers['docker-content-digest']
  if (said !== undefined && said !== digest)
    return refuse(exchange, `the registry took the blob for ${toldDigest(said)}, and it is ${digest}`)
  done(job, repository, digest)
}

/** What a layer is called before its digest is known. */
const layer = 'layer'

function lookOf({ exchange }: Job, repository: string): UploadState['look'] {
  const look = exchange.look('images', repository)
  return look && { of: look, stream: look.stream(layer) }
}

/** Nothing names the layer before its registry has it whole, which it does not get with what may not be in it. */
async function afterLook(
  { exchange }: Job,
  permit: Permit,
  { look, repository }: UploadState,
  digest: string,
): Promise<Permit | string> {
  if (look === undefined) return permit
  look.stream.end()
  await look.of.add('names of the image', Buffer.from(repository))
  const verdict = await exchange.finishLook(look.of, (name) => (name === layer ? `layer ${digest}` : name))
  return permitAfter(exchange, permit, verdict)
}

async function cancel(job: Job, route: Upload, state: UploadState): Promise<void> {
  const { exchange, memory } = job
  const permit = await permitUnnamed(job, state.repository, { upload: route.id, cancel: true })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  memory.uploads.delete(route.id)
  await drop(job, permit, state)
  answer(exchange, 204, {})
}

/** The registry forgets what is not whole by itself, too: whether it hears this does not matter. */
async function drop(
  { registry }: Job,
  permit: Parameters<typeof registry.ask>[0],
  state: UploadState,
): Promise<void> {
  state.look?.stream.leave()
  const request = { method: 'DELETE', target: state.location, headers: {} }
  await registry.ask(permit, [pushScope(state.repository)], request).then(discard, () => undefined)
}

function tell({ exchange }: Job, { id }: Upload, { repository, bytes }: UploadState, status: number): void {
  answer(exchange, status, {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, bytes - 1)}`,
    'docker-upload-uuid': id,
  })
}

function done({ exchange }: Job, repository: string, digest: string): void {
  answer(exchange, 201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest })
}

/** As it is, with one parameter more: what stands in it may be signed. */
function withDigest(location: URL, digest: string): URL {
  const url = new URL(location)
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`
  return url
}

function isPushable(digest: string): boolean {
  return isDigest(digest) && digest.startsWith('sha256:')
}

function notPushable(digest: string): string {
  return `"${digest.slice(0, 80)}" is no sha256 digest, which uploads are held against: sha256: and 64 of 0-9a-f`
}
