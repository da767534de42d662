import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MayflyError, Secret, messageOf, type Clock } from '../../lib/index.ts'
import type { HandedCredential, StepGrant } from '../api-facts.ts'
import type { ServerApi } from '../api.ts'
import type { Redactor } from '../redactor.ts'
import { homeInside } from '../sandbox/index.ts'
import { makeMemoryFolder } from './memory-folder.ts'

/** What the server calls what opens nothing: it is masked as any other is. */
const planted = '(planted)'

/** Is it the name of a masked value that opens nothing? */
export function isPlanted(name: string): boolean {
  return name.startsWith(`${planted}.`)
}

/** What a step was handed of credentials; disposed of, nothing is kept fresh any more and its files are gone. */
export interface StepCredentials extends Disposable {
  readonly env: Readonly<Record<string, string>>
  /** Outside, with the same paths as in the step's home. */
  readonly folder: string
  readonly paths: readonly string[]
  /** Asks again at once: something of it is dead. */
  renew(): void
}

export interface CredentialDeps {
  readonly api: Pick<ServerApi, 'credentials'>
  readonly redactor: Pick<Redactor, 'add'>
  readonly clock: Clock
  readonly tell: (line: string) => void
}

/**
 * Fetches what the step is handed, right before its command begins: masked first, then written. Files are replaced before their
 * credential ends; a variable of a process that runs cannot be. Undefined for a step that is handed nothing. Without a
 * sandbox its home is the folder itself. Throws what the server answers, `bad_input`, `isolation_unavailable`.
 */
export async function takeCredentials(
  deps: CredentialDeps,
  step: StepGrant,
  { isolated, taken, named = [] }: { isolated: boolean; taken: readonly string[]; named?: readonly string[] },
): Promise<StepCredentials | undefined> {
  const delivers = step.connections.some((one) => one.delivers === true)
  if (!delivers && step.plants !== true) return undefined
  using made = new DisposableStack()
  const folder = made.use(makeMemoryFolder({ orOnDisk: !isolated || !delivers })).path
  const home = isolated ? homeInside : folder
  const first = await deps.api.credentials(step, home)
  mask(deps.redactor, first)
  // What the job itself has under such a name is not taken from it.
  const env = merged(first, ({ env: variables, connection }) =>
    connection === planted ? without(variables, named) : variables,
  )
  const files = merged(first, ({ files: texts }) => texts)
  refuseOdd(Object.keys(env), Object.keys(files), taken)
  writeAll(folder, files)
  const fresh = made.use(keepFresh({ ...deps, step, home, folder, first }))
  const standing = made.move()
  return {
    ...{ env, folder, paths: Object.keys(files) },
    renew: () => fresh.renew(),
    [Symbol.dispose]: () => standing.dispose(),
  }
}

/** A user's plain name opens nothing, and many are words that stand everywhere (`mayfly`, `x-access-token`). */
const plainName = /^[a-z][a-z0-9_-]{0,15}$/

function without(variables: Readonly<Record<string, string>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name)))
}

/** By their names, so that the record of the step can say which were seen. A tool may show one line of a key. */
function mask(redactor: CredentialDeps['redactor'], credentials: readonly HandedCredential[]): void {
  for (const { connection, fields } of credentials)
    for (const [field, value] of Object.entries(fields)) {
      if (field === 'username' && plainName.test(value)) continue
      const name = `${connection}.${field}`
      redactor.add(new Secret(value, name))
      const lines = value.split(/\r?\n/).filter((line) => line.length > 0 && !line.startsWith('-----'))
      if (lines.length > 1 || lines[0] !== value) redactor.add(...lines.map((line) => new Secret(line, name)))
    }
}

function merged(
  credentials: readonly HandedCredential[],
  of: (one: HandedCredential) => Readonly<Record<string, string>>,
): Record<string, string> {
  const all: Record<string, string> = {}
  for (const one of credentials)
    for (const [name, value] of Object.entries(of(one))) {
      if (Object.hasOwn(all, name))
        throw new MayflyError(
          'bad_input',
          `two connections of the role hand ${name} to the step: leave one out`,
        )
      all[name] = value
    }
  return all
}

const variable = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/
const path = /^(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9._/-]{1,200}(?<!\/)$/

/** The server has looked at its names already; these would be written outside of the folder, or over what caches have. */
function refuseOdd(names: readonly string[], paths: readonly string[], taken: readonly string[]): void {
  const odd = names.find((name) => !variable.test(name)) ?? paths.find((one) => !path.test(one))
  if (odd !== undefined)
    throw new MayflyError(
      'bad_input',
      `the server hands ${JSON.stringify(odd)} to the step, which is no name`,
    )
  const within = paths.find((one) => taken.some((cache) => join(homeInside, one).startsWith(`${cache}/`)))
  if (within !== undefined)
    throw new MayflyError(
      'bad_input',
      `${within}, which the step is handed, would be in one of its caches: leave out that cache`,
    )
}

/** Each replaced at once: whoever reads it finds the old one or the new one, and never a part. */
function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const target = join(folder, name)
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
    const fresh = join(folder, '.fresh')
    writeFileSync(fresh, text, { mode: 0o600 })
    renameSync(fresh, target)
  }
}

/** The server makes another when a third of its time is left, or a minute: a moment later, so that it is not the old one again. */
const askAfter = 3 / 4
const retryMs = 5_000
/** What ends so soon is not asked for again: it ends with its step. */
const lastMs = 10_000

/** Asks again when three quarters of the time of what ends first are over, and more often towards its end. */
function keepFresh(
  deps: CredentialDeps & {
    step: StepGrant
    home: string
    folder: string
    first: readonly HandedCredential[]
  },
): Disposable & Pick<StepCredentials, 'renew'> {
  const { api, step, clock } = deps
  let known = deps.first
  let stopped = false
  let isDead = false
  let asking = false
  let timer: NodeJS.Timeout | undefined
  const leftMs = () => Math.min(...known.map((one) => Date.parse(one.expires_at))) - clock.nowMs()

  function later(delayMs: number): void {
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(() => void renew(), delayMs).unref()
  }

  function soon(): void {
    const left = leftMs()
    if (left > lastMs && left < Number.POSITIVE_INFINITY) later(Math.min(left * askAfter, maxTimerMs))
  }

  async function renew(): Promise<void> {
    asking = true
    try {
      const fresh = await api.credentials(step, deps.home)
      if (stopped) return
      mask(deps.redactor, fresh)
      writeAll(
        deps.folder,
        merged(fresh, ({ files }) => files),
      )
      for (const one of fresh) tellOfVariables(deps.tell, known, one)
      known = fresh
      if (isDead) deps.tell('mayfly: the step has other credentials now')
      isDead = false
      soon()
    } catch (error) {
      if (stopped) return
      const isOver = error instanceof MayflyError && ['revoked', 'bad_token'].includes(error.code)
      if (isOver) return
      if (isDead || leftMs() > 0) return later(retryMs)
      deps.tell(
        `mayfly: the credentials of the step have ended, and there are no others: ${messageOf(error)}`,
      )
    } finally {
      asking = false
    }
  }

  function renewDead(): void {
    if (!isDead)
      deps.tell('mayfly: a credential that the step was handed was revoked: another one is asked for')
    isDead = true
    if (!asking) later(0)
  }

  soon()
  return {
    renew: renewDead,
    [Symbol.dispose]() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

const maxTimerMs = 3_600_000

function tellOfVariables(
  tell: (line: string) => void,
  known: readonly HandedCredential[],
  { connection, env }: HandedCredential,
): void {
  const before = known.find((one) => one.connection === connection)?.env ?? {}
  const changed = Object.keys(env).filter((name) => before[name] !== undefined && before[name] !== env[name])
  if (changed.length > 0)
    tell(
      `mayfly: ${connection} has another credential now; ${changed.join(', ')} of what runs already cannot change: use files, or a ttl as long as the step`,
    )
}
