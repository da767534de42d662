import { createHash, randomUUID } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError, limits, messageOf } from '../../lib/index.ts'
import type { JobFacts, RoleFacts } from '../session-facts.ts'
import { homeInside } from '../sandbox/index.ts'
import { isWithin, readInside, removeTree } from '../workspace/index.ts'
import { copyKept, digestOf } from './copy.ts'
import { currentOf, promote } from './generations.ts'
import { kindOf } from './kinds.ts'

/** What became of one cache, for the record. */
export interface CacheReport {
  readonly name: string
  /** What the step started with; missing if there was nothing yet. */
  readonly generation?: string
  /** What later runs start with instead. */
  readonly written?: string
}

export interface OpenCaches {
  /** Private folders of this step, and where it sees them. */
  readonly folders: readonly { readonly outside: string; readonly inside: string }[]
  /** Once the step has ended: what it left is kept for later runs where it may be. Its own copies are gone afterwards. */
  close(succeeded: boolean): Promise<CacheReport[]>
}

interface Request {
  /** npm, pip, go, cargo, and folders of the workspace. */
  readonly names: readonly string[]
  /** Where this machine keeps caches; of this user alone. */
  readonly folder: string
  readonly server: string
  readonly job: JobFacts
  readonly role: RoleFacts
  readonly workspace: string
  /** What pins packages of npm, in the workspace. */
  readonly lockfile: string
  readonly workspaceInside: string
  readonly tell: (line: string) => void
}

/** Throws `bad_input` for a cache that this role may not start with. */
export async function openCaches(request: Request): Promise<OpenCaches> {
  const { names, job, role, tell } = request
  const open = names.length === 0 ? [] : await openEach(request)
  return {
    folders: open.map(({ outside, inside }) => ({ outside, inside })),
    async close(succeeded) {
      const reports: CacheReport[] = []
      for (const one of open) {
        const written = succeeded && job.ref_protected ? await keepOrSay(request, one) : undefined
        removeTree(one.outside)
        const { name, generation } = one
        reports.push({
          name,
          ...(generation === undefined ? {} : { generation }),
          ...(written === undefined ? {} : { written }),
        })
      }
      if (open.length > 0 && succeeded && !job.ref_protected)
        tell(`what ${role.name} left in its caches is not kept: the job is not on a protected ref`)
      return reports
    },
  }
}

interface OpenCache {
  readonly name: string
  readonly outside: string
  readonly inside: string
  readonly generation: string | undefined
}

async function openEach(request: Request): Promise<OpenCache[]> {
  const { role, job, tell } = request
  if (job.repository_id === undefined) {
    tell('there are no caches: the issuer names no repository by an id that stays')
    return []
  }
  mkdirSync(request.folder, { recursive: true, mode: 0o700 })
  if (isWithin(request.workspace, realpathSync(request.folder))) {
    tell(
      `there are no caches: ${request.folder} is in the workspace, where a step could change them: set XDG_CACHE_HOME to a folder outside`,
    )
    return []
  }
  removeStale(join(request.folder, 'private'))
  const open: OpenCache[] = []
  for (const name of new Set(request.names)) {
    const { inHome, confirmed } = kindOf(name)
    if (role.writes && confirmed === undefined)
      throw new MayflyError(
        'bad_input',
        `cache "${name}": role "${role.name}" writes, and nothing confirms what other steps put there: leave it out, or build in a step whose role only reads`,
      )
    if (inHome === undefined) refuseLinks(request.workspace, name)
    const outside = join(request.folder, 'private', randomUUID())
    mkdirSync(outside, { recursive: true, mode: 0o700 })
    const current = currentOf(cacheFolder(request, name))
    if (current !== undefined) await fill(request, name, current, outside)
    open.push({
      name,
      outside,
      inside: join(inHome === undefined ? request.workspaceInside : homeInside, inHome ?? name),
      generation: current?.split('/').at(-1),
    })
  }
  return open
}

/** The private copy: of what a lockfile can confirm, only what this one does, by the file's own digest. */
async function fill(request: Request, name: string, from: string, to: string): Promise<void> {
  const kind = kindOf(name)
  const { confirmed, keeps } = kind
  const text =
    confirmed === undefined
      ? undefined
      : readInside(
          request.workspace,
          name === 'npm' ? request.lockfile : confirmed.lockfile,
          limits.lockfileBytes,
        )
  const pins = confirmed?.pins(text ?? '')
  if (confirmed === undefined || pins === undefined) return void (await copyKept(from, to, kind))
  const { isContent, algorithm, indexOf } = confirmed
  const kept = new Set<string>()
  const isPinned = async (path: string) => {
    if (!keeps(path) || !isContent(path)) return false
    const digest = await digestOf(join(from, path), algorithm)
    if (pins.has(digest)) kept.add(digest)
    return pins.has(digest)
  }
  await copyKept(from, to, { keeps: isPinned })
  const isIndex = (path: string) => keeps(path) && !isContent(path)
  const change = indexOf === undefined ? {} : { change: (entries: string) => indexOf(entries, kept) }
  await copyKept(from, to, { keeps: isIndex, ...change })
}

/** In whatever state the step left its files: its end does not depend on it. */
async function keepOrSay(request: Request, one: OpenCache): Promise<string | undefined> {
  try {
    return await keep(request, one)
  } catch (error) {
    request.tell(`cache "${one.name}" is not kept: ${messageOf(error)}`)
    return undefined
  }
}

async function keep(request: Request, { name, outside }: OpenCache): Promise<string | undefined> {
  const id = `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}`
  const made = join(request.folder, 'private', `next-${id}`)
  const kept = await copyKept(outside, made, kindOf(name)).catch((error: unknown) => {
    removeTree(made)
    throw error
  })
  if (kept === undefined) {
    request.tell(`cache "${name}" is not kept: it has more than 5 GiB or 500000 files`)
    return undefined
  }
  if (kept.leftOut.length > 0)
    request.tell(
      `cache "${name}" is kept but for links that lead out of it and what is no file: ${shownOf(kept.leftOut)} (a Python environment has none with: python3 -m venv --copies)`,
    )
  promote(cacheFolder(request, name), made, id)
  return id
}

/** A step names its files; a line break in one would be a line of ours. */
function shownOf(leftOut: readonly string[]): string {
  const shown = leftOut.slice(0, 5).map((one) => one.replaceAll(/[^\x20-\x7e]/g, '?').slice(-160))
  return shown.join(', ') + (leftOut.length > 5 ? `, and ${leftOut.length - 5} more` : '')
}

/** One for each repository, by its id, and server: whose word it is that a ref is protected. */
function cacheFolder({ folder, server, job }: Request, name: string): string {
  const key = createHash('sha256')
    .update(JSON.stringify([server, job.issuer, job.repository_id, name]))
    .digest('hex')
  return join(folder, key)
}

/** No role lasts longer than a day, so nobody works on an older copy: whoever made it was killed. */
const staleMs = 25 * 60 * 60 * 1_000

function removeStale(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name)
    const made = statSync(path, { throwIfNoEntry: false })?.birthtimeMs ?? Date.now()
    if (Date.now() - made > staleMs) removeTree(path)
  }
}

/** A link of the step's on the way would lead the mount elsewhere. */
function refuseLinks(workspace: string, name: string): void {
  const parts = name.split('/')
  for (const i of parts.keys()) {
    const path = join(workspace, ...parts.slice(0, i + 1))
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true) continue
    throw new MayflyError('bad_input', `cache "${name}": ${path} is no folder: remove it, or name another`)
  }
}
