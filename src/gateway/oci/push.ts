import { limits } from '../../lib/index.ts'
import { isDigest } from '../../kinds/index.ts'
import { discard, type Denial, type Permission, type Permit, type Proven } from '../exchange.ts'
import { answer, answerError, passFailure, refuse } from './answer.ts'
import { collect } from '../collect.ts'
import { lookAtFiles } from '../look-at.ts'
import type { Job } from './job.ts'
import {
  besideDigest,
  digestOf,
  integrityOf,
  manifestTypes,
  readManifest,
  toldDigest,
  type Manifest as Content,
} from '../../images/index.ts'
import { operationOn, permitUnnamed, pushScope } from './permission.ts'
import { fetchManifest, nameOf, purlOf } from './pull.ts'
import type { Manifest } from './route.ts'

interface Pushed {
  readonly repository: string
  readonly ref: string
  readonly digest: string
  readonly bytes: Buffer
  readonly type: string
  readonly content: Content
}

/**
 * A manifest under a tag or a digest: nothing of it goes upstream before the grant covers the name, its own digest is known, and
 * the tag is free, or the grant lets it move.
 */
export async function pushManifest(job: Job, { repository, ref }: Manifest): Promise<void> {
  const { exchange, memory } = job
  const early = refusedEarly(job, repository, ref)
  if (early !== undefined) return answerError(exchange, 403, 'DENIED', early.message)
  const pushed = await readPushed(job, repository, ref)
  if ('wrong' in pushed)
    return refuse(exchange, `${nameOf(repository, ref)}: ${pushed.wrong}`, pushed.status, pushed.code)
  const asked = await permitPush(job, pushed)
  if (!asked.allow) return answerError(exchange, 403, 'DENIED', asked.message)
  const permit = await lookAtFiles(
    exchange,
    asked,
    { place: 'images', what: nameOf(repository, ref) },
    { manifest: pushed.bytes, 'names of the image': Buffer.from(`${repository}\n${ref}`) },
  )
  if (typeof permit === 'string')
    return refuse(exchange, `${nameOf(repository, ref)}: ${permit}`, 403, 'DENIED')
  const stored = isDigest(ref)
    ? await store(job, permit, pushed)
    : await job.turns(exchange.connection, `${repository}:${ref}`, () => name(job, permit, pushed))
  if (stored) memory.pushed.add(repository, [pushed.digest])
}

/** Nobody else of this gateway's steps names something by the tag between the question and the answer. */
async function name(job: Job, permit: Permit, pushed: Pushed): Promise<boolean> {
  const moved = await refusedMove(job, permit, pushed)
  if (moved === undefined) return store(job, permit, pushed)
  answerError(job.exchange, 403, 'DENIED', moved)
  return false
}

/** What its name alone refuses is not read. */
function refusedEarly(job: Job, repository: string, ref: string): Denial | undefined {
  const isNamed = !isDigest(ref) && !isOwnTag(job, repository, ref)
  return isNamed ? job.exchange.precheck(operationOn(job, 'oci:push', repository, ref)) : undefined
}

async function readPushed(
  { exchange: { request } }: Job,
  repository: string,
  ref: string,
): Promise<Pushed | { wrong: string; status: number; code: string }> {
  const type = request.headers['content-type'] ?? ''
  const bytes = await collect(request, limits.manifestBytes)
  if (bytes === undefined) {
    const wrong = `a manifest has up to ${limits.manifestBytes} bytes`
    return { wrong, status: 413, code: 'SIZE_INVALID' }
  }
  const digest = digestOf(bytes, ref)
  if (isDigest(ref) && digest !== ref)
    return { wrong: `its digest is ${digest}`, status: 400, code: 'DIGEST_INVALID' }
  const content = readManifest(bytes, type)
  if (typeof content === 'string') return { wrong: content, status: 400, code: 'MANIFEST_INVALID' }
  return { repository, ref, digest, bytes, type: content.type, content }
}

/** By tag: the tag is what the grant must cover. By digest it has no name yet, unless it stands beside what is there already. */
function permitPush(job: Job, pushed: Pushed): Promise<Permission> {
  const { repository, ref, digest, type, content } = pushed
  const { subject } = content
  const detail = { manifest: digest, type: type.slice(0, 100), ...(subject === undefined ? {} : { subject }) }
  // A signature or an SBOM of another image is found by whoever pulls that one.
  const isOwn = subject === undefined || job.memory.pushed.has(repository, subject)
  const isUnnamed = isDigest(ref) ? isOwn : isOwnTag(job, repository, ref)
  const oci = isDigest(ref) ? detail : { ...detail, tag: ref }
  return isUnnamed
    ? permitUnnamed(job, repository, oci, ref)
    : job.exchange.permit(operationOn(job, 'oci:push', repository, ref), { oci }, brings(job, pushed))
}

/** For grants that ask for what the run made. */
function brings(
  { exchange }: Job,
  { repository, digest, bytes, type }: Pushed,
): { proven: () => Proven; body: string } {
  const { host, port } = exchange.connection
  const images = new Map([[digest, `${host.includes(':') ? `[${host}]` : host}:${port}/${repository}`]])
  const manifests = new Map([[digest, { bytes, type }]])
  return { proven: () => ({ artifact: [digest], images, manifests }), body: digest }
}

/** The tag beside a manifest that this step has pushed: for registries that know no referrers, and for cosign's. */
function isOwnTag({ memory }: Job, repository: string, tag: string): boolean {
  const beside = besideDigest(tag)
  return beside !== undefined && memory.pushed.has(repository, beside)
}

/**
 * Why the tag does not take the manifest: it names another one, and the step may not move it. Asked right before; a registry
 * has no way to say "only if it is not there", so pushes through two gateways at the same moment can overtake each other.
 */
async function refusedMove(job: Job, permit: Permit, pushed: Pushed): Promise<string | undefined> {
  const { exchange } = job
  const { repository, ref, digest, content } = pushed
  const found = await fetchManifest(job, permit, repository, ref, {
    scope: pushScope(repository),
    accept: manifestTypes.join(', '),
  })
  if ('failure' in found) {
    const { failure } = found
    discard(failure)
    if (failure.statusCode === 404) return undefined
    return exchange.deny(
      `oci:push ${exchange.connection.name}/${repository}@${ref}`,
      `the registry does not say whether the tag is there (${failure.statusCode})`,
    )
  }
  if (found.digest === digest) return undefined
  // The referrers tag lists what stands beside a manifest: it grows.
  if (besideDigest(ref) !== undefined && isGrown(found, content)) return undefined
  const forced = await exchange.permit(
    operationOn(job, 'oci:force', repository, ref),
    {
      oci: { tag: ref, from: found.digest, to: digest },
    },
    brings(job, pushed),
  )
  return forced.allow ? undefined : `${forced.message}: the tag is there, and names ${found.digest}`
}

function isGrown(found: { bytes: Buffer; type: string }, { listed }: Content): boolean {
  const old = readManifest(found.bytes, found.type)
  const kept = new Set(listed)
  return typeof old !== 'string' && old.listed.every((child) => kept.has(child))
}

async function store(job: Job, permit: Permit, pushed: Pushed): Promise<boolean> {
  const { exchange, registry } = job
  const { repository, ref, digest, bytes, type, content } = pushed
  const upstream = await registry.ask(permit, [pushScope(repository)], {
    method: 'PUT',
    target: `/${repository}/manifests/${ref}`,
    headers: { 'content-type': type, 'content-length': String(bytes.length) },
    body: bytes,
  })
  if (upstream.statusCode !== 201) {
    await passFailure(exchange, upstream)
    return false
  }
  discard(upstream)
  const said = upstream.headers['docker-content-digest']
  if (said !== undefined && said !== digest) {
    const claim = toldDigest(said)
    refuse(exchange, `${nameOf(repository, ref)}: the registry took it for ${claim}, and it is ${digest}`)
    return false
  }
  exchange.accepted({
    type: 'packages.published',
    item: {
      ...{ purl: purlOf(job, repository, digest), integrity: integrityOf(digest), bytes: bytes.length },
      ...(isDigest(ref) ? {} : { tag: ref }),
      // Attestations speak of things by SHA-256.
      ...(digest.startsWith('sha256:') ? {} : { sha256: digestOf(bytes).slice('sha256:'.length) }),
      status: 201,
    },
  })
  // What is about another image has none beside it, and neither has the list of such.
  if (content.subject === undefined && besideDigest(ref) === undefined)
    exchange.madeImage({ repository, digest, isTagged: !isDigest(ref) })
  const subject = upstream.headers['oci-subject']
  answer(exchange, 201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    // Without it the client writes the tag beside the subject itself.
    'oci-subject': subject === content.subject ? content.subject : undefined,
  })
  return true
}
