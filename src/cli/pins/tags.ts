import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { readEnvironment } from '../../config/environment.ts'

/** What a host says of a version of an action: the commit that its tag stands for, or why there is none to pin to. */
export type Resolved = { readonly commit: string } | { readonly why: string }

const timeoutMs = 30_000
/** A line has at most 64 digits and a name of 250. */
const maxBytes = 1_048_576

/**
 * The commits that tags of one repository stand for, by `git ls-remote`: of an annotated tag the commit that it is about, not the
 * tag itself (gitrevisions, "^{}"). `base`: `https://github.com`; `repository`: OWNER/NAME. Nothing of this machine's configuration
 * of Git counts: it may send to another address, or show a login there. A redirect is a failure: whoever holds the old name
 * may have become somebody else.
 */
export async function resolveTags(
  base: string,
  repository: string,
  versions: readonly string[],
): Promise<ReadonlyMap<string, Resolved>> {
  const every = (why: string) => new Map(versions.map((version): [string, Resolved] => [version, { why }]))
  if (!isRepository(repository)) return every('its name is none that a repository has')
  const known = versions.filter(isRefName)
  const refs = known.flatMap((version) => [
    `refs/tags/${version}`,
    `refs/tags/${version}^{}`,
    `refs/heads/${version}`,
  ])
  const found = known.length === 0 ? new Map<string, string>() : await lsRemote(`${base}/${repository}`, refs)
  if (typeof found === 'string') return every(found)
  return new Map(
    versions.map((version) => [
      version,
      known.includes(version) ? resolved(found, version) : { why: 'its version is none that a tag has' },
    ]),
  )
}

function resolved(found: ReadonlyMap<string, string>, version: string): Resolved {
  const tag = found.get(`refs/tags/${version}^{}`) ?? found.get(`refs/tags/${version}`)
  const isBranch = found.has(`refs/heads/${version}`)
  if (tag === undefined)
    return {
      why: isBranch ? `${version} is a branch: name a release of it` : `its repository has no tag ${version}`,
    }
  return isBranch
    ? { why: `${version} is a tag and a branch there: which one runs is not sure` }
    : { commit: tag }
}

/** https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#jobsjob_idstepsuses: what stands before a path. */
export function isRepository(name: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?\/(?!\.{1,2}$)[\w.-]{1,100}$/.test(name)
}

/** A plain one of what git-check-ref-format takes: nothing in it is a pattern or a path up. */
export function isRefName(version: string): boolean {
  return (
    /^[A-Za-z0-9](?:[\w./+-]{0,198}[\w+-])?$/.test(version) && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)/.test(version)
  )
}

/** What would point git at another place; authorities of a network of one's own stay. */
const inherited = /^GIT_(?!SSL_CA)/

async function lsRemote(url: string, refs: readonly string[]): Promise<ReadonlyMap<string, string> | string> {
  const { variables } = readEnvironment()
  const env = Object.fromEntries(Object.entries(variables).filter(([name]) => !inherited.test(name)))
  const settings = [
    'http.followRedirects=false',
    'protocol.allow=never',
    `protocol.${new URL(url).protocol.slice(0, -1)}.allow=always`,
    'credential.helper=',
    'core.askPass=',
  ].flatMap((setting) => ['-c', setting])
  try {
    const { stdout } = await promisify(execFile)('git', [...settings, 'ls-remote', '--', url, ...refs], {
      // Outside of any repository, whose own configuration would count.
      cwd: tmpdir(),
      env: {
        ...env,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CEILING_DIRECTORIES: tmpdir(),
        GIT_DIR: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        // A .netrc is a login, too: libcurl looks for it there.
        HOME: '/dev/null',
        USERPROFILE: '/dev/null',
        LC_ALL: 'C',
      },
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      encoding: 'utf8',
    })
    return refsIn(stdout, new Set(refs))
  } catch (error) {
    return whyNot(error)
  }
}

/** `git ls-remote` takes a name as the end of one: only what was asked for whole counts. */
function refsIn(text: string, asked: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, commit = '', ref = ''] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$/.exec(line) ?? []
    if (asked.has(ref)) found.set(ref, commit)
  }
  return found
}

/** What git says of a server's words goes nowhere. */
function whyNot(error: unknown): string {
  const { code, killed, stderr = '' } = error as { code?: unknown; killed?: boolean; stderr?: string }
  if (code === 'ENOENT') return 'git is not here'
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'its host answered more than any list of tags'
  if (killed === true) return `its host did not answer within ${timeoutMs / 1000} s`
  if (/redirect|returned error: 30\d/i.test(stderr))
    return 'its host sends on to another place: name the repository as it is called now'
  if (/could not read Username|Authentication failed|not found|returned error: 40[134]/i.test(stderr))
    return 'its host does not show it without a login'
  return 'its host could not be asked'
}
