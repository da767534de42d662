import { isJobToken } from '../read/secret-names.ts'
import type { PipelineFile, SecretReference } from '../model.ts'
import { replacementOf } from '../replace/replace.ts'
import type { Replacement } from '../replace/replacement.ts'
import { reachOf, type ScriptReach } from './commands/index.ts'
import { unknownName } from './commands/command.ts'
import { connectionsFor } from './connections.ts'
import { goesTo, sentIn, unsentIn, usualWay } from './http-way.ts'
import type { Need, Project } from './model.ts'

/** What takes a secret's place in a step, or why nothing can. */
export type Moved =
  | {
      readonly ok: true
      readonly needs: readonly Need[]
      readonly replacement: Replacement
      readonly isGuess: boolean
    }
  | { readonly ok: false; readonly why: string; readonly instead?: string; readonly isUnclear?: true }
  /** What the CI makes for one job, or no secret by its name: it may stay. */
  | { readonly ok: 'stays'; readonly isJobToken: boolean }

/** What a step's script would need of Mayfly in place of this secret. */
export function movedIn(
  file: PipelineFile,
  reference: SecretReference,
  script: string,
  project: Project,
): Moved {
  const one = movedTo(file, reference, script, project)
  return one.ok === true
    ? { ...one, needs: one.needs.map((need) => ({ ...need, by: [reference.name] })) }
    : one
}

function movedTo(file: PipelineFile, reference: SecretReference, script: string, project: Project): Moved {
  if (reference.store === 'all')
    return { ok: false, why: 'it hands on every secret at once', instead: 'name those that are needed' }
  const replacement = replacementOf(file, reference)
  if (replacement === undefined) return { ok: 'stays', isJobToken: isJobToken(file.ci, reference.name) }
  const kept = cannotMove(replacement)
  if (kept !== undefined) return kept
  const reach = reachOf(script, project)
  // What writes needs the secret; what only reads may be public.
  const needs = reach.needs
    .filter((one) => isFor(one, replacement) && isNamedFor(one, reference))
    .toSorted((one, other) => Number(other.writes) - Number(one.writes))
  const unsent = unsentIn(script, namesOf(reference))
  if (unsent !== undefined && needs.length > 0) return { ok: false, ...unsent }
  const other = otherRegistry(replacement, script, needs)
  if (other !== undefined) return other
  if (needs.length > 0) return { ok: true, needs, replacement, isGuess: false }
  if (replacement.connection === 'http') return httpMoved(replacement, reach, script, reference, project)
  const guess = usual(replacement, project)
  if (guess.length === 0)
    return {
      ok: false,
      why: `it is ${replacement.what}, and the script does not show what it is for`,
      instead: replacement.how,
      isUnclear: true,
    }
  return { ok: true, needs: guess, replacement, isGuess: true }
}

function namesOf({ name, target }: SecretReference): string[] {
  return [name, ...(target === undefined ? [] : [target])]
}

function cannotMove({ id, how, what, connection }: Replacement): Moved | undefined {
  if (connection === undefined) return { ok: false, why: `it is ${what}: ${how}` }
  if (id === 'webhook') return { ok: false, why: `it is ${what}`, instead: how }
  return undefined
}

/** `DB_PASSWORD` may be that of any database, and `PGPASSWORD` is none of MySQL's. */
function isNamedFor({ connection }: Need, { name, target = '' }: SecretReference): boolean {
  return connection !== 'mysql-database' || !/^PG|(?:^|_)(?:PG|POSTGRES)/.test(`${target} ${name}`)
}

/** A login for another registry than that of the connections: the step would reach neither. */
function otherRegistry({ id }: Replacement, script: string, needs: readonly Need[]): Moved | undefined {
  if (id !== 'npm') return undefined
  const named = [
    ...script.matchAll(
      /\/\/([\w.-]{1,253})(?::\d{1,5})?(?:\/[^\s"']{0,200})?:_(?:authToken|auth|password)\b/g,
    ),
  ]
  const other = named
    .flatMap(([, host]) => host ?? [])
    .find(
      (host) =>
        !/^registry\.(?:npmjs\.org|yarnpkg\.com)$/.test(host) &&
        !needs.some(({ url }) => url !== undefined && URL.canParse(url) && new URL(url).hostname === host),
    )
  return other === undefined
    ? undefined
    : {
        ok: false,
        why: `it is for the registry at ${other}, and the command does not say that it goes there`,
        instead: `say it: npm publish --registry https://${other}/...`,
      }
}

function isFor(need: Need, replacement: Replacement): boolean {
  // Its name says nothing: what the script asks of a forge's API is what it is for.
  if (replacement.id === 'http') return need.needsLogin === true
  if (replacement.id === 'oci') return need.action.startsWith('oci:')
  const connection = need.connection.startsWith('git-') ? 'git' : need.connection
  return connectionsFor(replacement).includes(connection)
}

/** A step whose script calls something that we do not know: the grant that such a job needs, for what is there nowhere. */
function usual({ id }: Replacement, project: Project): Need[] {
  const { path } = project.repository
  const read = (connection: string, action: string): Need => ({ connection, action, path, writes: false })
  const write = (connection: string, action: string, to: string): Need => ({
    connection,
    action,
    path: to,
    writes: true,
  })
  const publish: Readonly<Record<string, string>> = {
    npm: 'npm publish',
    pypi: 'twine upload',
    cargo: 'cargo publish',
    rubygems: 'gem push',
    maven: 'mvn deploy',
  }
  const command = publish[id]
  if (command !== undefined) return reachOf(command, project).needs.filter(({ writes }) => writes)
  const others: Readonly<Record<string, Need>> = {
    github: read('github', 'github:read'),
    git: read('git', 'git:read'),
    gitlab: read('gitlab', 'gitlab:read'),
    aws: write('aws', 'aws:call', `s3:PutObject/${unknownName}`),
    postgres: write('database', 'postgres:write', unknownName),
    mysql: write('mysql-database', 'mysql:write', unknownName),
    redis: write('cache', 'redis:write', `${unknownName}:*`),
  }
  const one = others[id]
  return one === undefined ? [] : [one]
}

/** An API by token: the paths that the script asks for, if `curl` says them. */
function httpMoved(
  replacement: Replacement,
  { hosts }: ScriptReach,
  script: string,
  reference: SecretReference,
  project: Project,
): Moved {
  const known =
    replacement.url === undefined || replacement.id === 'http' ? undefined : new URL(replacement.url).host
  const urls = [
    ...script.matchAll(
      /https:\/\/([a-z0-9.-]+)(\/(?:\$\{\{[^}\n]*\}\}|\$\{[^}\n]*\}|\$\([^)\n]*\)|[\w./%~$+:@,-])*)?/gi,
    ),
  ]
  const [host, ...others] = [...new Set(hosts.map((one) => one.replace(/:443$/, '')))]
  if (replacement.url === undefined && (host === undefined || others.length > 0))
    return {
      ok: false,
      why: 'neither its name nor the script says what it is for',
      instead: 'if it is for an HTTP API, a connection of kind http adds it (docs/configuration.md)',
    }
  const at = known ?? host ?? ''
  const shown = sentIn(script, namesOf(reference))
  if (shown === undefined && replacement.url === undefined)
    return {
      ok: false,
      why: 'the script does not show how it is sent',
      instead: 'name it where it is sent: curl -H "Authorization: Bearer $NAME"',
    }
  const sent = shown ?? usualWay(replacement.id)
  if ('why' in sent) return { ok: false, ...sent }
  if (!goesTo(at, script, namesOf(reference)))
    return {
      ok: false,
      why: `it is sent to an address that the script does not say, or to another one than ${at}`,
      instead: 'write the host out where it is sent: curl https://HOST/...',
    }
  if (at === new URL(project.repository.host).host)
    return {
      ok: false,
      why: `it is sent to ${at}, where Git is, too, and no two connections have one address`,
      instead: 'give it to a step of its own outside of Mayfly',
    }
  const path = narrowPath(urls.find(([, one]) => one?.toLowerCase() === at)?.[2] ?? '')
  const isRead =
    !/\s(?:-X|--request|-d|--data\S*|-F|--form|-T|--upload-file|--json)\b/.test(script) &&
    urls.some(([, one]) => one === at)
  const method =
    /(?:-X|--request)[ =]?"?(PUT|PATCH|DELETE)\b/.exec(script)?.[1]?.toLowerCase() ??
    (isRead ? 'get' : 'post')
  const connection =
    replacement.id === 'http'
      ? `api-${at.replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60)
      : `api-${replacement.id}`
  const way = JSON.stringify(sent.way)
  if ((project.ways?.get(connection) ?? way) !== way)
    return {
      ok: false,
      why: `another one is sent to ${at} in another way, and its connection has one credential`,
      instead: 'send both in one way, or give the other one to a step of its own outside of Mayfly',
    }
  project.ways?.set(connection, way)
  const need: Need = {
    connection,
    url: `https://${at}`,
    way: sent.way,
    action: `http:${method}`,
    path,
    writes: method !== 'get',
  }
  return { ok: true, needs: [need], replacement, isGuess: path.includes(unknownName) }
}

/** What a variable or an expression is part of nobody knows here: whoever applies the policy says it. */
function narrowPath(path: string): string {
  const parts = path.replace(/^\//, '').split(/\/(?![^{(]*[})])/)
  const known = parts.map((part) => (/[$`{}()]/.test(part) ? unknownName : part)).join('/')
  return known === '' ? unknownName : known
}
