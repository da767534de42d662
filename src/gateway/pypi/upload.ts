import type { Readable } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import {
  canonicalVersion,
  integrityOfHex,
  normalizedProject,
  normalizedVersion,
} from '../../lockfiles/index.ts'
import { discard, pickHeaders, refusedHint, type Exchange, type Permit } from '../exchange.ts'
import { lookAtFiles } from '../look-at.ts'
import type { Turns } from '../turns.ts'
import { answerPlain, refuse } from './answer.ts'
import type { Shelf } from './aside.ts'
import { boundaryIn, createFormReader, formTypeOf, type FormReader } from './form-reader.ts'
import { operationOf } from './index-request.ts'
import type { Pages } from './pages.ts'
import { purlOf, versionOf } from './release-file.ts'
import { openUploadBody, type UploadBody } from './upload-body.ts'

/** What is to be published, by the fields that came before the file. */
interface Publication {
  readonly project: string
  readonly version: string
  readonly file: string
  /** SHA-256 in hex, as the client says. */
  readonly sha256: string
}

export interface UploadDeps {
  readonly pages: Pages
  readonly turns: Turns
  readonly shelf: Shelf
}

/**
 * An upload (PyPI's legacy API, as twine, uv and poetry speak it). Nothing goes upstream before the grant covers project and
 * version, the file's own name says the same, and the index does not have it; the last bytes go when the digest holds.
 */
export async function serveUpload(exchange: Exchange, deps: UploadDeps): Promise<void> {
  try {
    await publish(exchange, deps)
  } catch (error) {
    if (!(error instanceof MayflyError) || !['bad_input', 'limit_exceeded', 'denied'].includes(error.code))
      throw error
    refuse(exchange, error.message, error.code === 'limit_exceeded' ? 413 : 400)
  }
}

async function publish(exchange: Exchange, { pages, turns, shelf }: UploadDeps): Promise<void> {
  const { request, connection } = exchange
  const boundary = boundaryIn(request.headers['content-type'] ?? '')
  if (boundary === undefined)
    throw new MayflyError('bad_input', 'an upload is multipart/form-data with a plain boundary')
  const reader = createFormReader(boundary, limits.uploadFieldBytes)
  const chunks = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const head = await readHead(chunks, reader)
  const publication = publicationOf(reader)
  const { project, version, file, sha256 } = publication
  await using body = openUploadBody({ head, chunks, reader, publication }, shelf)
  const operation = operationOf(exchange, 'pypi:publish', project, version)
  const asked = await exchange.permit(
    operation,
    { published: { file, sha256 } },
    { proven: () => ({ artifact: [`sha256:${sha256}`], beside: () => body.beside() }) },
  )
  if (!asked.allow) return answerPlain(exchange, 403, asked.message)
  const permit = await lookAtUpload(exchange, asked, { body, file, boundary })
  if (typeof permit === 'string') return refuse(exchange, permit, 403)
  await turns(connection, file.toLowerCase(), async (isThere) => {
    const taken = isThere ? existing(file) : await takenReason(exchange, pages, permit, publication)
    if (taken === undefined) {
      const publisher = await exchange.publisher(permit, project)
      return send(exchange, publisher, { boundary, body: body.stream(), publication, reader })
    }
    refuse(exchange, taken.why, taken.status)
    return isThere
  })
}

async function lookAtUpload(
  exchange: Exchange,
  permit: Permit,
  { body, file, boundary }: { readonly body: UploadBody; readonly file: string; readonly boundary: string },
): Promise<Permit | string> {
  if (!exchange.looksAt('packages')) return permit
  const content = await body.file()
  const fields = await body.fields()
  return lookAtFiles(
    exchange,
    permit,
    { place: 'packages', what: file },
    {
      [file]: () => content,
      // Clients make up another boundary for each request.
      'fields of the form': {
        bytes: fields,
        unchanging: JSON.stringify(fields.toString('latin1').split(boundary)),
      },
    },
  )
}

async function readHead(chunks: AsyncIterator<Buffer>, reader: FormReader): Promise<Buffer[]> {
  const head: Buffer[] = []
  while (reader.file === undefined) {
    const { value, done } = await chunks.next()
    if (done === true)
      throw new MayflyError('bad_input', 'an upload has the file in its last part, "content"')
    reader.push(value)
    head.push(value)
  }
  return head
}

function publicationOf({ file }: FormReader): Publication {
  const of = (name: string) => file?.fields.get(name) ?? ''
  const [project, version, sha256] = [
    normalizedProject(of('name')),
    of('version'),
    of('sha256_digest').toLowerCase(),
  ]
  const name = file?.name ?? ''
  const wrong = (why: string) => new MayflyError('bad_input', `${name}: ${why}`)
  if (of(':action') !== 'file_upload') throw wrong('only ":action" file_upload is an upload')
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw wrong('the upload has no "sha256_digest": publish with twine, uv, poetry, pdm, hatch or flit')
  const named = versionOf(name, project)
  if (named === undefined || canonicalVersion(named) !== canonicalVersion(version))
    throw wrong(`its name is not one of a file of ${project.slice(0, 100)} ${version.slice(0, 100)}`)
  return { project, version: normalizedVersion(version), file: name, sha256 }
}

interface Taken {
  readonly status: number
  readonly why: string
}

function existing(file: string): Taken {
  return { status: 409, why: `File already exists: ${file}` }
}

/** Why it cannot be published under this name. */
async function takenReason(
  exchange: Exchange,
  pages: Pages,
  permit: Permit,
  { project, file }: Publication,
): Promise<Taken | undefined> {
  const fetched = await pages.fetch(exchange, permit, project)
  if (fetched.ok) {
    const isThere = fetched.page.files.some(({ filename }) => filename.toLowerCase() === file.toLowerCase())
    return isThere ? existing(file) : undefined
  }
  // Some hosts take uploads only, and answer so to any page.
  if ([404, 405, 410].includes(fetched.status)) return undefined
  return { status: 502, why: `whether ${file} is there already is not known: ${fetched.why}` }
}

/** Whether the index has it now; the step is answered either way. */
async function send(
  exchange: Exchange,
  permit: Permit,
  upload: {
    readonly boundary: string
    readonly body: Readable
    readonly publication: Publication
    readonly reader: FormReader
  },
): Promise<boolean> {
  const { boundary, body, publication, reader } = upload
  const { connection, request, path } = exchange
  // `send` says that the host does not answer when what we give it fails: then the reason is ours.
  let failure: unknown
  body.once('error', (error) => (failure = error))
  const upstream = await exchange
    .send(permit, {
      method: 'POST',
      path,
      headers: {
        ...pickHeaders(request, ['accept', 'content-length', 'user-agent']),
        'accept-encoding': 'identity',
        'content-type': formTypeOf(boundary),
      },
      body,
    })
    .catch((error: unknown) => {
      throw failure ?? error
    })
  discard(upstream)
  const { statusCode = 0, statusMessage = '' } = upstream
  if (statusCode >= 200 && statusCode < 300) {
    const { project, version, file } = publication
    // An index that answers before it has the whole file has not got it.
    const { sha256, bytes } = reader.end()
    exchange.accepted({
      type: 'packages.published',
      item: {
        purl: purlOf({ project, version }, file),
        integrity: integrityOfHex('sha256', sha256),
        bytes,
        status: statusCode,
      },
    })
    answerPlain(exchange, 200, 'OK')
    return true
  }
  // Its own words are few, and an operator's credential is not among them: the body stays here.
  const said = `the index of connection "${connection.name}" answered ${statusCode} ${statusMessage.slice(0, 200)}`
  if (statusCode === 401 || statusCode === 403)
    refuse(exchange, `${said}${refusedHint(connection, statusCode)}`)
  else answerPlain(exchange, statusCode >= 400 ? statusCode : 502, `mayfly: ${said}`)
  return false
}
