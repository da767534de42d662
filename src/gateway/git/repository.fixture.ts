import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { serveGit } from '../../../demo/peers/git-server.ts'
import type { GrantEntry } from '../../config/index.ts'
import { compileRules, openWorld, request, usualConnections, type World } from '../gateway.fixture.ts'
import type { PushScanner } from '../push-scanner.ts'
import { pushHead } from './git.fixture.ts'
import { readPacket } from './pkt-line.ts'

/** A folder with git in it, of no user's configuration. */
export interface Repository {
  readonly folder: string
  /** Runs git; returns what it printed, trimmed. */
  git(args: readonly string[], input?: string | Buffer): string
  /** The same, as bytes. */
  gitBytes(args: readonly string[], input?: string | Buffer): Buffer
  /** Makes a commit with these parents, of its own kind by `name`, and returns its id. */
  commit(name: string, ...parents: string[]): string
  /** A pack of what these revisions name (`new`, `^old`), as `git push` makes it. */
  pack(...revisions: string[]): Buffer
}

const environment = {
  PATH: process.env['PATH'],
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
}

export function openRepository(folder: string): Repository {
  const gitBytes: Repository['gitBytes'] = (args, input) =>
    execFileSync('git', ['-C', folder, ...args], {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
      ...(input === undefined ? {} : { input }),
    })
  const git: Repository['git'] = (args, input) => gitBytes(args, input).toString().trim()
  return {
    folder,
    git,
    gitBytes,
    commit(name, ...parents) {
      const blob = git(['hash-object', '-w', '--stdin'], `${name}\n`.repeat(20))
      const tree = git(['mktree'], `100644 blob ${blob}\t${name}\n`)
      return git(['commit-tree', tree, '-m', name, ...parents.flatMap((parent) => ['-p', parent])])
    },
    pack: (...revisions) =>
      gitBytes(
        ['pack-objects', '-q', '--revs', '--stdout', '--thin', '--delta-base-offset'],
        `${revisions.join('\n')}\n`,
      ),
  }
}

export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-git-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What a Git server answered to a push, or we in its place. */
export interface PushAnswer {
  readonly status: number
  /** By ref: `ok`, or the reason of `ng`. */
  readonly refs: Readonly<Record<string, string>>
  readonly remote: string
}

export interface GitWorld extends World {
  /** The repository on the server, octo/app. */
  readonly server: Repository
  /** Ids of commits: `base` <- `old` (main, and tag v1) <- `next` (dev). */
  readonly ids: { readonly base: string; readonly old: string; readonly next: string }
  /** A clone, where a step makes its commits. */
  readonly local: Repository
  /** A push as its bytes are, of a client that obeys no rule. */
  pushRaw(
    updates: readonly (readonly [string, string, string])[],
    pack: Buffer,
    options?: { capabilities?: string; shallow?: readonly string[]; options?: readonly string[] },
  ): Promise<PushAnswer>
  /** The ref on the server; empty if it is not there. */
  refOf(name: string): string
  /** What the last entry of a granted push says of each ref. */
  recorded(): unknown
}

/** A gateway before git's own http-backend; the role may push to `refs/heads/*` and `refs/tags/*`, and what `more` grants. */
export async function openGitWorld(
  t: TestContext,
  options: {
    more?: readonly GrantEntry[]
    init?: readonly string[]
    /** Keys of the connection beside the usual ones. */
    connection?: Readonly<Record<string, unknown>>
    scanner?: PushScanner
  } = {},
): Promise<GitWorld> {
  const root = makeFolder(t)
  const folder = join(root, 'octo/app.git')
  mkdirSync(folder, { recursive: true })
  const server = openRepository(folder)
  server.git(['init', '-q', '--bare', '-b', 'main', ...(options.init ?? [])])
  const base = server.commit('base')
  const old = server.commit('old', base)
  const next = server.commit('next', old)
  for (const [ref, id] of [
    ['refs/heads/main', old],
    ['refs/tags/v1', old],
    ['refs/heads/dev', next],
  ] as const)
    server.git(['update-ref', ref, id])
  execFileSync('git', ['clone', '-q', folder, join(root, 'local')], { env: environment })
  const grants = [
    'git:read git/octo/app',
    'git:push git/octo/app@refs/heads/*',
    'git:push git/octo/app@refs/tags/*',
    'git:push git/octo/app@refs/notes/*',
    'npm:install npm',
    ...(options.more ?? []),
  ]
  const { scanner } = options
  const world = await openWorld(t, { grants, ...(scanner === undefined ? {} : { scanner }) })
  if (options.connection !== undefined) {
    const usual = usualConnections(world.upstream)
    const git = { ...(usual['git'] as object), ...options.connection }
    const { targets, policy } = compileRules({ ...usual, git }, grants)
    world.setTargets(targets, policy)
  }
  world.upstream.answersRefs = false
  world.upstream.onHead = (incoming, response) => serveGit(root, incoming, response)
  return {
    ...world,
    server,
    ids: { base, old, next },
    local: openRepository(join(root, 'local')),
    async pushRaw(updates, pack, head) {
      const answer = await world.ask(
        request('POST', '/octo/app.git/git-receive-pack', {
          headers: { 'content-type': 'application/x-git-receive-pack-request' },
          body: Buffer.concat([pushHead(updates, head), pack]),
        }),
      )
      return readAnswer(answer)
    },
    refOf: (name) => server.git(['for-each-ref', '--format=%(objectname)', name]),
    recorded() {
      const { git } = (world.audit.ofType('access.granted').at(-1)?.data ?? {}) as {
        git?: { updates: { ref: string; change: string }[] }
      }
      return git?.updates.map(({ ref, change }) => `${change} ${ref}`)
    },
  }
}

/** Reads report-status, on its side band or without, in whatever chunks HTTP brought it. */
function readAnswer({ status, head, body }: { status: number; head: string; body: string }): PushAnswer {
  const text = /transfer-encoding: chunked/i.test(head) ? unchunk(body) : body
  const lines: string[] = []
  let remote = ''
  const read = (bytes: Buffer, isBand: boolean): void => {
    let report = ''
    for (let offset = 0; ;) {
      let packet
      try {
        packet = readPacket(bytes, offset)
      } catch {
        return
      }
      if (packet === undefined) break
      offset = packet.next
      if (packet.packet.kind !== 'data') continue
      const payload = packet.packet.payload.toString('latin1')
      if (isBand && payload[0] === '\u0001') report += payload.slice(1)
      else if (isBand && payload[0] === '\u0002') remote += payload.slice(1)
      else lines.push(payload.trim())
    }
    if (report !== '') read(Buffer.from(report, 'latin1'), false)
  }
  read(Buffer.from(text), true)
  const refs = lines.flatMap((line): [string, string][] => {
    const [, verdict, ref = '', why = ''] = /^(ok|ng) (\S+) ?(.*)$/.exec(line) ?? []
    return verdict === undefined ? [] : [[ref, verdict === 'ok' ? 'ok' : why]]
  })
  return { status, refs: Object.fromEntries(refs), remote: refs.length === 0 ? `${remote}${text}` : remote }
}

function unchunk(body: string): string {
  let [rest, text] = [body, '']
  for (;;) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? []
    if (line === '' || parseInt(size, 16) === 0) return text
    const length = parseInt(size, 16)
    text += rest.slice(line.length, line.length + length)
    rest = rest.slice(line.length + length + 2)
  }
}
